#include "imap/section.h"

#include "imap/quote.h"
#include "mime/header.h"

bool section_needs_parts(const struct imap_section *what)
{
        return what->part_n > 0 || what->text == SECTION_MIME;
}

static bool picks_fields(const struct imap_section *what)
{
        return what->text == SECTION_HEADER_FIELDS || what->text == SECTION_HEADER_FIELDS_NOT;
}

/* The pieces a section is put together from, each of whole lines (but the last of the message). */

struct pieces {
        const struct section *s;
        struct header_iter it;
        bool unfinished; /* the last piece had no line end */
        unsigned end;    /* what follows the fields: the next of its pieces */
};

static struct pieces pieces_of(const struct section *s)
{
        struct pieces p = {.s = s, .it = header_iter(s->text)};
        p.it.everything = true;
        return p;
}

static bool is_picked(const struct imap_section *what, const struct header_field *f)
{
        bool named = false;
        for (size_t i = 0; i < what->fields_n && !named; i++)
                named = f->name.n && slice_ieq(what->fields[i], f->name);
        return named == (what->text == SECTION_HEADER_FIELDS);
}

static bool has_empty_line(struct slice header)
{
        return slice_eq(header, SLICE("\n")) || slice_eq(header, SLICE("\r\n")) ||
               slice_ends(header, SLICE("\n\n")) || slice_ends(header, SLICE("\n\r\n"));
}

/* The empty line belongs to every subset (RFC 3501 section 7.4.2). HEADER.FIELDS has it even when the message
 * has none, for clients read the reply as a header. */
static bool next_field(struct pieces *p, struct slice *ret)
{
        struct header_field field;
        while (p->end == 0 && header_next(&p->it, &field)) {
                if (!is_picked(p->s->what, &field))
                        continue;
                *ret = field.raw;
                p->unfinished = !slice_ends(field.raw, SLICE("\n"));
                return true;
        }
        bool only = p->s->what->text == SECTION_HEADER_FIELDS;
        *ret = SLICE("\r\n");
        if (p->end == 0) {
                p->end = 1;
                if (only && p->unfinished)
                        return true;
        }
        return p->end++ == 1 && (only || has_empty_line(p->s->text));
}

static bool next_piece(struct pieces *p, struct slice *ret)
{
        if (picks_fields(p->s->what))
                return next_field(p, ret);
        *ret = p->s->text;
        return p->end++ == 0 && p->s->text.n > 0;
}

/* A place in a piece: `raw` bytes are behind, and of the line end at `raw` the CR too that is sent for it. */
struct place {
        size_t raw;
        bool after_cr;
};

static bool is_bare_lf(struct slice s, size_t at)
{
        return at == 0 || s.p[at - 1] != '\r';
}

/* Moves on by n bytes as sent, or to the end. Returns by how many. */
static uint64_t advance(struct slice s, struct place *at, uint64_t n)
{
        uint64_t left = n;
        while (left && at->raw < s.n) {
                size_t run = at->after_cr ? 0 : slice_find(slice_from(s, at->raw), '\n');
                run = (size_t)MIN((uint64_t)run, left);
                at->raw += run;
                left -= run;
                if (!left || at->raw == s.n)
                        break;
                left--;
                if (!at->after_cr && is_bare_lf(s, at->raw)) {
                        at->after_cr = true;
                } else {
                        at->after_cr = false;
                        at->raw++;
                }
        }
        return n - left;
}

uint64_t section_crlf_size(struct slice text)
{
        struct place at = {0};
        return advance(text, &at, UINT64_MAX);
}

/* What a partial leaves: skip, then left. */
struct window {
        uint64_t skip, left;
};

static struct window window_of(const struct imap_section *what)
{
        return what->partial ? (struct window){what->offset, what->count} : (struct window){0, UINT64_MAX};
}

/* The part of a piece that is inside the window: from *from to *to. Returns its size. */
static uint64_t cut(struct window *w, struct slice piece, struct place *from, struct place *to)
{
        *from = (struct place){0};
        w->skip -= advance(piece, from, w->skip);
        *to = *from;
        uint64_t n = advance(piece, to, w->left);
        w->left -= n;
        return n;
}

static uint64_t section_size(const struct section *s)
{
        struct pieces pieces = pieces_of(s);
        struct window w = window_of(s->what);
        struct slice piece;
        struct place from, to;
        uint64_t size = 0;
        while (w.left && next_piece(&pieces, &piece))
                size += cut(&w, piece, &from, &to);
        return size;
}

static int find_in_parts(const struct part *root, const struct imap_section *what, struct part_range *ret)
{
        static const enum part_section kinds[] = {
                [SECTION_ALL] = PART_SECTION_ALL,
                [SECTION_HEADER] = PART_SECTION_HEADER,
                [SECTION_HEADER_FIELDS] = PART_SECTION_HEADER,
                [SECTION_HEADER_FIELDS_NOT] = PART_SECTION_HEADER,
                [SECTION_TEXT] = PART_SECTION_TEXT,
                [SECTION_MIME] = PART_SECTION_MIME,
        };
        return part_section(root, what->part, what->part_n, kinds[what->text], ret);
}

void section_locate(struct slice message, const struct part *root, const struct imap_section *what,
                    struct section *ret)
{
        struct section s = {.what = what};
        struct part_range range;
        if (section_needs_parts(what)) {
                if (find_in_parts(root, what, &range) < 0) {
                        *ret = s;
                        return;
                }
                s.text = part_bytes(message, range);
                s.size = part_virtual_size(range);
                if (!what->partial && !picks_fields(what)) {
                        *ret = s;
                        return;
                }
        } else if (what->text == SECTION_ALL) {
                s.text = message;
        } else if (what->text == SECTION_TEXT) {
                s.text = slice_from(message, header_size(message));
        } else {
                s.text = slice_head(message, header_size(message));
        }
        s.size = section_size(&s);
        *ret = s;
}

static void write_without_nul(struct conn *c, struct slice s, char last)
{
        while (s.n) {
                size_t nul = slice_find(s, 0);
                conn_write_crlf(c, slice_head(s, nul), &last);
                if (nul < s.n)
                        conn_write_crlf(c, SLICE(QUOTE_NUL), &last);
                s = slice_from(s, nul + 1);
        }
}

/* A cut may fall between CR and LF of a line end that is stored as LF: then the LF goes alone, or the CR. */
static void write_cut(struct conn *c, struct slice piece, struct place from, struct place to)
{
        char last = from.after_cr ? '\r' : from.raw ? piece.p[from.raw - 1] : 0;
        write_without_nul(c, slice_make(piece.p + from.raw, to.raw - from.raw), last);
        if (to.after_cr && !(from.after_cr && from.raw == to.raw))
                conn_write(c, SLICE("\r"));
}

void section_write(struct conn *c, const struct section *s)
{
        struct pieces pieces = pieces_of(s);
        struct window w = window_of(s->what);
        struct slice piece;
        struct place from, to;
        if (s->size == 0)
                return; /* a missing part's HEADER.FIELDS too, which has not even the empty line */
        while (w.left && next_piece(&pieces, &piece)) {
                if (!s->what->partial) {
                        write_without_nul(c, piece, 0);
                } else {
                        cut(&w, piece, &from, &to);
                        write_cut(c, piece, from, to);
                }
        }
}

void section_name(struct buf *to, const struct imap_section *what)
{
        static const char *const names[] = {
                [SECTION_ALL] = "",
                [SECTION_HEADER] = "HEADER",
                [SECTION_HEADER_FIELDS] = "HEADER.FIELDS (",
                [SECTION_HEADER_FIELDS_NOT] = "HEADER.FIELDS.NOT (",
                [SECTION_TEXT] = "TEXT",
                [SECTION_MIME] = "MIME",
        };
        buf_str(to, "BODY[");
        for (size_t i = 0; i < what->part_n; i++)
                buf_printf(to, i ? ".%u" : "%u", what->part[i]);
        if (what->part_n && what->text != SECTION_ALL)
                buf_char(to, '.');
        buf_str(to, names[what->text]);
        if (picks_fields(what)) {
                for (size_t i = 0; i < what->fields_n; i++) {
                        buf_str(to, i ? " " : "");
                        size_t start = to->n;
                        quote_astring(to, what->fields[i]);
                        for (size_t k = start; k < to->n; k++)
                                to->p[k] = ascii_upper(to->p[k]);
                }
                buf_char(to, ')');
        }
        buf_char(to, ']');
        if (what->partial)
                buf_printf(to, "<%u>", what->offset);
}
