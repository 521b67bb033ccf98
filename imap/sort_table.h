#ifndef IMAP_SORT_TABLE_H
#define IMAP_SORT_TABLE_H

/* Messages in the order of a sort program (RFC 5256 section 3, SORT). Pure. A message costs 36 bytes, 8 for
 * each criterion, and 4 and the text for each criterion of texts that is longer than 8 bytes. */

#include "base/buf.h"
#include "base/radix.h"

/* One criterion. */
struct sort_order {
        bool text; /* else a number */
        bool reverse;
};

enum {
        SORT_ORDERS_MAX = 9, /* as many sort keys as there are: naming one again changes nothing */
};

struct sort_value {
        uint64_t number;   /* ascending */
        struct slice text; /* without NULs; compared byte by byte, the empty one first */
};

struct sort_table {
        struct sort_order orders[SORT_ORDERS_MAX];
        size_t orders_n;
        struct buf texts; /* what does not fit into the first key of a text, each at a multiple of 4 */
        struct sort_column {
                uint64_t *keys;
                uint32_t *rests; /* of texts: where in `texts`, in units of 4 bytes; 0: nowhere */
        } columns[SORT_ORDERS_MAX];
        uint32_t *messages;
        struct radix_pair *pairs, *scratch;
        uint32_t n, cap;
};

/* Begin with {.orders_n = ..., .orders = ...}; sort_table_free() also is a _cleanup_ function. */
void sort_table_free(struct sort_table *t);

/* Another message, with one value for each criterion. The order in which messages are added decides between
 * those that are the same by all criteria. */
void sort_table_add(struct sort_table *t, uint32_t message, const struct sort_value *values);

/* Puts all in order; then sort_table_at(0) is the first one. */
void sort_table_sort(struct sort_table *t);
static inline uint32_t sort_table_at(const struct sort_table *t, uint32_t place)
{
        return t->messages[t->pairs[place].value];
}

#endif
