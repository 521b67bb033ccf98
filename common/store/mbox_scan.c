#include "store/mbox_scan.h"

#include <errno.h>

#include "base/crlf.h"
#include "base/hash.h"
#include "store/mbox_head.h"

enum {
        WINDOW =
                256 * 1024, /* read at a time: so much stays in the processor's cache while it is looked at */
        /* A From_ line, and around where Content-Length points the byte before and a line end behind. */
        PEEK = 1 + 2 + MBOX_FROM_MAX,
        BLOCK = 128, /* of a loop that compilers turn into vector instructions */
};

/* What is known of the bytes that were passed: how the last line ends is asked at the end. */
struct passed {
        char last[2];
        uint64_t bare; /* LFs without a CR */
};

void mbox_scan_begin(struct mbox_scan *s, const struct mbox_source *source, uint64_t at, bool unquote)
{
        *s = (struct mbox_scan){.source = *source, .at = at, .unquote = unquote, .step = WINDOW};
}

void mbox_scan_end(struct mbox_scan *s)
{
        buf_free(&s->window);
        buf_free(&s->head);
        buf_free(&s->from);
        buf_free(&s->sent);
}

/* The bytes from `at` on that are in the window, at least `want` (fewer only at the end). They stay until the
 * next call. */
static int window(struct mbox_scan *s, uint64_t at, size_t want, struct slice *ret)
{
        struct buf *w = &s->window;
        if (at < s->window_at || at > s->window_at + w->n) {
                w->n = 0;
                s->window_at = at;
        }
        if (s->window_at + w->n - at < want) {
                buf_consume(w, (size_t)(at - s->window_at));
                s->window_at = at;
                size_t size = MAX(want, (size_t)s->step);
                buf_reserve(w, size - w->n);
                while (w->n < want && at + w->n < s->source.end) {
                        size_t n = (size_t)MIN(s->source.end - at - w->n, (uint64_t)(size - w->n));
                        ssize_t r = s->source.read(s->source.context, w->p + w->n, n, at + w->n);
                        if (r < 0)
                                return (int)r;
                        if (r == 0)
                                break;
                        w->n += (size_t)r;
                }
        }
        *ret = slice_from(buf_slice(w), (size_t)(at - s->window_at));
        return 0;
}

/* Whether the bytes at the beginning of a line are a From_ line, and how long. */
static bool from_line(struct slice at, size_t *ret_n)
{
        /* the first letter apart: this is asked of every line of a header */
        if (at.n == 0 || at.p[0] != 'F' || !slice_starts(at, SLICE("From ")))
                return false;
        struct slice line = slice_head(at, MBOX_FROM_MAX);
        size_t n = slice_find(line, '\n');
        if (n == MBOX_FROM_MAX)
                return false;
        *ret_n = MIN(n + 1, line.n);
        return mbox_is_from_line(slice_head(line, *ret_n), NULL);
}

static size_t line_end(struct slice s)
{
        return s.n && s.p[0] == '\n' ? 1 : slice_starts(s, SLICE("\r\n")) ? 2 : 0;
}

/* 1, or 0 at the end. */
static int read_from(struct mbox_scan *s, struct mbox_message *m)
{
        struct slice w;
        size_t n;
        int r = window(s, s->at, MBOX_FROM_MAX, &w);
        if (r < 0 || w.n == 0)
                return r;
        if (!from_line(w, &n))
                return -EBADMSG;
        s->from.n = 0;
        buf_append(&s->from, slice_head(w, n));
        m->from_n = (uint32_t)n;
        return 1;
}

/* A header on its way into s->head, as long as whole fields fit. */
struct head {
        bool line;    /* in the middle of one */
        bool full;    /* what comes is only counted */
        size_t field; /* of s->head: where the last field begins */
        char last;
        uint64_t n, rest, bare; /* bytes; of them behind what is in s->head; LFs without CR there */
};

static void head_piece(struct mbox_scan *s, struct head *h, struct slice piece)
{
        bool fold = piece.p[0] == ' ' || piece.p[0] == '\t';
        if (!h->full && !h->line && !fold)
                h->field = s->head.n;
        if (!h->full && s->head.n + piece.n > MBOX_HEAD_MAX) {
                h->full = true;
                h->rest = s->head.n - h->field;
                h->bare = crlf_bare(slice_from(buf_slice(&s->head), h->field), '\n');
                s->head.n = h->field;
        }
        if (h->full) {
                h->rest += piece.n;
                h->bare += crlf_bare(piece, h->last);
        } else {
                buf_append(&s->head, piece);
        }
        h->n += piece.n;
        h->last = piece.p[piece.n - 1];
        h->line = h->last != '\n';
}

/* The lines up to the empty one, a From_ line or the end. *ret_end: there is an empty line. */
static int read_head(struct mbox_scan *s, struct head *ret, bool *ret_end)
{
        struct head h = {0};
        uint64_t at = s->at + s->from.n;
        bool end = false;
        s->head.n = 0;
        while (!end) {
                struct slice w;
                size_t from_n;
                int r = window(s, at + h.n, MBOX_FROM_MAX, &w);
                if (r < 0)
                        return r;
                if (w.n == 0 || (!h.line && from_line(w, &from_n)))
                        break;
                end = !h.line && line_end(w);
                size_t n = slice_find(w, '\n');
                head_piece(s, &h, slice_head(w, MIN(n + 1, w.n)));
        }
        *ret = h;
        *ret_end = end;
        return 0;
}

static void append_sent(struct buf *to, struct slice text)
{
        size_t room = text.n + crlf_bare(text, '\0') + 2;
        char last = '\0';
        to->n += crlf_copy(buf_reserve(to, room), room, &text, &last);
}

static void write_hash(struct slice text, char *to)
{
        static const char hex[] = "0123456789abcdef";
        for (uint64_t seed = 0; seed < MBOX_HASH_LEN / 16; seed++) {
                uint64_t hash = hash_bytes(text, seed);
                for (int shift = 60; shift >= 0; shift -= 4)
                        *to++ = hex[hash >> shift & 15];
        }
        *to = '\0';
}

/* Status, hash, and how much of the header is sent. */
static void read_fields(struct mbox_scan *s, const struct head *h, struct mbox_message *m)
{
        struct header_iter it = {.header = buf_slice(&s->head), .everything = true};
        struct mbox_passed passed = {0};
        struct mbox_status st = {0};
        s->sent.n = 0;
        append_sent(&s->sent, m->from);
        /* it stays the same message when somebody ends the line */
        if (!slice_ends(m->from, SLICE("\n")))
                buf_str(&s->sent, slice_ends(m->from, SLICE("\r")) ? "\n" : "\r\n");
        size_t from_n = s->sent.n;
        size_t mail = 0; /* from there on none of the mailbox */
        for (struct header_field f; header_next(&it, &f);) {
                enum mbox_field kind = mbox_field_of(&passed, &f);
                if (kind == MBOX_FIELD_MAIL)
                        continue;
                append_sent(&s->sent, slice_make(it.header.p + mail, f.offset - mail));
                mail = it.offset;
                mbox_status_add(&st, kind, &f);
        }
        append_sent(&s->sent, slice_from(it.header, mail)); /* with the empty line */
        write_hash(buf_slice(&s->sent), m->hash);
        m->size = s->sent.n - from_n + h->rest + h->bare;
        if (m->offset > 0)
                st.base = st.pseudo = false;
        else if (!st.pseudo)
                st.pseudo = mbox_looks_pseudo(it.header);
        m->status = st;
}

static int begin(struct mbox_scan *s, struct mbox_message *m, bool *ret_body)
{
        struct head h;
        int r = read_from(s, m);
        if (r <= 0)
                return r;
        r = read_head(s, &h, ret_body);
        if (r < 0)
                return r;
        m->offset = s->at;
        m->head_n = h.n;
        m->from = buf_slice(&s->from);
        m->head = buf_slice(&s->head);
        read_fields(s, &h, m);
        return 1;
}

int mbox_scan_head(struct mbox_scan *s, struct mbox_message *ret)
{
        struct mbox_message m = {0};
        bool body;
        int r = begin(s, &m, &body);
        if (r <= 0)
                return r;
        m.size = 0;
        *ret = m;
        return 1;
}

/* Up to n bytes at an offset that may be far away: the window stays where it is. */
static int peek(struct mbox_scan *s, uint64_t at, char *text, size_t n, struct slice *ret)
{
        struct slice w = buf_slice(&s->window);
        if (at >= s->window_at && at - s->window_at + n <= w.n) {
                *ret = slice_head(slice_from(w, (size_t)(at - s->window_at)), n);
                return 0;
        }
        *ret = slice_make(text, 0);
        while (ret->n < n && at + ret->n < s->source.end) {
                size_t most = (size_t)MIN(s->source.end - at - ret->n, (uint64_t)(n - ret->n));
                ssize_t r = s->source.read(s->source.context, text + ret->n, most, at + ret->n);
                if (r < 0)
                        return (int)r;
                if (r == 0)
                        break;
                ret->n += (size_t)r;
        }
        return 0;
}

/* Whether a body that begins there is as long as Content-Length says. */
static int length_is_true(struct mbox_scan *s, uint64_t at, const struct mbox_status *st, bool *ret)
{
        char text[PEEK];
        struct slice w;
        size_t from_n;
        *ret = false;
        if (!st->has_length || at > s->source.end || st->length > s->source.end - at)
                return 0;
        /* the byte before tells whether a line begins there; before a body is the end of the header */
        int r = peek(s, at + st->length - 1, text, sizeof(text), &w);
        if (r < 0 || w.n == 0)
                return r;
        bool line = w.p[0] == '\n';
        w = slice_from(w, 1);
        size_t skip = line_end(w);
        *ret = w.n == skip || ((line || skip) && from_line(slice_from(w, skip), &from_n));
        return 0;
}

/* Whether in a block, or just behind, a line begins with F; counts LFs without CR. */
static bool block(const char *p, unsigned char *ret_bare)
{
        unsigned char bare = 0, found = 0;
        for (int i = 0; i < BLOCK; i++) {
                unsigned char lf = p[i] == '\n';
                bare = (unsigned char)(bare + (lf & (p[i - 1] != '\r')));
                found |= lf & (p[i + 1] == 'F');
        }
        *ret_bare = bare;
        return found;
}

/* How far it is to a line that begins with F, or to the end. */
static size_t run(struct slice s, char before, uint64_t *bare)
{
        unsigned char n;
        for (size_t i = 0;;) {
                for (; i > 0 && s.n - i > BLOCK && !block(s.p + i, &n); i += BLOCK)
                        *bare += n;
                i += slice_find(slice_from(s, i), '\n');
                if (i == s.n)
                        return i;
                *bare += (i ? s.p[i - 1] : before) != '\r';
                if (++i < s.n && s.p[i] == 'F')
                        return i;
        }
}

static void pass(struct passed *p, struct slice s)
{
        for (size_t i = s.n > 2 ? s.n - 2 : 0; i < s.n; i++) {
                p->last[0] = p->last[1];
                p->last[1] = s.p[i];
        }
}

/* Up to `at_most` bytes, or the next From_ line. */
static int read_lines(struct mbox_scan *s, uint64_t at, uint64_t at_most, bool to_from, struct passed *p,
                      struct mbox_quote *quote, uint64_t *ret_n)
{
        uint64_t n = 0;
        while (n < at_most) {
                struct slice w;
                size_t from_n;
                int r = window(s, at + n, MBOX_FROM_MAX, &w);
                if (r < 0)
                        return r;
                if (w.n == 0 || (to_from && p->last[1] == '\n' && from_line(w, &from_n)))
                        break;
                w = slice_head(w, (size_t)MIN(at_most - n, (uint64_t)w.n));
                if (to_from)
                        w.n = run(w, p->last[1], &p->bare);
                else
                        p->bare += crlf_bare(w, p->last[1]);
                if (s->unquote)
                        mbox_quote_push(quote, w, NULL);
                pass(p, w);
                n += w.n;
        }
        *ret_n = n;
        return 0;
}

/* The line end that separates a body from the next message. */
static size_t separator(const struct passed *p, uint64_t n)
{
        if (n == 0 || p->last[1] != '\n')
                return 0;
        return n > 1 && p->last[0] == '\r' ? 2 : 1;
}

static int read_body(struct mbox_scan *s, struct mbox_message *m)
{
        struct passed p = {.last = "\0\n"};
        struct mbox_quote quote = {.unquote = true};
        struct slice w;
        uint64_t at = m->offset + m->from_n + m->head_n, n = 0;
        bool known;
        int r = length_is_true(s, at, &m->status, &known);
        if (r == 0)
                r = read_lines(s, at, known ? m->status.length : UINT64_MAX, !known, &p, &quote, &n);
        if (r == 0 && known)
                r = window(s, at + n, 2, &w);
        if (r < 0)
                return r;
        if (known && line_end(w)) {
                w.n = line_end(w);
                p.bare += crlf_bare(w, p.last[1]);
                pass(&p, w);
                n += w.n;
        }
        size_t behind = separator(&p, n);
        m->body_n = n - behind;
        m->stored = m->from_n + m->head_n + n;
        m->size += m->body_n + p.bare - (behind == 1) - quote.lines;
        return 0;
}

int mbox_scan_next(struct mbox_scan *s, struct mbox_message *ret)
{
        struct mbox_message m = {0};
        bool body;
        int r = begin(s, &m, &body);
        if (r <= 0)
                return r;
        m.stored = m.from_n + m.head_n;
        if (body)
                r = read_body(s, &m);
        if (r < 0)
                return r;
        s->at += m.stored;
        *ret = m;
        return 1;
}
