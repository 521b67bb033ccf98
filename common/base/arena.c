#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

enum {
        ARENA_FIRST = 1024 - 64, /* small enough for malloc()'s fast path: many an arena needs no more */
        ARENA_BLOCK = 8192 - 64,
        ARENA_ALIGN = 16,
};

struct arena_block {
        struct arena_block *next;
        size_t size;
        size_t used;
        _Alignas(ARENA_ALIGN) char data[];
};

static struct arena_block *block_new(size_t size, struct arena_block *next)
{
        struct arena_block *b = xmalloc(sizeof(*b) + size);
        b->next = next;
        b->size = size;
        b->used = 0;
        return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
        size_t need = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
        if (need < size)
                need = SIZE_MAX - 4096; /* cannot be had: xmalloc ends the process */
        if (!a->block || a->block->size - a->block->used < need)
                a->block = block_new(MAX(need, (size_t)(a->block ? ARENA_BLOCK : ARENA_FIRST)), a->block);
        void *p = a->block->data + a->block->used;
        a->block->used += need;
        a->used += need;
        return memset(p, 0, size);
}

void *arena_alloc_array(struct arena *a, size_t count, size_t size)
{
        size_t total;
        if (__builtin_mul_overflow(count, size, &total))
                total = SIZE_MAX - 4096;
        return arena_alloc(a, total);
}

struct slice arena_slice(struct arena *a, struct slice s)
{
        return (struct slice){arena_str(a, s), s.n};
}

char *arena_str(struct arena *a, struct slice s)
{
        char *p = arena_alloc(a, s.n + 1);
        if (s.n)
                memcpy(p, s.p, s.n);
        return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
        va_list ap, again;
        va_start(ap, fmt);
        va_copy(again, ap);
        int n = vsnprintf(NULL, 0, fmt, ap);
        va_end(ap);
        if (n < 0)
                n = 0;
        char *p = arena_alloc(a, (size_t)n + 1);
        vsnprintf(p, (size_t)n + 1, fmt, again);
        va_end(again);
        return p;
}

static void free_blocks(struct arena_block *b)
{
        while (b) {
                struct arena_block *next = b->next;
                free(b);
                b = next;
        }
}

void arena_reset(struct arena *a)
{
        if (a->block) {
                free_blocks(a->block->next);
                a->block->next = NULL;
                a->block->used = 0;
                if (a->block->size > ARENA_BLOCK) {
                        free_blocks(a->block);
                        a->block = NULL;
                }
        }
        a->used = 0;
}

void arena_free(struct arena *a)
{
        free_blocks(a->block);
        *a = (struct arena){0};
}

void arena_wipe(struct arena *a)
{
        for (struct arena_block *b = a->block; b; b = b->next)
                explicit_bzero(b->data, b->used);
        arena_free(a);
}
