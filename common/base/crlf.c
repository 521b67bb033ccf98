#include "base/crlf.h"

/* A loop of a fixed length over bytes is one that compilers turn into a few vector instructions. */
enum { BLOCK = 64 };

static size_t bare_in_block(const char *p)
{
        unsigned char n = 0;
        for (int i = 0; i < BLOCK; i++)
                n = (unsigned char)(n + ((p[i] == '\n') & (p[i - 1] != '\r')));
        return n;
}

size_t crlf_bare(struct slice s, char before)
{
        if (s.n == 0)
                return 0;
        size_t n = s.p[0] == '\n' && before != '\r', i = 1;
        for (; s.n - i >= BLOCK; i += BLOCK)
                n += bare_in_block(s.p + i);
        for (; i < s.n; i++)
                n += s.p[i] == '\n' && s.p[i - 1] != '\r';
        return n;
}

size_t crlf_copy(char *to, size_t room, struct slice *from, char *last)
{
        const char *p = from->p, *end = p + from->n;
        char *at = to, *full = to + room;
        while (p < end) {
                size_t most = MIN((size_t)(end - p), (size_t)(full - at));
                const char *lf = most ? memchr(p, '\n', most) : NULL;
                size_t n = lf ? (size_t)(lf - p) : most;
                if (n) {
                        memcpy(at, p, n);
                        *last = p[n - 1];
                        at += n;
                        p += n;
                }
                if (!lf || full - at < 2)
                        break;
                if (*last != '\r')
                        *at++ = '\r';
                *last = *at++ = *p++;
        }
        from->n = (size_t)(end - p);
        from->p = p;
        return (size_t)(at - to);
}
