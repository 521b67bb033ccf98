#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "imap/reply.h"

static uint32_t last_uid(const struct mailbox *m)
{
        uint32_t count = mailbox_count(m);
        return count ? mailbox_message(m, count).uid : 0;
}

/* "*" is a message too, which an empty mailbox does not have. */
static bool names_beyond(const struct imap_set *set, uint32_t count)
{
        for (size_t i = 0; i < set->n; i++)
                if (count == 0 || MAX(set->ranges[i].low, set->ranges[i].high) > count)
                        return true;
        return false;
}

/* Ranges of UIDs as ranges of sequence numbers; an empty one has low > high. */
static void to_sequence(const struct mailbox *m, struct imap_set *set)
{
        for (size_t i = 0; i < set->n; i++) {
                uint32_t high = set->ranges[i].high;
                set->ranges[i].low = mailbox_seq_at_or_after(m, set->ranges[i].low);
                set->ranges[i].high =
                        high == UINT32_MAX ? mailbox_count(m) : mailbox_seq_at_or_after(m, high + 1) - 1;
        }
}

void imap_save_set(struct imap_session *s, const struct imap_set *uids)
{
        free(s->saved.ranges);
        s->saved = (struct imap_set){0};
        if (!uids || uids->n == 0)
                return;
        s->saved.ranges = xmalloc(uids->n * sizeof(*uids->ranges));
        s->saved.n = uids->n;
        memcpy(s->saved.ranges, uids->ranges, uids->n * sizeof(*uids->ranges));
}

int imap_resolve_set(struct imap_session *s, const struct imap_set *set, bool uid, uint32_t **ret_seqs,
                     size_t *ret_n)
{
        uint32_t count = mailbox_count(s->mailbox);
        if (set->saved) {
                set = &s->saved;
                uid = true;
        }
        if (!uid && names_beyond(set, count))
                return -EINVAL;
        struct imap_set made = imap_set_normalise(&s->arena, set, uid ? last_uid(s->mailbox) : count);
        if (uid)
                to_sequence(s->mailbox, &made);
        size_t n = 0;
        for (size_t i = 0; i < made.n; i++)
                if (made.ranges[i].low <= made.ranges[i].high)
                        n += made.ranges[i].high - made.ranges[i].low + 1;
        uint32_t *seqs = arena_array(&s->arena, uint32_t, n);
        n = 0;
        for (size_t i = 0; i < made.n; i++)
                for (uint32_t seq = made.ranges[i].low; seq <= made.ranges[i].high; seq++)
                        seqs[n++] = seq;
        *ret_seqs = seqs;
        *ret_n = n;
        return 0;
}
