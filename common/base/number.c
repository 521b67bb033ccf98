#include "base/number.h"

#include <errno.h>

static int parse(struct slice s, unsigned base, uint64_t *ret)
{
        if (s.n == 0)
                return -EINVAL;
        uint64_t v = 0;
        bool overflow = false;
        for (size_t i = 0; i < s.n; i++) {
                char c = ascii_lower(s.p[i]);
                unsigned digit;
                if (ascii_isdigit(c))
                        digit = (unsigned)(c - '0');
                else if (base == 16 && c >= 'a' && c <= 'f')
                        digit = (unsigned)(c - 'a') + 10;
                else
                        return -EINVAL;
                overflow = overflow || __builtin_mul_overflow(v, (uint64_t)base, &v) ||
                           __builtin_add_overflow(v, (uint64_t)digit, &v);
        }
        if (overflow)
                return -ERANGE;
        *ret = v;
        return 0;
}

int slice_to_u64(struct slice s, uint64_t *ret)
{
        return parse(s, 10, ret);
}

int slice_to_u32(struct slice s, uint32_t *ret)
{
        uint64_t v;
        int r = parse(s, 10, &v);
        if (r < 0)
                return r;
        if (v > UINT32_MAX)
                return -ERANGE;
        *ret = (uint32_t)v;
        return 0;
}

int slice_hex_to_u64(struct slice s, uint64_t *ret)
{
        return parse(s, 16, ret);
}

/* Two digits a division. */
char *number_write(char *to, uint64_t v)
{
        static const char pairs[] = "0001020304050607080910111213141516171819"
                                    "2021222324252627282930313233343536373839"
                                    "4041424344454647484950515253545556575859"
                                    "6061626364656667686970717273747576777879"
                                    "8081828384858687888990919293949596979899";
        char digits[NUMBER_MAX];
        char *p = digits + sizeof(digits);
        while (v >= 100) {
                p -= 2;
                memcpy(p, pairs + v % 100 * 2, 2);
                v /= 100;
        }
        if (v >= 10) {
                p -= 2;
                memcpy(p, pairs + v * 2, 2);
        } else {
                *--p = (char)('0' + v);
        }
        size_t n = (size_t)(digits + sizeof(digits) - p);
        memcpy(to, p, n);
        return to + n;
}
