#include "base/base64.h"

#include <errno.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_encode(struct buf *to, struct slice s)
{
        for (size_t i = 0; i < s.n; i += 3) {
                size_t left = s.n - i;
                uint32_t v = (uint32_t)(unsigned char)s.p[i] << 16;
                if (left > 1)
                        v |= (uint32_t)(unsigned char)s.p[i + 1] << 8;
                if (left > 2)
                        v |= (unsigned char)s.p[i + 2];
                char quad[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63],
                                left > 1 ? alphabet[v >> 6 & 63] : '=', left > 2 ? alphabet[v & 63] : '='};
                int r = buf_append(to, slice_make(quad, 4));
                if (r < 0)
                        return r;
        }
        return 0;
}

int base64_decode(struct buf *to, struct slice s)
{
        if (s.n % 4)
                return -EINVAL;
        size_t start = to->n;
        for (size_t i = 0; i < s.n; i += 4) {
                bool last = i + 4 == s.n;
                int pad = last && s.p[i + 3] == '=' ? (s.p[i + 2] == '=' ? 2 : 1) : 0;
                uint32_t v = 0;
                for (int k = 0; k < 4; k++) {
                        int d = k >= 4 - pad ? 0 : value_of(s.p[i + (size_t)k]);
                        if (d < 0) {
                                to->n = start;
                                return -EINVAL;
                        }
                        v = v << 6 | (uint32_t)d;
                }
                /* the bits that padding leaves over must be zero, or two texts would mean one secret */
                if ((pad == 1 && (v & 0xff)) || (pad == 2 && (v & 0xffff))) {
                        to->n = start;
                        return -EINVAL;
                }
                char out[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
                int r = buf_append(to, slice_make(out, 3 - (size_t)pad));
                if (r < 0) {
                        to->n = start;
                        return r;
                }
        }
        return 0;
}

int base64_decode_lenient(struct buf *to, struct slice s)
{
        uint32_t v = 0;
        int bits = 0;
        if (!buf_reserve(to, s.n / 4 * 3 + 3))
                return to->error;
        for (size_t i = 0; i < s.n && s.p[i] != '='; i++) {
                int d = value_of(s.p[i]);
                if (d < 0)
                        continue;
                v = v << 6 | (uint32_t)d;
                bits += 6;
                if (bits >= 8) {
                        bits -= 8;
                        to->p[to->n++] = (char)(v >> bits);
                }
        }
        return 0;
}
