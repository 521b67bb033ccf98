#include <errno.h>
#include <stdlib.h>

#include "imap/reply.h"

static int by_low(const void *a, const void *b)
{
        const struct imap_range *x = a, *y = b;
        return x->low < y->low ? -1 : x->low > y->low;
}

/* Ranges in ascending order that do not overlap, "*" turned into `last`, so that a set of many ranges costs no more
 * than the messages it names. */
static struct imap_range *normalise(struct imap_session *s, const struct imap_set *set, uint32_t last, size_t *ret_n)
{
        struct imap_range *r = arena_array(&s->arena, struct imap_range, set->n);
        for (size_t i = 0; i < set->n; i++) {
                uint32_t a = set->ranges[i].low == IMAP_STAR ? last : set->ranges[i].low;
                uint32_t b = set->ranges[i].high == IMAP_STAR ? last : set->ranges[i].high;
                r[i] = (struct imap_range){MIN(a, b), MAX(a, b)};
        }
        qsort(r, set->n, sizeof(*r), by_low);
        size_t n = 0;
        for (size_t i = 0; i < set->n; i++) {
                if (n > 0 && r[i].low <= r[n - 1].high)
                        r[n - 1].high = MAX(r[n - 1].high, r[i].high);
                else
                        r[n++] = r[i];
        }
        *ret_n = n;
        return r;
}

static uint32_t last_uid(const struct mailbox *m)
{
        uint32_t count = mailbox_count(m);
        return count ? mailbox_message(m, count)->uid : 0;
}

int imap_resolve_set(struct imap_session *s, const struct imap_set *set, bool uid, uint32_t **ret_seqs, size_t *ret_n)
{
        uint32_t count = mailbox_count(s->mailbox);
        size_t ranges_n, n = 0;
        struct imap_range *ranges = normalise(s, set, uid ? last_uid(s->mailbox) : count, &ranges_n);
        if (!uid && ranges_n > 0 && ranges[ranges_n - 1].high > count)
                return -EINVAL;
        for (size_t i = 0; uid && i < ranges_n; i++) {
                /* the same ranges as sequence numbers; an empty one has low > high */
                uint32_t high = ranges[i].high;
                ranges[i].low = mailbox_seq_at_or_after(s->mailbox, ranges[i].low);
                ranges[i].high = high == UINT32_MAX ? count : mailbox_seq_at_or_after(s->mailbox, high + 1) - 1;
        }
        for (size_t i = 0; i < ranges_n; i++)
                if (ranges[i].low <= ranges[i].high)
                        n += ranges[i].high - ranges[i].low + 1;
        uint32_t *seqs = arena_array(&s->arena, uint32_t, n);
        n = 0;
        for (size_t i = 0; i < ranges_n; i++)
                for (uint32_t seq = MAX(ranges[i].low, 1u); seq <= ranges[i].high && seq <= count; seq++)
                        seqs[n++] = seq;
        *ret_seqs = seqs;
        *ret_n = n;
        return 0;
}
