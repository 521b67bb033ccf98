/* All messages of a save become part of the folder. */

#include <errno.h>

#include "base/alloc.h"
#include "store/error.h"
#include "store/saved.h"

enum { COMMIT_TRIES = 5 /* files that others rename meanwhile */ };

/* Files that others renamed meanwhile are looked for, those that cannot be linked are read. */
static int prepare_again(struct save *s, int why)
{
        int r = why == -EAGAIN ? opened_sync(s->from, true) : 0;
        for (size_t i = 0; i < s->n && r == 0; i++) {
                struct saved *item = &s->items[i];
                if (item->where == SAVED_TMP)
                        continue;
                if (!index_is_live(opened_record(s->from, item->seq)))
                        return save_error(s, -ENODATA, "open", "cur");
                if (why == -EAGAIN)
                        save_refresh(s, item);
                else
                        r = save_take_bytes(s, item);
        }
        return r;
}

/* Sequence numbers in `to` of copies whose message is still in `from`, each at its item's place; 0: it has
 * left, or the copy has. Returns how many messages are still there. */
static size_t find_doubled(struct save *s, const struct mailbox *to, uint32_t first, uint32_t *seqs)
{
        size_t n = 0;
        for (size_t i = 0; i < s->n; i++) {
                uint32_t uid = first + (uint32_t)i, seq = mailbox_seq_at_or_after(to, uid);
                bool here = seq <= mailbox_count(to) && mailbox_message(to, seq).uid == uid;
                bool left = !index_is_live(opened_record(s->from, s->items[i].seq));
                seqs[i] = here && !left ? seq : 0;
                n += !left;
        }
        return n;
}

/* What was to leave `from` could not: RFC 6851 section 3.3 wants no message in both. Whether it is there
 * still is looked for; a rewrite that was begun is finished by that. `gone` has what was taken back; returns
 * whether all has left. */
static bool take_back(struct save *s, uint32_t first, bool *gone)
{
        _cleanup_(mailbox_close) struct mailbox *to = NULL;
        s->from->look_again = true;
        if (opened_sync(s->from, true) < 0 || mailbox_open(s->to->store, s->to->place.name, false, &to) < 0)
                return false;
        _cleanup_(free_p) uint32_t *at = xcalloc(s->n, sizeof(*at)), *seqs = xcalloc(s->n, sizeof(*seqs));
        if (find_doubled(s, to, first, at) == 0)
                return true;
        size_t n = 0;
        for (size_t i = 0; i < s->n; i++)
                if (at[i])
                        seqs[n++] = at[i];
        (void)!mailbox_expunge(to, seqs, n);
        for (size_t i = 0; i < s->n; i++)
                gone[i] = at[i] && !index_is_live(opened_record(to, at[i]));
        return false;
}

/* Why messages that were to leave `from` are still there, or 0. */
static int expunge_moved(struct save *s, uint32_t first, bool *gone)
{
        struct store *store = s->to->store;
        int r = mailbox_expunge(s->from, (const uint32_t *)(const void *)s->expunge.p,
                                s->expunge.n / sizeof(uint32_t));
        if (r == 0 || !s->n || !s->items[0].moves)
                return r;
        _cleanup_(free_p) char *why = xstrdup(store_error(store));
        return take_back(s, first, gone) ? 0 : error_text(store, r, "%s", why);
}

int save_commit(struct save *s, struct arena *arena, struct save_result *ret)
{
        if (s->failed)
                return s->failed;
        struct save_result result = {0};
        uint32_t first = 0;
        int r = account_enter(s);
        if (r < 0) {
                s->to->format->save_undo(s);
                s->failed = r;
                return r;
        }
        for (int i = 0; i < COMMIT_TRIES; i++) {
                r = s->to->format->save_commit(s, &result, &first);
                if (r != -EAGAIN && r != -EXDEV)
                        break;
                int again = prepare_again(s, r);
                if (again < 0) {
                        r = again;
                        break;
                }
        }
        account_settle(s, r == 0);
        if (r < 0) {
                s->to->format->save_undo(s);
                s->failed = r == -EAGAIN || r == -EXDEV ? save_error(s, -EIO, "link", "cur") : r;
                return s->failed;
        }
        s->committed = true;
        bool *gone = arena_array(arena, bool, s->n);
        memset(gone, 0, s->n * sizeof(*gone));
        if (s->expunge.n)
                result.left_behind = expunge_moved(s, first, gone);
        result.uids = arena_array(arena, uint32_t, s->n);
        result.seqs = arena_array(arena, uint32_t, s->n);
        for (size_t i = 0; i < s->n; i++)
                if (!gone[i]) {
                        result.uids[result.n] = first + (uint32_t)i;
                        result.seqs[result.n++] = s->items[i].seq;
                }
        *ret = result;
        return 0;
}
