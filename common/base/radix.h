#ifndef BASE_RADIX_H
#define BASE_RADIX_H

/* Sorting by a 64-bit key, in linear time for many: what SORT and THREAD order messages with. */

#include <stddef.h>
#include <stdint.h>

struct radix_pair {
        uint64_t key;
        uint32_t value;
};

/* Ascending by key; equal keys stay in the order they came in. `scratch` has room for n. */
void radix_sort(struct radix_pair *pairs, size_t n, struct radix_pair *scratch);

/* Signed numbers as keys in their order. */
static inline uint64_t radix_signed(int64_t v)
{
        return (uint64_t)v ^ UINT64_C(1) << 63;
}

#endif
