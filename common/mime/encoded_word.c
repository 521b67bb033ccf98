#include "mime/encoded_word.h"

#include "base/base64.h"
#include "base/utf8.h"
#include "mime/charset.h"
#include "mime/header.h"
#include "mime/lex.h"

struct word {
        struct slice charset;
        char encoding; /* 'b' or 'q' */
        struct slice text;
        size_t size; /* of the whole word */
};

enum { WORD_MAX_CHARSET = 128 }; /* with language; bounds the search, RFC 2047 allows 75 for the whole word */

/* "=?charset?e?text?=" at the start of s. The text ends at its first "?", so this is linear over a value. */
static bool word_at(struct slice s, struct word *ret)
{
        if (!slice_starts(s, SLICE("=?")))
                return false;
        struct word w = {.charset = slice_head(slice_from(s, 2), WORD_MAX_CHARSET)};
        size_t n = slice_find(w.charset, '?');
        if (n == w.charset.n || n == 0)
                return false;
        struct slice rest = slice_from(s, 2 + n + 1);
        w.charset.n = slice_find(slice_head(w.charset, n), '*'); /* RFC 2231 section 5: *language */
        if (rest.n < 2 || rest.p[1] != '?')
                return false;
        w.encoding = ascii_lower(rest.p[0]);
        if (w.encoding != 'b' && w.encoding != 'q')
                return false;
        w.text = slice_from(rest, 2);
        n = slice_find(w.text, '?');
        if (n + 1 >= w.text.n || w.text.p[n + 1] != '=')
                return false;
        w.text.n = n;
        w.size = (size_t)(w.text.p + n + 2 - s.p);
        *ret = w;
        return true;
}

static void word_bytes(const struct word *w, struct buf *to)
{
        if (w->encoding == 'b') {
                base64_decode_lenient(to, w->text);
                return;
        }
        for (size_t i = 0; i < w->text.n; i++) {
                char c = w->text.p[i];
                int high = c == '=' && i + 2 < w->text.n ? lex_hex(w->text.p[i + 1]) : -1;
                int low = high >= 0 ? lex_hex(w->text.p[i + 2]) : -1;
                if (low >= 0) {
                        c = (char)(high << 4 | low);
                        i += 2;
                } else if (c == '_') {
                        c = ' ';
                }
                buf_char(to, c);
        }
}

struct decoder {
        struct buf out;
        struct charset *converter; /* of the word before, so that a character cut in two is whole again */
        struct slice charset;      /* its name */
        bool after_word;
};

static void decoder_free(struct decoder *d)
{
        charset_close(d->converter);
        buf_free(&d->out);
}

static void end_words(struct decoder *d)
{
        if (d->converter)
                charset_finish(d->converter, &d->out);
        charset_close(d->converter);
        d->converter = NULL;
        d->after_word = false;
}

/* False when the charset is unknown. */
static bool add_word(struct decoder *d, const struct word *w)
{
        struct charset *converter = NULL;
        if (!d->converter || !slice_ieq(d->charset, w->charset)) {
                if (charset_open(w->charset, &converter) < 0)
                        return false;
                end_words(d);
                d->converter = converter;
                d->charset = w->charset;
        }
        _cleanup_(buf_free) struct buf bytes = {0};
        word_bytes(w, &bytes);
        size_t from = d->out.n;
        charset_convert(d->converter, buf_slice(&bytes), &d->out);
        for (size_t i = from; i < d->out.n; i++)
                if ((unsigned char)d->out.p[i] < ' ' || d->out.p[i] == 0x7f)
                        d->out.p[i] = ' ';
        d->after_word = true;
        return true;
}

/* Bytes of s before the next "=?". */
static size_t plain_size(struct slice s)
{
        size_t n = slice_find_slice(slice_from(s, 1), SLICE("=?"));
        return s.n ? 1 + n : 0;
}

struct slice encoded_word_decode(struct arena *a, struct slice value)
{
        struct slice rest = header_unfold(a, value);
        if (slice_find_slice(rest, SLICE("=?")) == rest.n && utf8_valid(rest))
                return rest;
        _cleanup_(decoder_free) struct decoder d = {0};
        while (rest.n) {
                size_t blanks = 0;
                while (d.after_word && blanks < rest.n && (rest.p[blanks] == ' ' || rest.p[blanks] == '\t'))
                        blanks++;
                struct word w;
                if (word_at(slice_from(rest, blanks), &w)) {
                        if (add_word(&d, &w)) {
                                rest = slice_from(rest, blanks + w.size);
                                continue;
                        }
                        end_words(&d);
                        utf8_append_valid(&d.out, slice_head(rest, blanks + w.size));
                        rest = slice_from(rest, blanks + w.size);
                        continue;
                }
                end_words(&d);
                size_t n = plain_size(rest);
                utf8_append_valid(&d.out, slice_head(rest, n));
                rest = slice_from(rest, n);
        }
        end_words(&d);
        return arena_slice(a, buf_slice(&d.out));
}
