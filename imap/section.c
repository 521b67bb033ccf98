#include "imap/section.h"

#include "base/crlf.h"
#include "imap/quote.h"
#include "mime/header.h"

enum {
        STRIDE = 4096, /* bytes that are passed over at once */
        COPY = 4096,   /* bytes that are looked through for NULs at once */
};

static bool picks_fields(const struct imap_section *what)
{
        return what->text == SECTION_HEADER_FIELDS || what->text == SECTION_HEADER_FIELDS_NOT;
}

static bool is_marked(const struct section_mark *mark, const struct imap_section *what, struct slice message)
{
        return mark && mark->set && what->partial && mark->message == message.n && mark->text == what->text &&
               mark->part_n == what->part_n &&
               (what->part_n == 0 || memcmp(mark->part, what->part, what->part_n * sizeof(*what->part)) == 0);
}

bool section_needs_parts(const struct imap_section *what, const struct section_mark *mark,
                         struct slice message)
{
        return (what->part_n > 0 || what->text == SECTION_MIME) && !is_marked(mark, what, message);
}

/* The pieces HEADER.FIELDS is put together from, each of whole lines (but the last of the message). */

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

static bool is_bare_lf(struct slice s, size_t at)
{
        return at == 0 || s.p[at - 1] != '\r';
}

static void pass_line_end(struct slice s, struct section_place *at)
{
        if (!at->after_cr && is_bare_lf(s, at->raw)) {
                at->after_cr = true;
        } else {
                at->after_cr = false;
                at->raw++;
        }
}

/* Moves on by n bytes as sent, or to the end. Returns by how many. */
static uint64_t advance(struct slice s, struct section_place *at, uint64_t n)
{
        uint64_t left = n;
        if (left && at->after_cr) {
                pass_line_end(s, at);
                left--;
        }
        while (left >= 2 * STRIDE && s.n - at->raw >= STRIDE) {
                struct slice stride = slice_make(s.p + at->raw, STRIDE);
                left -= STRIDE + crlf_bare(stride, at->raw ? s.p[at->raw - 1] : '\0');
                at->raw += STRIDE;
        }
        while (left && at->raw < s.n) {
                size_t most = (size_t)MIN((uint64_t)(s.n - at->raw), left);
                size_t run = at->after_cr ? 0 : slice_find(slice_make(s.p + at->raw, most), '\n');
                at->raw += run;
                left -= run;
                if (!left || at->raw == s.n)
                        break;
                left--;
                pass_line_end(s, at);
        }
        return n - left;
}

uint64_t section_crlf_size(struct slice text)
{
        return text.n + crlf_bare(text, '\0');
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
static uint64_t cut(struct window *w, struct slice piece, struct section_place *from,
                    struct section_place *to)
{
        *from = (struct section_place){0};
        w->skip -= advance(piece, from, w->skip);
        *to = *from;
        uint64_t n = advance(piece, to, w->left);
        w->left -= n;
        return n;
}

static uint64_t picked_size(const struct section *s)
{
        struct pieces pieces = pieces_of(s);
        struct window w = window_of(s->what);
        struct slice piece;
        struct section_place from, to;
        uint64_t size = 0;
        while (w.left && next_field(&pieces, &piece))
                size += s->what->partial ? cut(&w, piece, &from, &to) : section_crlf_size(piece);
        return size;
}

/* From the mark on, where that helps. */
static void measure_partial(struct section *s, const struct section_mark *mark)
{
        uint64_t at = 0;
        if (mark && mark->sent <= s->what->offset) {
                s->from = mark->place;
                at = mark->sent;
        }
        advance(s->text, &s->from, s->what->offset - at);
        s->to = s->from;
        s->size = advance(s->text, &s->to, s->what->count);
}

static void set_mark(struct section_mark *mark, struct slice message, const struct section *s)
{
        const struct imap_section *what = s->what;
        *mark = (struct section_mark){.set = what->part_n <= SECTION_MARK_PARTS && s->size > 0,
                                      .part_n = what->part_n,
                                      .text = what->text,
                                      .message = message.n,
                                      .n = s->text.n,
                                      .sent = what->offset + s->size,
                                      .place = s->to};
        if (!mark->set)
                return;
        mark->offset = (size_t)(s->text.p - message.p);
        for (size_t i = 0; i < what->part_n; i++)
                mark->part[i] = what->part[i];
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

/* The text that a section means, as stored; false: there is no such part. */
static bool find_text(struct slice message, const struct part *root, const struct imap_section *what,
                      const struct section_mark *mark, struct slice *ret)
{
        struct part_range range;
        if (is_marked(mark, what, message)) {
                *ret = slice_head(slice_from(message, mark->offset), mark->n);
        } else if (section_needs_parts(what, NULL, message)) {
                if (find_in_parts(root, what, &range) < 0)
                        return false;
                *ret = part_bytes(message, range);
        } else if (what->text == SECTION_ALL) {
                *ret = message;
        } else if (what->text == SECTION_TEXT) {
                *ret = slice_from(message, header_size(message));
        } else {
                *ret = slice_head(message, header_size(message));
        }
        return true;
}

void section_locate(struct slice message, const struct part *root, const struct imap_section *what,
                    struct section_mark *mark, struct section *ret)
{
        struct section s = {.what = what};
        if (!find_text(message, root, what, mark, &s.text)) {
                *ret = s;
                return;
        }
        if (picks_fields(what)) {
                s.size = picked_size(&s);
        } else if (what->partial) {
                measure_partial(&s, is_marked(mark, what, message) ? mark : NULL);
                if (mark)
                        set_mark(mark, message, &s);
        } else {
                s.size = section_crlf_size(s.text);
        }
        *ret = s;
}

/* NUL is rare: the text is sent as it stands wherever there is none. */
static void write_without_nul(struct conn *c, struct slice s, char last)
{
        char copy[COPY];
        while (s.n) {
                struct slice chunk = slice_head(s, CONN_OUTPUT_FLUSH);
                chunk.n = slice_find(chunk, '\0');
                if (chunk.n == 0) {
                        chunk = slice_head(s, COPY);
                        for (size_t i = 0; i < chunk.n; i++)
                                copy[i] = chunk.p[i] ? chunk.p[i] : QUOTE_NUL[0];
                        conn_write_crlf(c, slice_make(copy, chunk.n), &last);
                } else {
                        conn_write_crlf(c, chunk, &last);
                }
                s = slice_from(s, chunk.n);
        }
}

/* A cut may fall between CR and LF of a line end that is stored as LF: then the LF goes alone, or the CR. */
static void write_cut(struct conn *c, struct slice piece, struct section_place from, struct section_place to)
{
        char last = from.after_cr ? '\r' : from.raw ? piece.p[from.raw - 1] : 0;
        write_without_nul(c, slice_make(piece.p + from.raw, to.raw - from.raw), last);
        if (to.after_cr && !(from.after_cr && from.raw == to.raw))
                conn_write(c, SLICE("\r"));
}

/* Each stretch of the section, one unless lines are picked: from where to where in which piece of the
 * message. 0, or what `each` gave when that was not 0. */
static int each_stretch(const struct section *s,
                        int (*each)(void *context, struct slice piece, struct section_place from,
                                    struct section_place to),
                        void *context)
{
        struct pieces pieces = pieces_of(s);
        struct window w = window_of(s->what);
        struct slice piece;
        struct section_place from = {0}, to = {0};
        int r = 0;
        if (s->size == 0)
                return 0; /* a missing part's HEADER.FIELDS too, which has not even the empty line */
        if (!picks_fields(s->what)) {
                to.raw = s->text.n;
                return s->what->partial ? each(context, s->text, s->from, s->to)
                                        : each(context, s->text, from, to);
        }
        while (r == 0 && w.left && next_field(&pieces, &piece)) {
                from = (struct section_place){0};
                to = (struct section_place){.raw = piece.n};
                if (s->what->partial)
                        cut(&w, piece, &from, &to);
                r = each(context, piece, from, to);
        }
        return r;
}

static int write_stretch(void *context, struct slice piece, struct section_place from,
                         struct section_place to)
{
        write_cut(context, piece, from, to);
        return 0;
}

void section_write(struct conn *c, const struct section *s)
{
        each_stretch(s, write_stretch, c);
}

struct reading {
        int (*take)(void *context, struct slice bytes);
        void *context;
};

static int read_stretch(void *context, struct slice piece, struct section_place from, struct section_place to)
{
        const struct reading *reading = context;
        int r = reading->take(reading->context, slice_make(piece.p + from.raw, to.raw - from.raw));
        if (r == 0 && to.after_cr && !(from.after_cr && from.raw == to.raw))
                r = reading->take(reading->context, SLICE("\r"));
        return r;
}

int section_read(const struct section *s, int (*take)(void *context, struct slice bytes), void *context)
{
        struct reading reading = {take, context};
        return each_stretch(s, read_stretch, &reading);
}

void section_name(struct buf *to, const char *word, const struct imap_section *what)
{
        static const char *const names[] = {
                [SECTION_ALL] = "",
                [SECTION_HEADER] = "HEADER",
                [SECTION_HEADER_FIELDS] = "HEADER.FIELDS (",
                [SECTION_HEADER_FIELDS_NOT] = "HEADER.FIELDS.NOT (",
                [SECTION_TEXT] = "TEXT",
                [SECTION_MIME] = "MIME",
        };
        buf_str(to, word);
        buf_char(to, '[');
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
