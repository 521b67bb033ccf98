#ifndef BASE_BUF_H
#define BASE_BUF_H

/* A growable byte buffer with a bound. Appending past the bound changes nothing and sets the sticky `error`
 * (-E2BIG), so a writer may append a whole reply and check once at the end. */

#include "base/macro.h"
#include "base/slice.h"

struct buf {
        char *p;
        size_t n;
        size_t cap;
        size_t max; /* 0: no bound */
        int error;
};

#define BUF_BOUNDED(limit) ((struct buf){.max = (limit)})

static inline struct slice buf_slice(const struct buf *b)
{
        return (struct slice){b->p, b->n};
}

/* Makes room for n more bytes and returns where they go (b->n is unchanged); NULL past the bound. */
char *buf_reserve(struct buf *b, size_t n);

/* 0 or -E2BIG (also kept in b->error). */
int buf_append(struct buf *b, struct slice s);
static inline int buf_char(struct buf *b, char c)
{
        if (b->n >= b->cap || (b->max && b->n >= b->max))
                return buf_append(b, (struct slice){&c, 1});
        b->p[b->n++] = c;
        return 0;
}
int buf_str(struct buf *b, const char *s);
int buf_number(struct buf *b, uint64_t v); /* decimal */
int buf_printf(struct buf *b, const char *fmt, ...) _printf_(2, 3);

/* Drops n bytes at the front. */
void buf_consume(struct buf *b, size_t n);

/* The content as a string: appends a NUL beyond n. Owned by the buffer. */
const char *buf_cstr(struct buf *b);

/* Frees the memory; the bound stays. Also a _cleanup_ function. */
void buf_free(struct buf *b);
/* As buf_free(), overwriting the content first. */
void buf_wipe(struct buf *b);

#endif
