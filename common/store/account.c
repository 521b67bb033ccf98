/* What a save changes in the quota. */

#include "store/saved.h"

struct account {
        struct quota_sum checked;          /* needs room */
        int64_t bytes, messages;           /* more than before in folders that count */
        int64_t left_bytes, left_messages; /* less than before, once they have left `from` */
};

bool account_is_within(const struct save *s)
{
        return s->from && quota_counts(s->to->store, &s->from->place) &&
               quota_counts(s->to->store, &s->to->place);
}

uint64_t account_bytes(const struct store *s, uint64_t bytes, uint64_t sent)
{
        bool known = sent && sent != RECORD_SIZE_UNKNOWN;
        return s->quota.backend == QUOTA_COUNT && known ? sent : bytes;
}

void account_replace(struct save *s, uint32_t seq)
{
        const struct record *rec = opened_record(s->from, seq);
        if (!account_is_within(s) || !index_is_live(rec))
                return;
        s->replaced.bytes += account_bytes(s->from->store, s->from->format->bytes(s->from, rec), rec->size);
        s->replaced.messages++;
}

static int check(struct save *s, struct quota_sum more, uint64_t largest)
{
        more.bytes -= MIN(more.bytes, s->replaced.bytes);
        more.messages -= MIN(more.messages, s->replaced.messages);
        return quota_check(s->to->store, &s->to->place, &s->found, &more, largest);
}

int account_check(struct save *s, uint64_t size)
{
        if (s->within)
                return 0;
        return check(s, (struct quota_sum){s->room.bytes + size, s->room.messages + 1}, size);
}

/* Of the messages that are in the save now. What is moved by copying leaves `from` by an EXPUNGE, which
 * accounts for itself. */
static void add_up(const struct save *s, struct account *a)
{
        const struct store *store = s->to->store;
        bool to = quota_counts(store, &s->to->place), from = s->from && quota_counts(store, &s->from->place);
        *a = (struct account){0};
        for (size_t i = 0; i < s->n; i++) {
                const struct saved *item = &s->items[i];
                uint64_t bytes = account_bytes(store, item->bytes, item->size);
                bool leaves = from && item->where == SAVED_MOVE;
                if (to && !(from && item->moves)) {
                        a->checked.bytes += bytes;
                        a->checked.messages++;
                }
                if (to && !leaves) {
                        a->bytes += (int64_t)bytes;
                        a->messages++;
                }
                if (!to && leaves) {
                        a->left_bytes += (int64_t)bytes;
                        a->left_messages++;
                }
        }
}

/* The largest that nothing was said about yet: what came as bytes was looked at then. */
static uint64_t largest(const struct save *s)
{
        uint64_t most = 0;
        for (size_t i = 0; i < s->n; i++)
                if (s->items[i].where == SAVED_LINK)
                        most = MAX(most, s->items[i].bytes);
        return most;
}

int account_enter(struct save *s)
{
        struct account a;
        add_up(s, &a);
        if (a.checked.messages) {
                int r = check(s, a.checked, largest(s));
                if (r < 0)
                        return r;
        }
        quota_change(s->to->store, a.bytes, a.messages);
        s->entered_bytes = a.bytes;
        s->entered_messages = a.messages;
        return 0;
}

void account_settle(struct save *s, bool committed)
{
        struct account a = {0};
        if (committed)
                add_up(s, &a);
        quota_change(s->to->store, a.bytes - s->entered_bytes - a.left_bytes,
                     a.messages - s->entered_messages - a.left_messages);
        s->entered_bytes = s->entered_messages = 0;
}
