#include "imap/quote.h"

enum {
        SPECIAL = 1, /* has a backslash before it in a quoted string */
        NEVER = 2,   /* is in no quoted string */
        EIGHT_BIT = 0x80,
};

static const unsigned char kinds[256] = {
        ['"'] = SPECIAL, ['\\'] = SPECIAL, ['\0'] = NEVER, ['\r'] = NEVER, ['\n'] = NEVER,
};

/* What is in the string, in one pass; one that is too long is not looked into. */
static unsigned look(struct slice s)
{
        unsigned seen = s.n > QUOTE_MAX ? NEVER : 0;
        if (seen)
                return seen;
        for (size_t i = 0; i < s.n; i++) {
                unsigned char c = (unsigned char)s.p[i];
                seen |= kinds[c] | (c & EIGHT_BIT);
        }
        return seen;
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

static void write_quoted(struct buf *to, struct slice s, bool has_special)
{
        char *p = buf_reserve(to, 2 * s.n + 2);
        if (!p)
                return;
        char *start = p;
        *p++ = '"';
        if (!has_special && s.n) {
                memcpy(p, s.p, s.n);
                p += s.n;
        }
        for (size_t i = 0; has_special && i < s.n; i++) {
                if (kinds[(unsigned char)s.p[i]] == SPECIAL)
                        *p++ = '\\';
                *p++ = s.p[i];
        }
        *p++ = '"';
        to->n += (size_t)(p - start);
}

/* As a literal when one of `not_quoted` is in it. */
static void write_string(struct buf *to, struct slice s, unsigned not_quoted)
{
        unsigned seen = look(s);
        if (seen & not_quoted)
                write_literal(to, s);
        else
                write_quoted(to, s, seen & SPECIAL);
}

void quote_string(struct buf *to, struct slice s)
{
        write_string(to, s, NEVER | EIGHT_BIT);
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
        if (!s.p)
                buf_str(to, "NIL");
        else
                write_string(to, s, NEVER | EIGHT_BIT | SPECIAL);
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
        write_string(to, s, NEVER);
}

void quote_utf8_astring(struct buf *to, struct slice s)
{
        if (is_atom(s))
                buf_append(to, s);
        else
                quote_utf8_string(to, s);
}
