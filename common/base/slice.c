#include "base/slice.h"

#include <strings.h>

bool slice_eq(struct slice a, struct slice b)
{
        return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool slice_ieq(struct slice a, struct slice b)
{
        if (a.n != b.n)
                return false;
        for (size_t i = 0; i < a.n; i++)
                if (a.p[i] != b.p[i] && ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
                        return false;
        return true;
}

bool slice_starts(struct slice s, struct slice prefix)
{
        return s.n >= prefix.n && slice_eq(slice_head(s, prefix.n), prefix);
}

bool slice_istarts(struct slice s, struct slice prefix)
{
        return s.n >= prefix.n && slice_ieq(slice_head(s, prefix.n), prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
        return s.n >= suffix.n && slice_eq(slice_from(s, s.n - suffix.n), suffix);
}

int slice_cmp(struct slice a, struct slice b)
{
        size_t n = MIN(a.n, b.n);
        int r = n ? memcmp(a.p, b.p, n) : 0;
        if (r)
                return r;
        return a.n < b.n ? -1 : a.n > b.n;
}

size_t slice_find(struct slice s, char c)
{
        const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;
        return hit ? (size_t)(hit - s.p) : s.n;
}

size_t slice_rfind(struct slice s, char c)
{
        const char *hit = s.n ? memrchr(s.p, c, s.n) : NULL;
        return hit ? (size_t)(hit - s.p) : s.n;
}

/* A loop of a fixed length over bytes is one that compilers turn into a few vector instructions. */
size_t slice_count(struct slice s, char c)
{
        enum { BLOCK = 64 };
        size_t n = 0, i = 0;
        for (; s.n - i >= BLOCK; i += BLOCK) {
                unsigned char found = 0;
                for (int k = 0; k < BLOCK; k++)
                        found = (unsigned char)(found + (s.p[i + (size_t)k] == c));
                n += found;
        }
        for (; i < s.n; i++)
                n += s.p[i] == c;
        return n;
}

size_t slice_find_slice(struct slice s, struct slice needle)
{
        if (needle.n == 0)
                return 0;
        const char *hit = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
        return hit ? (size_t)(hit - s.p) : s.n;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
        while (s.n && is_blank(s.p[0]))
                s = slice_from(s, 1);
        while (s.n && is_blank(s.p[s.n - 1]))
                s.n--;
        return s;
}

bool slice_split(struct slice *rest, char sep, struct slice *ret_part)
{
        if (rest->n == 0)
                return false;
        size_t at = slice_find(*rest, sep);
        *ret_part = slice_head(*rest, at);
        *rest = slice_from(*rest, at + 1);
        return true;
}
