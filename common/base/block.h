#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

/* Sixteen bytes at a time, for loops that see all mail: compilers make vector instructions of operators on
 * block_t, or plain ones where there are none. */

#include <endian.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK = 16 };
typedef unsigned char block_t __attribute__((vector_size(BLOCK)));

static inline block_t block_load(const char *p)
{
        block_t b;
        memcpy(&b, p, BLOCK);
        return b;
}

/* The number of the first byte that is not 0, as a comparison of blocks gives it where it holds; BLOCK when
 * there is none. */
static inline size_t block_first(block_t found)
{
        uint64_t half[2];
        memcpy(half, &found, BLOCK);
        if (half[0])
                return (size_t)__builtin_ctzll(le64toh(half[0])) / 8;
        return half[1] ? BLOCK / 2 + (size_t)__builtin_ctzll(le64toh(half[1])) / 8 : BLOCK;
}

#endif
