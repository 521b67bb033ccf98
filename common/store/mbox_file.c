/* An mbox, opened and locked for one operation. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/error.h"
#include "store/maildir.h"
#include "store/mbox.h"
#include "store/mbox_tree.h"

enum { FILE_TRIES = 5 /* others put another file in its place meanwhile */ };

static ssize_t read_file(void *context, void *to, size_t n, uint64_t offset)
{
        struct mbox_file *f = context;
        ssize_t got;
        mbox_lock_keep(&f->lock);
        do
                got = pread(f->fd, to, n, (off_t)offset);
        while (got < 0 && errno == EINTR);
        return got < 0 ? -errno : got;
}

static void note_size(struct mbox_file *f)
{
        f->source = (struct mbox_source){.read = read_file, .context = f, .end = (uint64_t)f->st.st_size};
}

int mbox_file_stat(struct mbox_file *f)
{
        if (f->fd >= 0 && fstat(f->fd, &f->st) < 0)
                return error_set(f->m->store, -errno, "fstat", f->m->place.file);
        note_size(f);
        return 0;
}

void mbox_file_begin_long(struct mbox_file *f, bool last)
{
        f->done += f->share;
        f->share = last ? 100 - f->done : (100 - f->done) / 2;
}

void mbox_file_tell(void *context, uint64_t done, uint64_t all)
{
        struct mbox_file *f = context;
        mbox_lock_keep(&f->lock);
        user_long_step(f->m->store, f->done + f->share * done / all, 100);
}

static int lock(struct mbox_file *f, bool write)
{
        struct mailbox *m = f->m;
        f->lock.waiter = user_waiter(m->store);
        int r = mbox_lock_take(&f->lock, f->fd, m->place.file, write, m->store->settings);
        if (r == -ESTALE || r == 0)
                return r;
        if (r == -ETIMEDOUT || r == -EACCES)
                return error_text(m->store, r, "%s cannot be locked: %s", m->place.file, f->lock.holder);
        return error_set(m->store, r, "lock", m->place.file);
}

/* With the write lock: what somebody began is finished. */
static int finish_rewrite(struct mbox_file *f)
{
        struct mailbox *m = f->m;
        bool sync = m->store->settings->mail_fsync != SETTINGS_FSYNC_NEVER;
        mbox_file_begin_long(f, false);
        int r = rewrite_replay(m->control, f->fd, sync, (struct rewrite_progress){mbox_file_tell, f});
        if (r == -EBADMSG)
                return 0; /* put aside: the file is what it is */
        return r < 0 ? error_set_at(m->store, r, "replay", m->place.control, REWRITE_NAME) : 0;
}

/* For writing at once when that may be needed: who opens it again would lose the lock. */
int mbox_file_reopen(struct mailbox *m, int dir, bool write)
{
        int fd = -1, r = -EACCES;
        bool writable = write || m->adds || !m->read_only;
        if (writable)
                r = folder_open_file(m->store, &m->place, dir, true, &fd);
        if ((r == -EACCES || r == -EROFS) && !write) {
                writable = false;
                r = folder_open_file(m->store, &m->place, dir, false, &fd);
        }
        if (r < 0)
                return r;
        fd_close_p(&m->mbox->fd);
        m->mbox->fd = fd;
        m->mbox->writable = writable;
        return 0;
}

static int open_once(struct mailbox *m, bool write, struct mbox_file *f)
{
        *f = MBOX_FILE_NONE;
        f->m = m;
        int r = write && mbox_tree_is_apart(&m->place) ? mbox_tree_lock(m->store, &m->place, false, &f->tree)
                                                       : 0;
        if (r < 0)
                return r;
        if (m->mbox->fd < 0 || (write && !m->mbox->writable))
                r = mbox_file_reopen(m, -1, write);
        f->fd = m->mbox->fd;
        if (r == 0 && f->fd >= 0)
                r = lock(f, write);
        if (r == -ESTALE)
                fd_close_p(&m->mbox->fd);
        f->st = f->lock.st;
        note_size(f);
        if (r < 0 || f->fd < 0 || !rewrite_waits(m->control, write || !mbox_file_is_known(f)))
                return r;
        if (!write)
                return -EAGAIN;
        r = finish_rewrite(f);
        return r < 0 ? r : mbox_file_stat(f);
}

int mbox_file_open(struct mailbox *m, bool write, struct mbox_file *ret)
{
        int r = -ESTALE;
        for (int i = 0; i < FILE_TRIES && (r == -ESTALE || r == -EAGAIN); i++) {
                /* nobody can read what is half written, not even who must not write otherwise */
                write |= r == -EAGAIN;
                r = open_once(m, write, ret);
                if (r < 0)
                        mbox_file_close(ret);
        }
        return r == -ESTALE ? error_text(m->store, -EIO, "%s is replaced again and again", m->place.file) : r;
}

void mbox_file_close(struct mbox_file *f)
{
        mbox_lock_release(&f->lock);
        fd_close_p(&f->tree);
        f->fd = -1;
}

bool mbox_is_known(const struct mailbox *m, const struct stat *st)
{
        const struct uidlist_seen *l = &m->index.head.truth.list;
        return l->version == MBOX_TRUTH_VERSION && l->dev == st->st_dev && l->ino == st->st_ino &&
               l->size == (uint64_t)st->st_size && l->sec == st->st_mtim.tv_sec &&
               l->nsec == (uint32_t)st->st_mtim.tv_nsec;
}

bool mbox_file_is_known(const struct mbox_file *f)
{
        return mbox_is_known(f->m, &f->st);
}

bool mbox_has_grown(const struct mailbox *m, const struct stat *st)
{
        const struct index_truth *t = &m->index.head.truth;
        return m->store->settings->mbox_dirty_syncs && t->list.version == MBOX_TRUTH_VERSION &&
               t->cur.settled && t->list.dev == st->st_dev && t->list.ino == st->st_ino &&
               t->list.size < (uint64_t)st->st_size;
}

/* The stamp is one that a later change in the same tick cannot leave, where that can be had. */
void mbox_file_note(struct mbox_file *f, struct index_truth *truth)
{
        struct uidlist_seen *l = &truth->list;
        off_t known = f->st.st_size;
        truth->cur = (struct index_dir){.settled = true, .read_at_us = clock_realtime_us()};
        if (f->fd >= 0 && touch_mark(f->fd, NULL, &truth->cur, &f->st) < 0)
                truth->cur.settled = false;
        note_size(f);
        l->version = MBOX_TRUTH_VERSION;
        l->dev = f->st.st_dev;
        l->ino = f->st.st_ino;
        l->size = (uint64_t)MIN(f->st.st_size, known);
        l->sec = f->st.st_mtim.tv_sec;
        l->nsec = (uint32_t)f->st.st_mtim.tv_nsec;
}

unsigned mbox_file_due(const struct mbox_file *f)
{
        return mbox_has_grown(f->m, &f->st) && !f->m->index.whole ? DUE_NEW : DUE_CUR;
}

int mbox_begin(struct mailbox *m, struct mbox_file *ret)
{
        int r = mbox_file_open(m, true, ret);
        if (r == 0)
                r = opened_begin(m);
        if (r < 0) {
                mbox_file_close(ret);
                return r;
        }
        r = opened_keywords(m);
        if (r == 0 && (!m->index.ready || m->index.whole || !mbox_file_is_known(ret))) {
                m->index.news = true;
                r = mbox_read_locked(ret, mbox_file_due(ret));
                m->index.news = false;
        }
        if (r < 0) {
                mbox_file_close(ret);
                opened_commit(m);
        }
        return r;
}

/* An empty line more would change the message before it. */
int mbox_end_file(struct mbox_file *f)
{
        struct mailbox *m = f->m;
        char end = '\n';
        uint64_t size = (uint64_t)f->st.st_size;
        if (size && f->source.read(f->source.context, &end, 1, size - 1) != 1)
                return error_set(m->store, -EIO, "read", m->place.file);
        if (end == '\n')
                return 0;
        ssize_t n = pwrite(f->fd, "\n", 1, (off_t)size);
        if (n != 1)
                return error_set(m->store, n < 0 ? -errno : -ENOSPC, "write", m->place.file);
        int r = mbox_file_stat(f);
        return r < 0 ? r : mbox_read_locked(f, 0);
}
