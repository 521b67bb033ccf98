#include "imap/search_text.h"

#include "mime/charset.h"
#include "mime/encoded_word.h"
#include "mime/header.h"
#include "mime/html.h"
#include "mime/part.h"

enum {
        SEARCH_PIECE = 32 * 1024, /* bytes of a body decoded at a time */
};

void search_scan_free(struct search_scan *s)
{
        buf_free(&s->decoded);
        buf_free(&s->utf8);
        buf_free(&s->plain);
        buf_free(&s->window);
        arena_free(&s->line);
}

static void drop_crs(struct buf *b, size_t from)
{
        struct slice rest = slice_from(buf_slice(b), from);

        b->n = from;
        while (rest.n) {
                size_t n = slice_find(rest, '\r');

                memmove(b->p + b->n, rest.p, n);
                b->n += n;
                rest = slice_from(rest, n + 1);
        }
}

int search_text_fold(struct slice utf8, struct buf *to)
{
        size_t start = to->n;
        int r = charset_fold(utf8, to);

        if (r == 0 && to->n > start && memchr(to->p + start, '\r', to->n - start))
                drop_crs(to, start);
        return r;
}

/* The next piece of text, valid UTF-8. */
static int scan_feed(struct search_scan *s, struct slice utf8, bool header)
{
        int r = search_text_fold(utf8, &s->window);

        if (r < 0)
                return r;
        for (size_t i = 0; i < s->n; i++) {
                struct search_needle *needle = &s->needles[i];

                if (needle->found || (header && !needle->headers) || needle->text.n > s->window.n)
                        continue;
                if (memmem(s->window.p, s->window.n, needle->text.p, needle->text.n)) {
                        needle->found = true;
                        s->missing--;
                }
        }
        if (s->window.n > s->overlap)
                buf_consume(&s->window, s->window.n - s->overlap);
        return 0;
}

/* Each line for itself: "Subject: caf\303\251". */
static int scan_header(struct search_scan *s, struct slice header)
{
        struct header_iter it = header_iter(header);
        struct header_field field;
        int r = 0;

        while (r == 0 && s->missing > 0 && header_next(&it, &field)) {
                s->window.n = 0;
                if (field.name.n > 0) {
                        r = scan_feed(s, arena_slice(&s->line, field.name), true);
                        if (r == 0)
                                r = scan_feed(s, SLICE(": "), true);
                }
                if (r == 0)
                        r = scan_feed(s,
                                      encoded_word_decode(&s->line, field.name.n ? field.value : field.raw),
                                      true);
                arena_reset(&s->line);
        }
        return r;
}

static bool is_searched(const struct part *p)
{
        return p->kind == PART_LEAF &&
               (slice_ieq(p->type, SLICE("text")) || slice_ieq(p->type, SLICE("message")));
}

/* What is looked into of a part's body, behind its transfer encoding. */
struct body {
        struct charset *charset;
        bool is_html; /* its text is searched, not its tags */
        struct html_text html;
};

/* What the decoder has put out, or would. */
static int scan_converted(struct search_scan *s, struct body *body, struct slice decoded, bool last)
{
        int r;

        s->utf8.n = s->plain.n = 0;
        r = charset_convert(body->charset, decoded, &s->utf8);
        if (r == 0 && last)
                r = charset_finish(body->charset, &s->utf8);
        if (r < 0 || !body->is_html)
                return r < 0 ? r : scan_feed(s, buf_slice(&s->utf8), false);
        r = html_text_convert(&body->html, buf_slice(&s->utf8), &s->plain);
        if (r == 0 && last)
                r = html_text_finish(&body->html, &s->plain);
        return r < 0 ? r : scan_feed(s, buf_slice(&s->plain), false);
}

static int scan_body(struct search_scan *s, const struct part *p, struct slice bytes)
{
        _cleanup_(charset_close_p) struct charset *charset = NULL;
        struct transfer_decoder decoder = {.kind = p->transfer};
        struct body body = {.is_html = slice_ieq(p->type, SLICE("text")) &&
                                       slice_ieq(p->subtype, SLICE("html"))};
        int r;

        /* of an unknown charset the ASCII in it can be found */
        if (charset_open(param_find(p->params, SLICE("charset")), &charset) < 0) {
                r = charset_open(SLICE("utf-8"), &charset);
                if (r < 0)
                        return r;
        }
        body.charset = charset;
        s->window.n = 0;
        do {
                struct slice piece = slice_head(bytes, SEARCH_PIECE);
                bool encoded = decoder.kind == TRANSFER_BASE64 || decoder.kind == TRANSFER_QP;

                r = 0;
                bytes = slice_from(bytes, piece.n);
                s->decoded.n = 0;
                if (encoded)
                        r = transfer_decode(&decoder, piece, &s->decoded);
                if (r == 0 && encoded && bytes.n == 0)
                        r = transfer_finish(&decoder, &s->decoded);
                if (r == 0)
                        r = scan_converted(s, &body, encoded ? buf_slice(&s->decoded) : piece, bytes.n == 0);
        } while (r == 0 && s->missing > 0 && bytes.n > 0);
        return r;
}

int search_text_scan(struct search_scan *s, struct arena *a, struct slice message,
                     struct search_needle *needles, size_t n)
{
        bool headers = false;
        int r = 0;

        s->needles = needles;
        s->n = s->missing = n;
        s->overlap = 0;
        for (size_t i = 0; i < n; i++) {
                needles[i].found = false;
                headers |= needles[i].headers;
                s->overlap = MAX(s->overlap, needles[i].text.n - 1);
        }
        for (const struct part *p = part_parse(a, message); p && r == 0 && s->missing > 0; p = part_next(p)) {
                if (headers)
                        r = scan_header(s, part_bytes(message, p->header));
                if (r == 0 && s->missing > 0 && is_searched(p))
                        r = scan_body(s, p, part_bytes(message, p->body));
        }
        return r;
}
