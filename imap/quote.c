#include "imap/quote.h"

static bool is_special(char c)
{
        return c == '"' || c == '\\';
}

static bool has_special(struct slice s)
{
        for (size_t i = 0; i < s.n; i++)
                if (is_special(s.p[i]))
                        return true;
        return false;
}

static bool may_quote(struct slice s, unsigned char last)
{
        if (s.n > QUOTE_MAX)
                return false;
        for (size_t i = 0; i < s.n; i++) {
                unsigned char c = (unsigned char)s.p[i];
                if (c == 0 || c == '\r' || c == '\n' || c > last)
                        return false;
        }
        return true;
}

static void write_literal(struct buf *to, struct slice s)
{
        buf_char(to, '{');
        buf_number(to, s.n);
        buf_str(to, "}\r\n");
        while (s.n) {
                size_t nul = slice_find(s, 0);
                buf_append(to, slice_head(s, nul));
                if (nul < s.n)
                        buf_append(to, SLICE(QUOTE_NUL));
                s = slice_from(s, nul + 1);
        }
}

static void write_quoted(struct buf *to, struct slice s)
{
        char *p = buf_reserve(to, 2 * s.n + 2);
        if (!p)
                return;
        char *start = p;
        *p++ = '"';
        for (size_t i = 0; i < s.n; i++) {
                if (is_special(s.p[i]))
                        *p++ = '\\';
                *p++ = s.p[i];
        }
        *p++ = '"';
        to->n += (size_t)(p - start);
}

void quote_string(struct buf *to, struct slice s)
{
        if (may_quote(s, 127))
                write_quoted(to, s);
        else
                write_literal(to, s);
}

void quote_nstring(struct buf *to, struct slice s)
{
        if (!s.p)
                buf_str(to, "NIL");
        else
                quote_string(to, s);
}

void quote_text(struct buf *to, struct slice s)
{
        if (s.p && has_special(s))
                write_literal(to, s);
        else
                quote_nstring(to, s);
}

/* ATOM-CHAR and "]" (RFC 3501 ASTRING-CHAR), but without "]": inside BODY[...] it would end the section. */
static bool is_atom(struct slice s)
{
        for (size_t i = 0; i < s.n; i++) {
                unsigned char c = (unsigned char)s.p[i];
                if (c <= ' ' || c >= 127 || strchr("(){%*\"\\]", c))
                        return false;
        }
        return s.n > 0 && !slice_ieq(s, SLICE("NIL"));
}

void quote_astring(struct buf *to, struct slice s)
{
        if (is_atom(s))
                buf_append(to, s);
        else
                quote_string(to, s);
}

void quote_utf8_string(struct buf *to, struct slice s)
{
        if (may_quote(s, 255))
                write_quoted(to, s);
        else
                write_literal(to, s);
}

void quote_utf8_astring(struct buf *to, struct slice s)
{
        if (is_atom(s))
                buf_append(to, s);
        else
                quote_utf8_string(to, s);
}
