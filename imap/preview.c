#include "imap/preview.h"

#include <errno.h>

#include "imap/quote.h"
#include "mime/charset.h"
#include "mime/html.h"

enum {
        PREVIEW_LOOK_MAX = 64 * 1024,  /* bytes of a part, as they are sent: HTML begins with its styles */
        PREVIEW_TEXT_MAX = 256 * 1024, /* what these can become in UTF-8 */
        PREVIEW_PARTS_MAX = 16,        /* leaves without text that are looked at */
        PREVIEW_BYTES_MAX = 4 * PREVIEW_CHARACTERS,
};

/* Text parts in the order of preference. */
enum preview_kind { PREVIEW_PLAIN, PREVIEW_HTML, PREVIEW_KINDS };

static bool is_kind(const struct part *p, enum preview_kind kind)
{
        static const char *const subtypes[] = {"plain", "html"};
        return slice_ieq(p->type, SLICE("text")) && slice_ieq(p->subtype, slice_of(subtypes[kind])) &&
               !slice_ieq(p->disposition, SLICE("attachment")) && p->transfer != TRANSFER_UNKNOWN;
}

/* The beginning of a part's text in UTF-8. */
static int decode(struct slice message, const struct part *p, struct buf *to)
{
        _cleanup_(buf_free) struct buf bytes = BUF_BOUNDED(PREVIEW_TEXT_MAX);
        struct slice charset = param_find(p->params, SLICE("charset"));
        struct slice body = slice_head(part_bytes(message, p->body), PREVIEW_LOOK_MAX);
        int r = transfer_decode_all(p->transfer, body, &bytes);
        if (r == 0)
                r = charset_to_utf8(charset, buf_slice(&bytes), to);
        if (r == -ENOENT) /* most of what is written in an unknown charset is ASCII */
                r = charset_to_utf8(SLICE("utf-8"), buf_slice(&bytes), to);
        return r;
}

static bool is_blank(char c)
{
        return (unsigned char)c <= ' ' || c == 0x7f;
}

/* Bytes of the character that s begins with; s is valid UTF-8. */
static size_t character(struct slice s)
{
        size_t n = 1;
        while (n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
                n++;
        return n;
}

/* Appends words, one blank between them, until there are enough characters. True: there are. */
static bool add_words(struct slice text, struct buf *to, size_t *characters)
{
        bool blank = to->n > 0;
        while (text.n && *characters < PREVIEW_CHARACTERS) {
                if (is_blank(text.p[0])) {
                        blank = to->n > 0;
                        text = slice_from(text, 1);
                        continue;
                }
                if (blank) {
                        blank = false;
                        buf_char(to, ' ');
                        if (++*characters == PREVIEW_CHARACTERS)
                                break;
                }
                size_t n = character(text);
                buf_append(to, slice_head(text, n));
                text = slice_from(text, n);
                ++*characters;
        }
        return *characters == PREVIEW_CHARACTERS;
}

static void add_lines(struct slice text, bool quoted, struct buf *to)
{
        size_t characters = 0;
        struct slice line;
        bool enough = false;
        while (!enough && slice_split(&text, '\n', &line)) {
                if (!quoted && slice_starts(line, SLICE(">")))
                        continue;
                enough = add_words(line, to, &characters);
        }
        to->n = slice_trim(buf_slice(to)).n; /* it begins with no blank */
}

/* What a part has to show, "" for nothing. */
static int show(struct slice message, const struct part *p, enum preview_kind kind, struct buf *to)
{
        _cleanup_(buf_free) struct buf utf8 = BUF_BOUNDED(PREVIEW_TEXT_MAX);
        _cleanup_(buf_free) struct buf plain = BUF_BOUNDED(PREVIEW_TEXT_MAX);
        struct html_text html = {0};
        int r = decode(message, p, &utf8);
        if (r == 0 && kind == PREVIEW_HTML)
                r = html_text_convert(&html, buf_slice(&utf8), &plain);
        if (r == 0 && kind == PREVIEW_HTML)
                r = html_text_finish(&html, &plain);
        if (r < 0)
                return r;
        struct slice text = buf_slice(kind == PREVIEW_HTML ? &plain : &utf8);
        add_lines(text, false, to);
        if (to->n == 0)
                add_lines(text, true, to);
        return 0;
}

int preview_write(struct slice message, const struct part *root, struct buf *to)
{
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(PREVIEW_BYTES_MAX);
        for (enum preview_kind kind = 0; kind < PREVIEW_KINDS && text.n == 0; kind++) {
                unsigned looked = 0;
                for (const struct part *p = part_leaf(root); p && text.n == 0; p = part_leaf(part_next(p)))
                        /* what cannot be read is like nothing to read */
                        if (is_kind(p, kind) && looked++ < PREVIEW_PARTS_MAX)
                                (void)!show(message, p, kind, &text);
        }
        quote_string(to, buf_slice(&text));
        return to->error;
}
