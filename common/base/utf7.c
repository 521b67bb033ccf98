#include "base/utf7.h"

#include <errno.h>

#include "base/utf8.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool is_direct(uint32_t cp)
{
        return cp >= 0x20 && cp <= 0x7e;
}

struct shift {
        uint32_t bits;
        int count;
};

static void put_unit(struct buf *to, struct shift *s, uint32_t unit)
{
        s->bits = s->bits << 16 | unit;
        s->count += 16;
        while (s->count >= 6) {
                s->count -= 6;
                buf_char(to, alphabet[s->bits >> s->count & 63]);
        }
}

int utf7_from_utf8(struct buf *to, struct slice s)
{
        struct shift shift = {0};
        bool shifted = false;
        while (s.n || shifted) {
                uint32_t cp = 0;
                size_t len = s.n ? utf8_decode(s, &cp) : 0;
                if (s.n && len == 0)
                        return -EINVAL;
                if (shifted && (s.n == 0 || is_direct(cp))) {
                        if (shift.count)
                                buf_char(to, alphabet[shift.bits << (6 - shift.count) & 63]);
                        buf_char(to, '-');
                        shifted = false;
                        continue;
                }
                if (is_direct(cp)) {
                        buf_char(to, (char)cp);
                        if (cp == '&')
                                buf_char(to, '-');
                } else {
                        if (!shifted) {
                                buf_char(to, '&');
                                shift = (struct shift){0};
                                shifted = true;
                        }
                        if (cp >= 0x10000) {
                                put_unit(to, &shift, 0xd800 + ((cp - 0x10000) >> 10));
                                put_unit(to, &shift, 0xdc00 + ((cp - 0x10000) & 0x3ff));
                        } else {
                                put_unit(to, &shift, cp);
                        }
                }
                s = slice_from(s, len);
        }
        return to->error;
}

static int value_of(char c)
{
        const char *at = c ? strchr(alphabet, c) : NULL;
        return at ? (int)(at - alphabet) : -1;
}

/* One &...- run, already without its marks. */
static int decode_run(struct buf *to, struct slice run)
{
        uint32_t bits = 0, high = 0;
        int count = 0;
        for (size_t i = 0; i < run.n; i++) {
                int d = value_of(run.p[i]);
                if (d < 0)
                        return -EINVAL;
                bits = bits << 6 | (uint32_t)d;
                count += 6;
                if (count < 16)
                        continue;
                count -= 16;
                uint32_t unit = bits >> count & 0xffff;
                if (high) {
                        if (unit < 0xdc00 || unit > 0xdfff)
                                return -EINVAL;
                        utf8_encode(to, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
                        high = 0;
                } else if (unit >= 0xd800 && unit <= 0xdbff) {
                        high = unit;
                } else if ((unit >= 0xdc00 && unit <= 0xdfff) || is_direct(unit)) {
                        return -EINVAL;
                } else {
                        utf8_encode(to, unit);
                }
        }
        if (high || count >= 6 || (bits & ((1u << count) - 1)))
                return -EINVAL;
        return 0;
}

int utf7_to_utf8(struct buf *to, struct slice s)
{
        size_t start = to->n;
        bool after_run = false;
        while (s.n) {
                char c = s.p[0];
                if (!is_direct((unsigned char)c))
                        goto invalid;
                if (c != '&') {
                        buf_char(to, c);
                        s = slice_from(s, 1);
                        after_run = false;
                        continue;
                }
                size_t end = slice_find(s, '-');
                if (end == s.n)
                        goto invalid;
                if (end == 1) {
                        buf_char(to, '&');
                        after_run = false;
                } else {
                        /* two runs in a row could have been one */
                        if (after_run || decode_run(to, slice_make(s.p + 1, end - 1)) < 0)
                                goto invalid;
                        after_run = true;
                }
                s = slice_from(s, end + 1);
        }
        return to->error;
invalid:
        to->n = start;
        return -EINVAL;
}
