/* An mbox as an open folder. */

#include "store/mbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/number.h"
#include "store/error.h"
#include "store/saved.h"

enum { SPOOL_MAX_AGE = 60 * 60 /* its name is gone as soon as it is open: nobody takes so long for that */ };

/* Of two links. */
static bool is_shared(int dir, const char *name)
{
        struct stat st;
        return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink > 1;
}

/* A RENAME that was cut off leaves what is beside the mail under both names, as links. Then another program
 * makes the folder again that was renamed: the index is that of the other one, whose file it knows, and what
 * is written in place must not be shared. */
static void part_from_renamed(struct mailbox *m)
{
        static const char *const names[] = {JOURNAL_NAME, INDEX_NAME, CACHE_NAME},
                                 *const beside[] = {MBOX_GUIDS_NAME, REWRITE_APPEND_NAME};
        struct stat st;
        if (m->index_dir < 0 || !is_shared(m->index_dir, JOURNAL_NAME) || stat(m->place.file, &st) < 0)
                return;
        struct index index;
        index_init(&index, m->index_dir, &m->perm, false);
        index_open_head(&index);
        const struct uidlist_seen known = index.head.truth.list;
        index_free(&index);
        if (known.version != MBOX_TRUTH_VERSION || (known.dev == st.st_dev && known.ino == st.st_ino))
                return;
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                unlinkat(m->index_dir, names[i], 0);
        for (size_t i = 0; i < ARRAY_LEN(beside); i++)
                if (is_shared(m->control, beside[i]))
                        unlinkat(m->control, beside[i], 0);
}

static int open_folder(struct mailbox *m)
{
        m->mbox = xcalloc(1, sizeof(*m->mbox));
        m->mbox->fd = -1;
        m->mbox->file = MBOX_FILE_NONE;
        int r = folder_open(m->store, &m->place, &m->dir);
        if (r == 0)
                r = folder_open_control(m->store, &m->place, &m->control);
        if (r == 0 && m->place.index == m->place.control)
                m->index_dir = m->control;
        else if (r == 0)
                folder_open_index(m->store, &m->place, &m->index_dir);
        if (r == 0)
                part_from_renamed(m);
        return r;
}

static int complete(struct mailbox *m)
{
        int r = mbox_file_reopen(m, m->dir, false);
        if (r < 0)
                return r;
        if (m->mbox->fd >= 0 && fstat(m->mbox->fd, &m->identity) < 0)
                return error_set(m->store, -errno, "fstat", m->place.file);
        r = perm_of(m->control, &m->perm);
        return r < 0 ? error_set(m->store, r, "fstat", m->place.control) : 0;
}

static bool is_number(struct slice s)
{
        uint32_t n;
        return slice_to_u32(s, &n) == 0;
}

/* What processes that were killed have left beside the index. */
static void tidy_control(struct mailbox *m)
{
        int fd = openat(m->control, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(dir_close_p) DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                fd_close_p(&fd);
                return;
        }
        time_t limit = time(NULL) - SPOOL_MAX_AGE;
        for (struct dirent *e; (e = readdir(d));) {
                struct slice name = slice_of(e->d_name);
                struct stat st;
                if (slice_starts(name, SLICE(REWRITE_NAME ".")) &&
                    is_number(slice_from(name, sizeof(REWRITE_NAME))))
                        rewrite_tidy(fd, e->d_name);
                else if (slice_starts(name, SLICE(MBOX_SPOOL_NAME)) &&
                         fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtim.tv_sec < limit)
                        unlinkat(fd, e->d_name, 0);
        }
}

/* A look at flags that others changed in place before something was appended. */
static void tidy(struct mailbox *m)
{
        if (m->index.head.truth.list.lines & MBOX_TRUTH_UNCHECKED &&
            !m->store->settings->mbox_very_dirty_syncs)
                m->look_again = true;
        tidy_control(m);
}

/* UIDs that are only in the index get into the file. When that fails they stay where they are. */
static void close_folder(struct mailbox *m)
{
        _cleanup_(mbox_file_close) struct mbox_file f = MBOX_FILE_NONE;
        const struct mbox_changes none = {0};
        if (!m->mbox)
                return;
        if (!m->read_only && m->index.viewed && mbox_is_unwritten(m) && mbox_begin(m, &f) == 0) {
                (void)!mbox_write(&f, &none);
                mbox_file_close(&f);
                opened_commit(m);
        }
        fd_close_p(&m->mbox->fd);
        mbox_guids_free(&m->mbox->guids);
        free(m->mbox->offset);
        free(m->mbox);
        m->mbox = NULL;
}

static int watch(struct mailbox *m, int fd)
{
        uint32_t mask = IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
        if (inotify_add_watch(fd, m->place.file, mask) >= 0)
                return 0;
        return error_set(m->store, -errno, "inotify_add_watch", m->place.file);
}

static int look(struct mailbox *m, unsigned *ret)
{
        const struct index_truth *t = &m->index.head.truth;
        struct stat st = {0};
        if (stat(m->place.file, &st) < 0) {
                if (errno != ENOENT)
                        return error_set(m->store, -errno, "stat", m->place.file);
                if (!m->place.inbox)
                        return error_set(m->store, -ESTALE, "stat", m->place.file);
        }
        /* not opened yet (mailbox_peek()): what cannot be read is not told from the index either */
        if (m->mbox->fd < 0 && st.st_ino && faccessat(AT_FDCWD, m->place.file, R_OK, AT_EACCESS) < 0)
                return error_set(m->store, -errno, "open", m->place.file);
        if (m->watch >= 0 && st.st_ino && st.st_ino != m->identity.st_ino)
                (void)!watch(m, m->watch); /* another file has its name now */
        m->identity = st;
        bool same = mbox_is_known(m, &st);
        *ret = same && t->cur.settled ? 0 : mbox_has_grown(m, &st) ? DUE_NEW : DUE_NEW | DUE_CUR;
        if (rewrite_waits(m->control, !same)) /* what was begun comes first, whatever the file looks like */
                *ret = DUE_NEW | DUE_CUR;
        return 0;
}

/* Without an index UIDs and UIDVALIDITY would be those of one session alone. */
static bool writes_at_once(const struct mailbox *m)
{
        return !m->read_only && (!m->store->settings->mbox_lazy_writes || m->index_dir < 0);
}

static bool is_unsettled(const struct mailbox *m)
{
        return writes_at_once(m) && mbox_is_unwritten(m);
}

static int lock_file(struct mailbox *m)
{
        return mbox_file_open(m, writes_at_once(m), &m->mbox->file);
}

static void unlock_file(struct mailbox *m)
{
        mbox_file_close(&m->mbox->file);
}

static int read_file(struct mailbox *m, unsigned due)
{
        struct mbox_file *f = &m->mbox->file;
        const struct mbox_changes none = {0};
        int r = 0;
        if (!due && !mbox_file_is_known(f))
                due = mbox_file_due(f); /* changed since the look */
        if (due)
                r = mbox_read_locked(f, due);
        if (r == 0 && writes_at_once(m) && mbox_is_unwritten(m))
                r = mbox_write(f, &none);
        return r;
}

/* INTERNALDATE is always known. */
static int date(struct mailbox *m, uint32_t seq, time_t *ret)
{
        return error_text(m->store, -ENOENT, "%s: the message is gone", m->place.file);
}

static int savedate(struct mailbox *m, uint32_t seq, time_t *ret)
{
        return -ENODATA;
}

static uint64_t bytes(const struct mailbox *m, const struct record *rec)
{
        return mbox_extent(m, rec).stored;
}

const struct format format_mbox = {
        .open = open_folder,
        .complete = complete,
        .tidy = tidy,
        .close = close_folder,
        .look = look,
        .is_unsettled = is_unsettled,
        .lock = lock_file,
        .read = read_file,
        .unlock = unlock_file,
        .change = mbox_change,
        .text = mbox_text,
        .date = date,
        .savedate = savedate,
        .guid = mbox_guid,
        .bytes = bytes,
        .watch = watch,
        .save_begin = mbox_save_begin,
        .save_bytes = mbox_save_bytes,
        .save_end = mbox_save_end,
        .save_drop = mbox_save_drop,
        .save_commit = mbox_save_commit,
        .save_undo = mbox_save_undo,
        .save_spool = mbox_save_spool,
};
