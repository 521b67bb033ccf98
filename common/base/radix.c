#include "base/radix.h"

#include <string.h>

#include "base/macro.h"

enum {
        RADIX_FEW = 48, /* pairs below which moving them one by one is quicker */
        RADIX_BYTES = sizeof(uint64_t),
};

static void insertion_sort(struct radix_pair *p, size_t n)
{
        for (size_t i = 1; i < n; i++) {
                struct radix_pair moved = p[i];
                size_t at = i;

                for (; at > 0 && p[at - 1].key > moved.key; at--)
                        p[at] = p[at - 1];
                p[at] = moved;
        }
}

/* The bits in which keys differ; 0 also when they are in order already. */
static uint64_t varying_bits(const struct radix_pair *p, size_t n)
{
        uint64_t bits = 0;
        bool sorted = true;

        for (size_t i = 1; i < n; i++) {
                bits |= p[i].key ^ p[0].key;
                sorted &= p[i - 1].key <= p[i].key;
        }
        return sorted ? 0 : bits;
}

static void pass(const struct radix_pair *from, size_t n, unsigned shift, struct radix_pair *to)
{
        size_t starts[256] = {0}, sum = 0;

        for (size_t i = 0; i < n; i++)
                starts[from[i].key >> shift & 0xff]++;
        for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
                size_t count = starts[i];

                starts[i] = sum;
                sum += count;
        }
        for (size_t i = 0; i < n; i++)
                to[starts[from[i].key >> shift & 0xff]++] = from[i];
}

void radix_sort(struct radix_pair *pairs, size_t n, struct radix_pair *scratch)
{
        struct radix_pair *from = pairs, *to = scratch;
        uint64_t bits;

        if (n < RADIX_FEW) {
                insertion_sort(pairs, n);
                return;
        }
        bits = varying_bits(pairs, n);
        for (unsigned byte = 0; byte < RADIX_BYTES; byte++) {
                struct radix_pair *swap = from;

                if (!(bits >> 8 * byte & 0xff))
                        continue;
                pass(from, n, 8 * byte, to);
                from = to;
                to = swap;
        }
        if (from != pairs)
                memcpy(pairs, from, n * sizeof(*pairs));
}
