#include "mime/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "mime/charset_table.h"

/* Labels that mean a superset of what they say, as browsers and mail programs read them, and iconv()'s names.
 */
static const struct {
        const char *name, *iconv_name;
} iconv_names[] = {
        {"gb2312", "GBK"},
        {"gbk", "GBK"},
        {"gb18030", "GB18030"},
        {"cp936", "GBK"},
        {"xgbk", "GBK"},
        {"euccn", "GBK"},
        {"big5", "BIG5-HKSCS"},
        {"cnbig5", "BIG5"},
        {"big5hkscs", "BIG5-HKSCS"},
        {"cp950", "BIG5-HKSCS"},
        {"shiftjis", "CP932"},
        {"sjis", "CP932"},
        {"xsjis", "CP932"},
        {"windows31j", "CP932"},
        {"cp932", "CP932"},
        {"iso2022jp", "ISO-2022-JP"},
        {"eucjp", "EUC-JP"},
        {"euckr", "UHC"},
        {"ksc5601", "UHC"},
        {"ksc56011987", "UHC"},
        {"cp949", "UHC"},
        {"iso2022kr", "ISO-2022-KR"},
        {"utf16", "UTF-16"},
        {"utf16le", "UTF-16LE"},
        {"utf16be", "UTF-16BE"},
        {"utf32", "UTF-32"},
        {"utf7", "UTF-7"},
        {"unicode11utf7", "UTF-7"},
};

enum { HELD_MAX = 16 }; /* longer than any character or escape sequence */

struct charset {
        enum { CHARSET_UTF8, CHARSET_SINGLE, CHARSET_ICONV } kind;
        const uint16_t *table;
        iconv_t iconv;
        char held[HELD_MAX]; /* an unfinished character */
        size_t held_n;
};

/* Lower-case, without '-' and '_', up to a colon ("ISO_8859-1:1987"). False for what is no charset's name: a
 * slash would be an instruction to iconv(). */
static bool plain_name(struct slice name, char ret[static CHARSET_MAX_NAME + 1])
{
        size_t n = 0;
        if (name.n > CHARSET_MAX_NAME)
                return false;
        for (size_t i = 0; i < name.n && name.p[i] != ':'; i++) {
                char c = ascii_lower(name.p[i]);
                if (!ascii_isalpha(c) && !ascii_isdigit(c) && !memchr("-_.+()", c, 6))
                        return false;
                if (c != '-' && c != '_')
                        ret[n++] = c;
        }
        ret[n] = '\0';
        return n > 0 || name.n == 0;
}

static bool is_utf8(const char *plain)
{
        static const char *const names[] = {"",   "utf8",         "usascii",  "ascii",
                                            "us", "ansix3.41968", "iso646us", "unicode11utf8"};
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (strcmp(plain, names[i]) == 0)
                        return true;
        return false;
}

static const uint16_t *find_single(const char *plain)
{
        for (size_t i = 0; i < ARRAY_LEN(single_byte_names); i++)
                if (strcmp(plain, single_byte_names[i].name) == 0)
                        return single_byte[single_byte_names[i].table];
        return NULL;
}

static iconv_t open_iconv(struct slice name, const char *plain)
{
        for (size_t i = 0; i < ARRAY_LEN(iconv_names); i++)
                if (strcmp(plain, iconv_names[i].name) == 0)
                        return iconv_open("UTF-8", iconv_names[i].iconv_name);
        char as_written[CHARSET_MAX_NAME + 1] = {0};
        memcpy(as_written, name.p, name.n);
        return iconv_open("UTF-8", as_written);
}

int charset_open(struct slice name, struct charset **ret)
{
        char plain[CHARSET_MAX_NAME + 1];
        struct charset c = {.kind = CHARSET_UTF8};
        if (!plain_name(name, plain))
                return -ENOENT;
        if (!is_utf8(plain)) {
                c.table = find_single(plain);
                c.kind = c.table ? CHARSET_SINGLE : CHARSET_ICONV;
        }
        if (c.kind == CHARSET_ICONV) {
                c.iconv = open_iconv(name, plain);
                if (c.iconv == (iconv_t)-1)
                        return -ENOENT;
        }
        *ret = xmalloc(sizeof(c));
        **ret = c;
        return 0;
}

void charset_close(struct charset *c)
{
        if (c && c->kind == CHARSET_ICONV)
                iconv_close(c->iconv);
        free(c);
}

void charset_close_p(struct charset **c)
{
        charset_close(*c);
        *c = NULL;
}

bool charset_known(struct slice name)
{
        _cleanup_(charset_close_p) struct charset *c = NULL;
        return charset_open(name, &c) == 0;
}

/* Bytes of ASCII at the start. */
static size_t ascii_size(struct slice s)
{
        size_t n = 0;
        for (uint64_t eight; s.n - n >= sizeof(eight); n += sizeof(eight)) {
                memcpy(&eight, s.p + n, sizeof(eight));
                if (eight & UINT64_C(0x8080808080808080))
                        break;
        }
        while (n < s.n && (unsigned char)s.p[n] < 0x80)
                n++;
        return n;
}

/* Bytes at the end that begin a character and do not end it. */
static size_t unfinished(struct slice s)
{
        for (size_t back = 1; back <= 3 && back <= s.n; back++) {
                unsigned char c = (unsigned char)s.p[s.n - back];
                size_t need = c >= 0xf0 && c < 0xf5   ? 4
                              : c >= 0xe0 && c < 0xf0 ? 3
                              : c >= 0xc2 && c < 0xe0 ? 2
                                                      : 0;
                if (need)
                        return need > back ? back : 0;
                if (c < 0x80 || c >= 0xc0)
                        return 0;
        }
        return 0;
}

static void append_utf8(struct buf *to, struct slice s)
{
        while (s.n) {
                size_t n = ascii_size(s);
                buf_append(to, slice_head(s, n));
                s = slice_from(s, n);
                for (n = 0; n < s.n && (unsigned char)s.p[n] >= 0x80;)
                        n++;
                utf8_append_valid(to, slice_head(s, n));
                s = slice_from(s, n);
        }
}

static void convert_utf8(struct charset *c, struct slice in, struct buf *to)
{
        while (c->held_n && in.n) {
                if (((unsigned char)in.p[0] & 0xc0) == 0x80) {
                        c->held[c->held_n++] = in.p[0];
                        in = slice_from(in, 1);
                }
                struct slice held = slice_make(c->held, c->held_n);
                if (unfinished(held) == held.n && in.n == 0)
                        return;
                if (unfinished(held) < held.n || ((unsigned char)in.p[0] & 0xc0) != 0x80) {
                        append_utf8(to, held);
                        c->held_n = 0;
                }
        }
        size_t keep = unfinished(in);
        append_utf8(to, slice_head(in, in.n - keep));
        if (keep)
                memcpy(c->held, in.p + in.n - keep, keep);
        c->held_n = c->held_n + keep;
}

static void convert_single(struct charset *c, struct slice in, struct buf *to)
{
        while (in.n) {
                size_t n = ascii_size(in);
                buf_append(to, slice_head(in, n));
                for (; n < in.n && (unsigned char)in.p[n] >= 0x80; n++) {
                        uint32_t cp = c->table[(unsigned char)in.p[n] - 0x80];
                        utf8_encode(to, cp ? cp : 0xfffd);
                }
                in = slice_from(in, n);
        }
}

/* Converts what can be and returns how many bytes are left: the start of a character. */
static size_t iconv_piece(struct charset *c, struct slice in, struct buf *to)
{
        char *from = (char *)(uintptr_t)in.p; /* iconv() does not write there, whatever its prototype says */
        size_t left = in.n;
        while (left) {
                char out[4096], *end = out;
                size_t room = sizeof(out);
                size_t r = iconv(c->iconv, &from, &left, &end, &room);
                int error = r == (size_t)-1 ? errno : 0;
                append_utf8(to, slice_make(out, (size_t)(end - out)));
                if (error == 0 || to->error)
                        return 0;
                if (error == EINVAL && left < HELD_MAX)
                        return left;
                if (error != E2BIG) {
                        utf8_encode(to, 0xfffd);
                        from++;
                        left--;
                }
        }
        return 0;
}

static void convert_iconv(struct charset *c, struct slice in, struct buf *to)
{
        if (c->held_n) {
                char joined[HELD_MAX * 2];
                size_t held = c->held_n, more = MIN(in.n, (size_t)HELD_MAX);
                memcpy(joined, c->held, held);
                memcpy(joined + held, in.p, more);
                size_t left = iconv_piece(c, slice_make(joined, held + more), to);
                if (left > more) { /* the held bytes are still unfinished: then all of `in` is among them */
                        memcpy(c->held, joined + held + more - left, left);
                        c->held_n = left;
                        in = slice_from(in, more);
                } else {
                        c->held_n = 0;
                        in = slice_from(in, more - left);
                }
        }
        size_t left = iconv_piece(c, in, to);
        if (left) {
                memcpy(c->held, in.p + in.n - left, left);
                c->held_n = left;
        }
}

int charset_convert(struct charset *c, struct slice in, struct buf *to)
{
        if (in.n == 0)
                return to->error;
        if (c->kind == CHARSET_UTF8)
                convert_utf8(c, in, to);
        else if (c->kind == CHARSET_SINGLE)
                convert_single(c, in, to);
        else
                convert_iconv(c, in, to);
        return to->error;
}

int charset_finish(struct charset *c, struct buf *to)
{
        if (c->held_n)
                utf8_encode(to, 0xfffd);
        c->held_n = 0;
        if (c->kind == CHARSET_ICONV)
                iconv(c->iconv, NULL, NULL, NULL, NULL);
        return to->error;
}

int charset_to_utf8(struct slice name, struct slice in, struct buf *to)
{
        _cleanup_(charset_close_p) struct charset *c = NULL;
        int r = charset_open(name, &c);
        if (r < 0)
                return r;
        r = charset_convert(c, in, to);
        return r < 0 ? r : charset_finish(c, to);
}

void charset_preload(struct charset *ret[static CHARSET_PRELOAD])
{
        static const char *const names[CHARSET_PRELOAD] = {
                "gbk", "gb18030", "big5", "shift_jis", "euc-jp", "iso-2022-jp", "euc-kr", "utf-7",
        };
        for (size_t i = 0; i < CHARSET_PRELOAD; i++)
                if (charset_open(slice_of(names[i]), &ret[i]) < 0)
                        ret[i] = NULL;
}
