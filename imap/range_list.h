#ifndef IMAP_RANGE_LIST_H
#define IMAP_RANGE_LIST_H

/* A growing list of numbers as ranges, on the heap; begin with {0}. */

#include "imap/command.h"

struct range_list {
        struct imap_range *range;
        size_t n, cap;
};
void range_list_free(struct range_list *l); /* also a _cleanup_ function */
/* Another number behind all others: it prolongs the last range when it is the next one. */
void range_list_add(struct range_list *l, uint32_t number);
/* The same for numbers that descend: the ranges do too, and each ascends. */
void range_list_add_down(struct range_list *l, uint32_t number);
void range_list_reverse(struct range_list *l);
/* Leaves n numbers, from the one at index `skip` on. */
void range_list_cut(struct range_list *l, uint64_t skip, uint64_t n);
/* Of an ascending list. */
bool range_list_has(const struct range_list *l, uint32_t number);
/* Of two ascending lists: takes out of `l` what is in both, and adds what is only in `other`. */
void range_list_toggle(struct range_list *l, const struct range_list *other);
/* Takes n numbers (ascending) out of an ascending list and counts all that follow down, as EXPUNGE does with
 * sequence numbers. Those that were in it are added to `removed`. */
void range_list_expunge(struct range_list *l, const uint32_t *numbers, size_t n, struct range_list *removed);
/* The same ranges; valid as long as the list is not changed. */
struct imap_set range_list_set(const struct range_list *l);

#endif
