#include "store/maildir.h"

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

/* Whether the folder's name still leads to the directory that we opened. */
static int check_identity(struct mailbox *m)
{
        struct stat st;
        if (stat(m->place.dir, &st) < 0) {
                int r = error_set(m->store, -errno, "stat", m->place.dir);
                return r == -ENOENT || r == -ENOTDIR ? -ESTALE : r;
        }
        if (st.st_dev != m->identity.st_dev || st.st_ino != m->identity.st_ino)
                return error_text(m->store, -ESTALE, "%s was replaced by another folder", m->place.dir);
        return 0;
}

/* The index */

void maildir_load_list(struct mailbox *m)
{
        const struct index_truth *t = &m->index.head.truth;
        struct uidlist *u = &m->uidlist;
        u->seen = t->list;
        u->uidvalidity = t->uidvalidity;
        u->nextuid = MAX(t->nextuid, 1u);
        snprintf(u->guid, sizeof(u->guid), "%s", t->guid);
        u->rewrite = t->list.version != UIDLIST_VERSION || t->list.read_to == 0 || !u->guid[0];
}

void maildir_store_list(const struct mailbox *m, struct index_truth *truth)
{
        const struct uidlist *u = &m->uidlist;
        truth->list = u->seen;
        truth->uidvalidity = u->uidvalidity;
        truth->nextuid = MAX(u->nextuid, m->index.head.truth.nextuid);
        memset(truth->guid, 0, sizeof(truth->guid));
        memcpy(truth->guid, u->guid, sizeof(u->guid));
}

/* Others went on with another generation, or removed the files: then ours is as good as any. */
static int follow(struct mailbox *m)
{
        struct index fresh;
        index_init(&fresh, m->index_dir, &m->perm, m->index.sync);
        fresh.rotate_bytes = m->index.rotate_bytes;
        fresh.rotate_touched = m->index.rotate_touched;
        index_open(&fresh);
        if (!fresh.ready) {
                index_free(&fresh);
                return -ENOENT;
        }
        struct index old = m->index;
        m->index = fresh;
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

int maildir_refresh(struct mailbox *m)
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

int maildir_begin(struct mailbox *m)
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
void maildir_commit(struct mailbox *m)
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

/* Reading the folder */

static void expunge_missing(struct scan *s)
{
        struct index *ix = &s->m->index;
        _cleanup_(buf_free) struct buf uids = {0};
        for (uint32_t row = scan_first(s); row < s->rows; row++)
                if (index_is_live(&ix->rows[row]) && !scan_saw(s, &ix->rows[row]))
                        buf_append(&uids, slice_make(&ix->rows[row].uid, sizeof(uint32_t)));
        index_expunge(ix, (const uint32_t *)(const void *)uids.p, uids.n / sizeof(uint32_t));
}

/* A uidlist that names another UIDVALIDITY, while no client has seen anything of this folder: what the index
 * knows is of another folder. */
static int read_lines(struct mailbox *m, struct lines *l)
{
        int r = lines_read(l);
        if (r != -ESTALE || m->view_rows > 0 || m->index.viewed)
                return r;
        index_reset(&m->index);
        maildir_load_list(m);
        lines_free(l);
        *l = (struct lines){.m = m};
        return lines_read(l);
}

static int read_keywords(struct mailbox *m)
{
        m->keywords.used |= m->index.head.counts.letters;
        int r = keywords_refresh(&m->keywords, m->control);
        return r < 0 ? maildir_error(m, r, "open", "dovecot-keywords") : 0;
}

static int run(struct mailbox *m, unsigned due)
{
        _cleanup_(lines_free) struct lines l = {.m = m};
        _cleanup_(scan_free) struct scan s = {0};
        m->waiting = 0;
        maildir_load_list(m);
        int r = read_keywords(m);
        if (r == 0 && import_is_due(m))
                r = import_keywords(m);
        if (r < 0)
                return r;
        /* lines before files: who reads a line finds the file */
        r = read_lines(m, &l);
        if (r < 0)
                return r;
        settle_intent(m, &l);
        scan_init(&s, m, &l);
        s.new_only = !(due & DUE_CUR);
        if (due & (DUE_NEW | DUE_CUR) || l.n) {
                r = scan_all(&s);
                if (r < 0)
                        return r;
                expunge_missing(&s);
        }
        return settle(&s);
}

int maildir_sync(struct mailbox *m, bool force)
{
        unsigned due = 0;
        uint64_t generation = m->index.head.generation, taken_in = m->index.taken_in;
        int r = check_identity(m);
        if (r == 0)
                r = maildir_refresh(m);
        if (r == 0)
                r = read_keywords(m);
        if (r == 0)
                r = scan_is_due(m, &due);
        if (r < 0)
                return r;
        bool told = m->index.head.generation != generation || m->index.taken_in != taken_in;
        force = (force && !told) || m->look_again;
        if (m->index.ready && !due && !force && !settle_is_due(m) && m->index.intent.n == 0)
                return 0;
        r = maildir_begin(m);
        if (r < 0)
                return r;
        bool fresh = m->index.whole;
        m->index_fault = fresh ? m->index.why : m->index_fault;
        /* what others did while we waited for the lock may have made new keywords */
        r = read_keywords(m);
        if (r == 0)
                r = scan_is_due(m, &due);
        if (force || fresh || m->look_again)
                due = DUE_NEW | DUE_CUR | DUE_LIST;
        m->look_again = false;
        m->index.news = true;
        if (r == 0 && (due || settle_is_due(m) || m->index.intent.n))
                r = run(m, due);
        m->index.news = false;
        if (r < 0)
                m->look_again = true;
        else if (due & DUE_CUR && m->ghosts) {
                m->ghosts = false;
                view_date_kept_back(m);
        }
        m->keywords.used |= m->index.head.counts.letters;
        maildir_commit(m);
        return r;
}
