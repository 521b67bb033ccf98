/* A Maildir as an open folder: where its files are, when they are read, what is missing. */

#include "store/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/error.h"
#include "store/import.h"
#include "store/settle.h"

enum {
        /* maildir(5): what is so old in tmp/ was given up */
        MAILBOX_TMP_MAX_AGE = 36 * 60 * 60,
        MAILBOX_TMP_MAX_CLEAN = 1000, /* files a time, so that opening stays quick */
};

void maildir_path(const struct mailbox *m, const struct record *rec, struct buf *to)
{
        buf_str(to, rec->state & RECORD_IN_NEW ? "new/" : "cur/");
        buf_str(to, index_base(&m->index, rec));
        index_info(&m->index, rec, to);
}

uint64_t maildir_bytes(const struct mailbox *m, const struct record *rec)
{
        _cleanup_(buf_free) struct buf path = {0};
        struct stat st;
        uint64_t size;
        if (filename_size(slice_of(index_base(&m->index, rec)), 'S', &size))
                return size;
        maildir_path(m, rec, &path);
        return fstatat(m->dir, buf_cstr(&path), &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : (uint64_t)st.st_size;
}

static void tidy(struct mailbox *m)
{
        if (m->read_only)
                return;
        int fd = openat(m->dir, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_(dir_close_p) DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                fd_close_p(&fd);
                return;
        }
        time_t limit = time(NULL) - MAILBOX_TMP_MAX_AGE;
        unsigned cleaned = 0;
        for (struct dirent *e; cleaned < MAILBOX_TMP_MAX_CLEAN && (e = readdir(d));) {
                struct stat st;
                if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
                    st.st_mtim.tv_sec < limit && st.st_ctim.tv_sec < limit && unlinkat(fd, e->d_name, 0) == 0)
                        cleaned++;
        }
}

/* A Maildir that lost a directory, or that was made by hand with cur/ only. */
static int complete_dirs(struct mailbox *m)
{
        if (faccessat(m->dir, "cur", F_OK, 0) == 0 && faccessat(m->dir, "new", F_OK, 0) == 0 &&
            (m->read_only || faccessat(m->dir, "tmp", F_OK, 0) == 0))
                return 0;
        return errno == ENOENT ? folder_make_subdirs(m->store, m->place.dir, m->dir, &m->perm) : 0;
}

static bool is_dir(const struct mailbox *m, const char *path)
{
        return path && strcmp(path, m->place.dir) == 0;
}

/* The Maildir, and where control files and the index are: as a rule the same, and then one descriptor. */
static int open_folder(struct mailbox *m)
{
        int r = folder_open(m->store, &m->place, &m->dir);
        if (r < 0)
                return r;
        m->control = m->index_dir = m->dir;
        if (!is_dir(m, m->place.control)) {
                m->control = -1;
                r = folder_open_control(m->store, &m->place, &m->control);
        }
        if (r == 0 && !is_dir(m, m->place.index))
                folder_open_index(m->store, &m->place, &m->index_dir);
        return r;
}

static int complete(struct mailbox *m)
{
        if (fstat(m->dir, &m->identity) < 0)
                return error_set(m->store, -errno, "fstat", m->place.dir);
        int r = perm_of(m->dir, &m->perm);
        return r < 0 ? error_set(m->store, r, "fstat", m->place.dir) : complete_dirs(m);
}

/* Whether the folder's name still leads to the directory that we opened. */
static int check_identity(struct mailbox *m)
{
        struct stat st;
        if (m->identity.st_ino == 0)
                return 0; /* opened only to be looked at */
        if (stat(m->place.dir, &st) < 0) {
                int r = error_set(m->store, -errno, "stat", m->place.dir);
                return r == -ENOENT || r == -ENOTDIR ? -ESTALE : r;
        }
        if (st.st_dev != m->identity.st_dev || st.st_ino != m->identity.st_ino)
                return error_text(m->store, -ESTALE, "%s was replaced by another folder", m->place.dir);
        return 0;
}

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
static int read_list(struct mailbox *m, struct lines *l)
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

static int read_folder(struct mailbox *m, unsigned due)
{
        _cleanup_(lines_free) struct lines l = {.m = m};
        _cleanup_(scan_free) struct scan s = {0};
        m->waiting = 0;
        maildir_load_list(m);
        int r = opened_keywords(m);
        if (r == 0 && import_is_due(m))
                r = import_keywords(m);
        if (r < 0)
                return r;
        /* lines before files: who reads a line finds the file */
        r = read_list(m, &l);
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

static int look(struct mailbox *m, unsigned *ret)
{
        int r = check_identity(m);
        return r < 0 ? r : scan_is_due(m, ret);
}

static bool is_unsettled(const struct mailbox *m)
{
        return settle_is_due(m) || m->index.intent.n > 0;
}

static void close_folder(struct mailbox *m)
{
}

static int savedate(struct mailbox *m, uint32_t seq, time_t *ret)
{
        return filename_time(slice_of(mailbox_base_name(m, seq)), ret) ? 0
                                                                       : mailbox_internaldate(m, seq, ret);
}

/* The G field of its line, or its base name. */
static struct slice guid(struct mailbox *m, const struct record *rec)
{
        struct slice value;
        return uidlist_field(slice_of(index_fields(&m->index, rec)), 'G', &value) && value.n
                       ? value
                       : slice_of(index_base(&m->index, rec));
}

static int add_watch(struct mailbox *m, int fd, const char *name)
{
        _cleanup_(free_p) char *path = xasprintf("%s/%s", m->place.dir, name);
        uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
                        IN_ONLYDIR | IN_DONT_FOLLOW;
        if (inotify_add_watch(fd, path, mask) >= 0)
                return 0;
        return error_set(m->store, -errno, "inotify_add_watch", path);
}

static int watch(struct mailbox *m, int fd)
{
        int r = add_watch(m, fd, "new");
        return r < 0 ? r : add_watch(m, fd, "cur");
}

const struct format format_maildir = {
        .open = open_folder,
        .complete = complete,
        .tidy = tidy,
        .close = close_folder,
        .look = look,
        .is_unsettled = is_unsettled,
        .read = read_folder,
        .change = maildir_change,
        .text = maildir_text,
        .date = maildir_date,
        .savedate = savedate,
        .guid = guid,
        .bytes = maildir_bytes,
        .watch = watch,
        .save_begin = maildir_save_begin,
        .save_bytes = maildir_save_bytes,
        .save_end = maildir_save_end,
        .save_drop = maildir_save_drop,
        .save_commit = maildir_save_commit,
        .save_undo = maildir_save_undo,
        .save_spool = maildir_save_spool,
};
