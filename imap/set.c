#include <stdlib.h>

#include "imap/command.h"

static int by_low(const void *a, const void *b)
{
        const struct imap_range *x = a, *y = b;
        return x->low < y->low ? -1 : x->low > y->low;
}

struct imap_set imap_set_normalise(struct arena *arena, const struct imap_set *set, uint32_t last)
{
        struct imap_set made = {.ranges = arena_array(arena, struct imap_range, set->n)};
        struct imap_range *r = made.ranges;
        if (last == 0)
                return made;
        for (size_t i = 0; i < set->n; i++) {
                uint32_t a = set->ranges[i].low == IMAP_STAR ? last : set->ranges[i].low;
                uint32_t b = set->ranges[i].high == IMAP_STAR ? last : set->ranges[i].high;
                r[i] = (struct imap_range){MIN(a, b), MAX(a, b)};
        }
        if (set->n)
                qsort(r, set->n, sizeof(*r), by_low);
        for (size_t i = 0; i < set->n; i++) {
                if (made.n > 0 && r[i].low <= r[made.n - 1].high)
                        r[made.n - 1].high = MAX(r[made.n - 1].high, r[i].high);
                else
                        r[made.n++] = r[i];
        }
        return made;
}

size_t imap_set_at(const struct imap_set *set, uint32_t number)
{
        size_t low = 0, high = set->n;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (number > set->ranges[middle].high)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}
