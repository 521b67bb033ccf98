#include "imap/range_list.h"

#include <stdlib.h>

#include "base/alloc.h"

void range_list_free(struct range_list *l)
{
        free(l->range);
        *l = (struct range_list){0};
}

static void push(struct range_list *l, uint32_t low, uint32_t high)
{
        if (l->n == l->cap) {
                l->cap = MAX(l->cap * 2, (size_t)16);
                l->range = xrealloc(l->range, l->cap * sizeof(*l->range));
        }
        l->range[l->n++] = (struct imap_range){low, high};
}

void range_list_add(struct range_list *l, uint32_t number)
{
        if (l->n > 0 && l->range[l->n - 1].high + 1 == number)
                l->range[l->n - 1].high = number;
        else
                push(l, number, number);
}

void range_list_add_down(struct range_list *l, uint32_t number)
{
        if (l->n > 0 && l->range[l->n - 1].low - 1 == number)
                l->range[l->n - 1].low = number;
        else
                push(l, number, number);
}

void range_list_reverse(struct range_list *l)
{
        for (size_t i = 0; i < l->n / 2; i++) {
                struct imap_range other = l->range[i];

                l->range[i] = l->range[l->n - 1 - i];
                l->range[l->n - 1 - i] = other;
        }
}

void range_list_cut(struct range_list *l, uint64_t skip, uint64_t n)
{
        size_t kept = 0;

        for (size_t i = 0; i < l->n && n > 0; i++) {
                struct imap_range range = l->range[i];
                uint64_t has = (uint64_t)range.high - range.low + 1, left = MIN(skip, has);

                skip -= left;
                has -= left;
                if (has == 0)
                        continue;
                range.low += (uint32_t)left;
                has = MIN(has, n);
                range.high = range.low + (uint32_t)(has - 1);
                n -= has;
                l->range[kept++] = range;
        }
        l->n = kept;
}

struct imap_set range_list_set(const struct range_list *l)
{
        return (struct imap_set){.ranges = l->range, .n = l->n};
}

bool range_list_has(const struct range_list *l, uint32_t number)
{
        struct imap_set set = range_list_set(l);
        size_t at = imap_set_at(&set, number);

        return at < l->n && number >= l->range[at].low;
}

/* Where a list's i-th change from out to in, or from in to out, is: the number that it begins with. */
static uint64_t edge(const struct range_list *l, size_t i)
{
        if (i / 2 >= l->n)
                return UINT64_MAX;
        return i % 2 == 0 ? l->range[i / 2].low : (uint64_t)l->range[i / 2].high + 1;
}

/* Two edges at one place are none. */
void range_list_toggle(struct range_list *l, const struct range_list *other)
{
        struct range_list made = {0};
        uint64_t open = 0, at;
        size_t i = 0, k = 0;

        while ((at = MIN(edge(l, i), edge(other, k))) != UINT64_MAX) {
                bool first = edge(l, i) == at, second = edge(other, k) == at;

                i += first;
                k += second;
                if (first == second)
                        continue;
                if (open)
                        push(&made, (uint32_t)open, (uint32_t)(at - 1));
                open = open ? 0 : at;
        }
        range_list_free(l);
        *l = made;
}

/* How many of n ascending numbers are below this one. */
static size_t below(const uint32_t *numbers, size_t n, uint64_t limit)
{
        size_t low = 0, high = n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (numbers[middle] < limit)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

void range_list_expunge(struct range_list *l, const uint32_t *numbers, size_t n, struct range_list *removed)
{
        size_t kept = 0;

        for (size_t i = 0; i < l->n; i++) {
                struct imap_range range = l->range[i];
                size_t first = below(numbers, n, range.low),
                       end = below(numbers, n, (uint64_t)range.high + 1);

                for (size_t k = first; k < end; k++)
                        range_list_add(removed, numbers[k]);
                if (end - first > range.high - range.low)
                        continue;
                range.low -= (uint32_t)first;
                range.high -= (uint32_t)end;
                if (kept > 0 && l->range[kept - 1].high + 1 == range.low)
                        l->range[kept - 1].high = range.high;
                else
                        l->range[kept++] = range;
        }
        l->n = kept;
}
