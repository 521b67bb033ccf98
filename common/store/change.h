#ifndef STORE_CHANGE_H
#define STORE_CHANGE_H

/* One STORE or EXPUNGE while it is carried out. */

#include "store/opened.h"
#include "store/quota.h"

struct change {
        struct mailbox *m;
        const uint32_t *seqs;
        size_t n;
        bool expunge;
        struct index_flags flags;
        uint64_t since;     /* what was changed later is left alone */
        uint32_t *modified; /* sequence numbers of that */
        size_t modified_n;
        struct buf done; /* uint32_t: UIDs */
        bool counts;     /* for the quota */
        struct quota_sum gone;
        struct buf again; /* uint32_t: sequence numbers whose files were not where they should be */
};

void change_put(struct buf *b, uint32_t number);
/* Calls `one` with those that are there and are to be changed; gathers `modified` and `again`. */
int change_each(struct change *c, int (*one)(void *context, const struct record *), void *context);

#endif
