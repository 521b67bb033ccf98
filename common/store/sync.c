#include "store/opened.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/error.h"
#include "store/import.h"
#include "store/settle.h"

enum { SYNC_FOLLOW = 5 /* generations of the index that come one after the other meanwhile */ };

/* The index */

/* Others went on with another generation, or removed the files: then ours is as good as any. */
static int follow(struct mailbox *m)
{
        struct index fresh;
        index_init(&fresh, m->index_dir, &m->perm, m->index.sync);
        fresh.waiter = m->index.waiter;
        fresh.rotate_bytes = m->index.rotate_bytes;
        fresh.rotate_touched = m->index.rotate_touched;
        index_open(&fresh);
        if (!fresh.ready) {
                index_free(&fresh);
                return -ENOENT;
        }
        struct index old = m->index;
        m->index = fresh;
        m->index.layout = old.layout + 1;
        int r = view_rebase(m, &old);
        if (r < 0) {
                /* the view stays what it was until the session ends */
                index_free(&m->index);
                m->index = old;
                return error_text(m->store, r, "%s: its UIDs were given to other messages", m->place.dir);
        }
        index_free(&old);
        cache_follow(&m->cache, m->index.head.cache_id);
        return 0;
}

/* index_refresh() that follows the index into its next generation, with the view. */
static int refresh(struct mailbox *m)
{
        for (int i = 0; i < SYNC_FOLLOW; i++) {
                int r = index_refresh(&m->index);
                if (m->cache.id != m->index.head.cache_id)
                        cache_follow(&m->cache, m->index.head.cache_id);
                if (r != -ESTALE)
                        return r;
                r = follow(m);
                if (r < 0)
                        return r == -ENOENT ? 0 : r;
        }
        return 0;
}

int opened_begin(struct mailbox *m)
{
        for (int i = 0; i < SYNC_FOLLOW; i++) {
                int r = index_begin(&m->index);
                if (r == 0)
                        return 0;
                if (r != -ESTALE)
                        return error_set_at(m->store, r, r == -ETIMEDOUT ? "lock" : "open", m->place.dir,
                                            JOURNAL_NAME);
                r = follow(m);
                if (r == -ENOENT)
                        index_adopt(&m->index);
                else if (r < 0)
                        return r;
        }
        return error_set_at(m->store, -ETIMEDOUT, "lock", m->place.dir, JOURNAL_NAME);
}

/* What was changed or made here is in the memory of this process alone until the new snapshot is mapped. */
void opened_commit(struct mailbox *m)
{
        struct index *ix = &m->index;
        index_commit(ix);
        if (ix->rotated && (ix->gone.n == 0 || m->view_rows == 0)) {
                follow(m);
                malloc_trim(0); /* what it took to make may be more than the rest of the session will need */
        }
        m->index.rotated = false;
        if (m->cache.id != m->index.head.cache_id)
                cache_follow(&m->cache, m->index.head.cache_id);
}

int opened_keywords(struct mailbox *m)
{
        m->keywords.used |= m->index.head.counts.letters;
        int r = keywords_refresh(&m->keywords, m->control);
        return r < 0 ? opened_error(m, r, "open", "dovecot-keywords") : 0;
}

/* For reading what is there. */
static int begin(struct mailbox *m)
{
        int r = m->format->lock ? m->format->lock(m) : 0;
        if (r < 0)
                return r;
        r = opened_begin(m);
        if (r < 0 && m->format->unlock)
                m->format->unlock(m);
        return r;
}

int opened_sync(struct mailbox *m, bool force)
{
        unsigned due = 0;
        uint64_t generation = m->index.head.generation, taken_in = m->index.taken_in;
        int r = refresh(m);
        if (r == 0)
                r = opened_keywords(m);
        if (r == 0)
                r = m->format->look(m, &due);
        if (r < 0)
                return r;
        bool told = m->index.head.generation != generation || m->index.taken_in != taken_in;
        force = (force && !told) || m->look_again;
        if (m->index.ready && !due && !force && !m->format->is_unsettled(m))
                return 0;
        r = begin(m);
        if (r < 0) {
                m->look_again |= force;
                return r;
        }
        bool fresh = m->index.whole;
        m->index_fault = fresh ? m->index.why : m->index_fault;
        /* what others did while we waited for the lock may have made new keywords */
        r = opened_keywords(m);
        if (r == 0)
                r = m->format->look(m, &due);
        if (force || fresh || m->look_again)
                due = DUE_NEW | DUE_CUR | DUE_LIST;
        m->look_again = false;
        m->index.news = true;
        if (r == 0 && (due || m->format->is_unsettled(m)))
                r = m->format->read(m, due);
        m->index.news = false;
        if (r < 0)
                m->look_again = true;
        else if (due & DUE_CUR && m->ghosts) {
                m->ghosts = false;
                view_date_kept_back(m);
        }
        m->keywords.used |= m->index.head.counts.letters;
        if (m->format->unlock)
                m->format->unlock(m);
        opened_commit(m);
        return r;
}
