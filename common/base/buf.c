#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/number.h"

enum { BUF_FIRST = 256 };

char *buf_reserve(struct buf *b, size_t n)
{
        size_t limit = b->max ? b->max : SIZE_MAX / 4;
        if (n > limit || b->n > limit - n) {
                b->error = -E2BIG;
                return NULL;
        }
        if (b->cap - b->n < n || !b->p) {
                size_t cap = MAX(b->cap * 2, (size_t)BUF_FIRST);
                if (cap < b->n + n)
                        cap = b->n + n;
                b->p = xrealloc(b->p, cap);
                b->cap = cap;
        }
        return b->p + b->n;
}

int buf_append(struct buf *b, struct slice s)
{
        if (s.n == 0)
                return 0;
        bool fits = s.n <= b->cap - b->n && (!b->max || b->n + s.n <= b->max);
        char *to = fits ? b->p + b->n : buf_reserve(b, s.n);
        if (!to)
                return b->error;
        memcpy(to, s.p, s.n);
        b->n += s.n;
        return 0;
}

int buf_str(struct buf *b, const char *s)
{
        return buf_append(b, slice_of(s));
}

int buf_number(struct buf *b, uint64_t v)
{
        char digits[NUMBER_MAX];
        return buf_append(b, slice_make(digits, (size_t)(number_write(digits, v) - digits)));
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
        va_list ap, again;
        va_start(ap, fmt);
        va_copy(again, ap);
        int n = vsnprintf(NULL, 0, fmt, ap);
        va_end(ap);
        char *to = n < 0 ? NULL : buf_reserve(b, (size_t)n + 1);
        if (to) {
                vsnprintf(to, (size_t)n + 1, fmt, again);
                b->n += (size_t)n;
        }
        va_end(again);
        return to ? 0 : -E2BIG;
}

void buf_consume(struct buf *b, size_t n)
{
        n = MIN(n, b->n);
        b->n -= n;
        if (b->n)
                memmove(b->p, b->p + n, b->n);
}

const char *buf_cstr(struct buf *b)
{
        size_t max = b->max;
        b->max = 0; /* the NUL does not count */
        *buf_reserve(b, 1) = '\0';
        b->max = max;
        return b->p;
}

void buf_free(struct buf *b)
{
        free(b->p);
        *b = (struct buf){.max = b->max};
}

void buf_wipe(struct buf *b)
{
        if (b->p)
                explicit_bzero(b->p, b->cap);
        buf_free(b);
}
