/* All messages of a save become part of the folder. */

#include <errno.h>

#include "base/alloc.h"
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
        if (s->expunge.n)
                result.left_behind = mailbox_expunge(s->from, (const uint32_t *)(const void *)s->expunge.p,
                                                     s->expunge.n / sizeof(uint32_t));
        result.n = s->n;
        result.uids = arena_array(arena, uint32_t, s->n);
        result.seqs = arena_array(arena, uint32_t, s->n);
        for (size_t i = 0; i < s->n; i++) {
                result.uids[i] = first + (uint32_t)i;
                result.seqs[i] = s->items[i].seq;
        }
        *ret = result;
        return 0;
}
