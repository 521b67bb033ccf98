#include "base/utf8.h"

size_t utf8_decode(struct slice s, uint32_t *ret_code_point)
{
        static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
        if (s.n == 0)
                return 0;
        unsigned char c = (unsigned char)s.p[0];
        size_t len = c < 0x80                ? 1
                     : c >= 0xc2 && c < 0xe0 ? 2
                     : c >= 0xe0 && c < 0xf0 ? 3
                     : c >= 0xf0 && c < 0xf5 ? 4
                                             : 0;
        if (len == 0 || s.n < len)
                return 0;
        uint32_t v = len == 1 ? c : c & (0x7fu >> len);
        for (size_t i = 1; i < len; i++) {
                if (((unsigned char)s.p[i] & 0xc0) != 0x80)
                        return 0;
                v = v << 6 | ((unsigned char)s.p[i] & 0x3f);
        }
        if (v < smallest[len] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
                return 0;
        *ret_code_point = v;
        return len;
}

bool utf8_valid(struct slice s)
{
        while (s.n) {
                uint32_t cp;
                uint64_t eight;
                size_t len = utf8_decode(s, &cp);
                if (len == 0)
                        return false;
                s = slice_from(s, len);
                for (; s.n >= sizeof(eight); s = slice_from(s, sizeof(eight))) {
                        memcpy(&eight, s.p, sizeof(eight));
                        if (eight & UINT64_C(0x8080808080808080))
                                break;
                }
        }
        return true;
}

int utf8_encode(struct buf *to, uint32_t cp)
{
        char out[4];
        size_t n;
        if (cp < 0x80) {
                out[0] = (char)cp;
                n = 1;
        } else if (cp < 0x800) {
                out[0] = (char)(0xc0 | cp >> 6);
                n = 2;
        } else if (cp < 0x10000) {
                out[0] = (char)(0xe0 | cp >> 12);
                n = 3;
        } else {
                out[0] = (char)(0xf0 | cp >> 18);
                n = 4;
        }
        for (size_t i = 1; i < n; i++)
                out[i] = (char)(0x80 | (cp >> 6 * (n - 1 - i) & 0x3f));
        return buf_append(to, slice_make(out, n));
}

int utf8_append_valid(struct buf *to, struct slice s)
{
        while (s.n) {
                uint32_t cp;
                size_t n = 0, len;
                while ((len = utf8_decode(slice_from(s, n), &cp)) > 0)
                        n += len;
                int r = buf_append(to, slice_head(s, n));
                if (r == 0 && n < s.n)
                        r = utf8_encode(to, 0xfffd);
                if (r < 0)
                        return r;
                s = slice_from(s, n + 1);
        }
        return 0;
}
