#include "mime/html.h"

#include "base/block.h"
#include "base/utf8.h"

/* Where the next byte belongs. */
enum state {
        TEXT,
        REFERENCE, /* behind "&" */
        OPEN,      /* behind "<" */
        NAME,      /* in the name of an element */
        TAG,       /* behind it */
        VALUE,     /* in quotes */
        MARKUP,    /* behind "<!" */
        BOGUS,     /* "<!doctype", "<?xml", "</ ": up to ">" */
        COMMENT,
};

/* Elements that are part of a line: nothing stands where their tags are. */
static const char inline_elements[][8] = {
        "a",      "abbr",   "acronym", "b",    "bdi",  "bdo",  "big", "cite",  "code",  "data",
        "del",    "dfn",    "em",      "font", "i",    "ins",  "kbd", "label", "mark",  "nobr",
        "o:p",    "q",      "rb",      "rp",   "rt",   "ruby", "s",   "samp",  "small", "span",
        "strike", "strong", "sub",     "sup",  "time", "tt",   "u",   "var",   "wbr",
};

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static int put(struct html_text *h, struct slice s, struct buf *to)
{
        int r = h->wants_space && h->has_text ? buf_char(to, ' ') : 0;

        h->wants_space = false;
        h->has_text = true;
        return r < 0 ? r : buf_append(to, s);
}

static void name_begin(struct html_text *h)
{
        h->name_n = 0;
}

static void name_add(struct html_text *h, char c)
{
        if (h->name_n < HTML_NAME_MAX)
                h->name[h->name_n] = c;
        if (h->name_n <= HTML_NAME_MAX)
                h->name_n++;
}

/* SLICE_NULL for one that was too long. */
static struct slice name_of(const struct html_text *h)
{
        return h->name_n <= HTML_NAME_MAX ? slice_make(h->name, h->name_n) : SLICE_NULL;
}

static bool is_inline(struct slice name)
{
        char key[sizeof(inline_elements[0])] = {0};

        if (name.n == 0 || name.n >= sizeof(key) || name.p[name.n - 1] == '\0')
                return false;
        memcpy(key, name.p, name.n);
        for (size_t i = 0; i < ARRAY_LEN(inline_elements); i++)
                if (memcmp(key, inline_elements[i], sizeof(key)) == 0)
                        return true;
        return false;
}

/* What was collected behind "&", as a character or, when it is none, as it stands. */
static int put_reference(struct html_text *h, bool semicolon, struct buf *to)
{
        struct slice name = name_of(h);
        uint32_t c = html_character(name);
        _cleanup_(buf_free) struct buf made = {0};

        if (c && c < 0x80 && is_blank((char)c)) {
                h->wants_space = true;
                return 0;
        }
        if (c) {
                utf8_encode(&made, c);
        } else {
                buf_char(&made, '&');
                buf_append(&made, name);
                if (semicolon)
                        buf_char(&made, ';');
        }
        return put(h, buf_slice(&made), to);
}

static bool is_reference_char(char c)
{
        return ascii_isalpha(c) || ascii_isdigit(c) || c == '#';
}

/* A tag is over. */
static void tag_end(struct html_text *h)
{
        struct slice name = name_of(h);

        h->state = TEXT;
        if (h->in_script)
                h->in_script = !(h->closing && slice_eq(name, SLICE("script")));
        else if (h->in_style)
                h->in_style = !(h->closing && slice_eq(name, SLICE("style")));
        else if (!h->closing && slice_eq(name, SLICE("script")))
                h->in_script = true;
        else if (!h->closing && slice_eq(name, SLICE("style")))
                h->in_style = true;
        h->wants_space |= !is_inline(name);
}

/* Of BLOCK bytes those at the start that are text as they stand: no markup, no blanks but single spaces. `p`
 * has a byte before it. */
static size_t plain_size(const char *p)
{
        block_t b = block_load(p), before = block_load(p - 1);

        return block_first((block_t)((b == '<') | (b == '&') | (b < ' ') | ((b == ' ') & (before == ' '))));
}

/* Text up to what may be markup, copied in place: SEARCH reads all mail. */
static int copy_text(struct html_text *h, struct slice in, struct buf *to, size_t *ret)
{
        char *p = buf_reserve(to, in.n + 1);
        bool space = h->wants_space, text = h->has_text;
        size_t n = 0;

        if (!p)
                return to->error;
        while (n < in.n) {
                char c = in.p[n];

                if (n > 0 && text && !space && in.n - n >= BLOCK) {
                        size_t plain = plain_size(in.p + n);

                        if (plain > 0) {
                                memcpy(p, in.p + n, BLOCK);
                                n += plain;
                                space = in.p[n - 1] == ' ';
                                p += space ? plain - 1 : plain;
                                continue;
                        }
                }
                if (c == '<' || c == '&')
                        break;
                n++;
                if (is_blank(c)) {
                        space = true;
                        continue;
                }
                if (space && text)
                        *p++ = ' ';
                space = false;
                text = true;
                *p++ = c;
        }
        h->wants_space = space;
        h->has_text = text;
        to->n = (size_t)(p - to->p);
        *ret = n;
        return 0;
}

static int take_text(struct html_text *h, struct slice in, struct buf *to, size_t *ret)
{
        size_t n = 0;
        int r = 0;

        if (h->in_script || h->in_style)
                n = slice_find(in, '<');
        else
                r = copy_text(h, in, to, &n);
        *ret = n;
        if (r < 0 || n == in.n)
                return r;
        *ret = n + 1;
        if (in.p[n] == '<') {
                h->state = OPEN;
                h->closing = false;
        } else {
                h->state = REFERENCE;
                name_begin(h);
        }
        return 0;
}

/* How many bytes were taken: 0 when c is text again. */
static int take_reference(struct html_text *h, char c, struct buf *to, size_t *ret)
{
        if (is_reference_char(c) && h->name_n < HTML_NAME_MAX) {
                name_add(h, c);
                return 0;
        }
        h->state = TEXT;
        *ret = c == ';';
        return put_reference(h, c == ';', to);
}

/* "<" was no tag: it is text. */
static int put_open(struct html_text *h, struct buf *to)
{
        h->state = TEXT;
        return h->in_script || h->in_style ? 0 : put(h, h->closing ? SLICE("</") : SLICE("<"), to);
}

static int take_open(struct html_text *h, char c, struct buf *to, size_t *ret)
{
        if (ascii_isalpha(c) && (h->closing || !(h->in_script || h->in_style))) {
                h->state = NAME;
                name_begin(h);
                *ret = 0;
        } else if (h->closing && !(h->in_script || h->in_style)) {
                h->state = BOGUS;
                *ret = 0;
        } else if (c == '/' && !h->closing) {
                h->closing = true;
        } else if ((c == '!' || c == '?') && !(h->in_script || h->in_style)) {
                h->state = c == '!' ? MARKUP : BOGUS;
                h->dashes = 0;
        } else {
                *ret = 0;
                return put_open(h, to);
        }
        return 0;
}

/* In a script another end tag than its own is none. */
static bool is_ignored(const struct html_text *h)
{
        return (h->in_script && !slice_eq(name_of(h), SLICE("script"))) ||
               (h->in_style && !slice_eq(name_of(h), SLICE("style")));
}

static void take_name(struct html_text *h, struct slice in, size_t *ret)
{
        size_t n = 0;

        while (n < in.n && !is_blank(in.p[n]) && in.p[n] != '>' && in.p[n] != '/')
                name_add(h, ascii_lower(in.p[n++]));
        *ret = n;
        if (n == in.n)
                return;
        h->state = is_ignored(h) ? TEXT : TAG;
        h->after_equals = false;
}

/* Bytes before the next that ends a tag or may begin a value. */
static size_t attribute_size(struct slice in)
{
        size_t n = 0;

        for (; in.n - n >= BLOCK; n += BLOCK) {
                block_t b = block_load(in.p + n);
                size_t found = block_first((block_t)((b == '>') | (b == '=')));

                if (found < BLOCK)
                        return n + found;
        }
        while (n < in.n && in.p[n] != '>' && in.p[n] != '=')
                n++;
        return n;
}

/* Up to the end of the tag, or to a value in quotes. */
static void take_tag(struct html_text *h, struct slice in, size_t *ret)
{
        bool after_equals = h->after_equals;
        size_t n = 0;

        while (n < in.n) {
                if (!after_equals)
                        n += attribute_size(slice_from(in, n));
                if (n == in.n)
                        break;
                char c = in.p[n++];

                if (c == '>') {
                        tag_end(h);
                        break;
                }
                if (after_equals && (c == '"' || c == '\'')) {
                        h->quote = c;
                        h->state = VALUE;
                        break;
                }
                if (!is_blank(c))
                        after_equals = c == '=';
        }
        h->after_equals = after_equals;
        *ret = n;
}

/* Up to a byte that changes the state; it is taken too. */
static void take_until(struct html_text *h, struct slice in, char end, enum state next, size_t *ret)
{
        size_t n = slice_find(in, end);

        *ret = MIN(n + 1, in.n);
        if (n < in.n) {
                h->state = next;
                h->after_equals = false;
        }
}

static void take_markup(struct html_text *h, char c, size_t *ret)
{
        if (c == '-') {
                h->dashes++;
                if (h->dashes == 2)
                        h->state = COMMENT; /* the two count for "<!-->" */
        } else {
                h->state = BOGUS;
                *ret = 0;
        }
}

static void take_comment(struct html_text *h, struct slice in, size_t *ret)
{
        char c = in.p[0];

        if (h->dashes == 0 && c != '-') {
                *ret = slice_find(in, '-');
        } else if (c == '-') {
                h->dashes++;
        } else if (c == '>' && h->dashes >= 2) {
                h->state = TEXT;
        } else if (c != '!' || h->dashes < 2) {
                h->dashes = 0;
        }
}

static int step(struct html_text *h, struct slice in, struct buf *to, size_t *ret)
{
        char c = in.p[0];

        *ret = 1;
        switch ((enum state)h->state) {
        case TEXT:
                return take_text(h, in, to, ret);
        case REFERENCE:
                return take_reference(h, c, to, ret);
        case OPEN:
                return take_open(h, c, to, ret);
        case NAME:
                take_name(h, in, ret);
                return 0;
        case TAG:
                take_tag(h, in, ret);
                return 0;
        case VALUE:
                take_until(h, in, h->quote, TAG, ret);
                return 0;
        case MARKUP:
                take_markup(h, c, ret);
                return 0;
        case BOGUS:
                take_until(h, in, '>', TEXT, ret);
                return 0;
        case COMMENT:
                take_comment(h, in, ret);
                return 0;
        }
        return 0;
}

int html_text_convert(struct html_text *h, struct slice utf8, struct buf *to)
{
        int r = 0;

        while (utf8.n > 0 && r == 0) {
                size_t n = 0;

                r = step(h, utf8, to, &n);
                utf8 = slice_from(utf8, n);
        }
        return r;
}

int html_text_finish(struct html_text *h, struct buf *to)
{
        int r = 0;

        if (h->state == REFERENCE)
                r = put_reference(h, false, to);
        else if (h->state == OPEN)
                r = put_open(h, to);
        *h = (struct html_text){0};
        return r;
}
