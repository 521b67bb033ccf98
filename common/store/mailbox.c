#include "store/mailbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/maildir.h"

enum {
        /* maildir(5): what is so old in tmp/ was given up */
        MAILBOX_TMP_MAX_AGE = 36 * 60 * 60,
        MAILBOX_TMP_MAX_CLEAN = 1000, /* files a time, so that opening stays quick */
};

int maildir_error(struct mailbox *m, int r, const char *call, const char *below)
{
        /* control files may be elsewhere */
        bool control = slice_starts(slice_of(below), SLICE("dovecot-"));
        return error_set_at(m->store, r, call, control ? m->place.control : m->place.dir, below);
}

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

struct flags maildir_flags(const struct mailbox *m, const struct record *rec)
{
        return (struct flags){.keywords = rec->letters ? keywords_bits(&m->keywords, rec->letters) : 0,
                              .system = rec->flags};
}

static void clean_tmp(struct mailbox *m)
{
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
static int complete(struct mailbox *m)
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
static int open_dirs(struct mailbox *m)
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

static int look_at_dir(struct mailbox *m)
{
        if (fstat(m->dir, &m->identity) < 0)
                return error_set(m->store, -errno, "fstat", m->place.dir);
        int r = perm_of(m->dir, &m->perm);
        return r < 0 ? error_set(m->store, r, "fstat", m->place.dir) : complete(m);
}

/* Of what is in the directories nothing is read yet. */
static int find_folder(struct store *s, const char *name, bool read_only, struct mailbox **ret)
{
        _cleanup_(mailbox_close) struct mailbox *m = xcalloc(1, sizeof(*m));
        bool sync = s->settings->mail_fsync != SETTINGS_FSYNC_NEVER;
        m->store = s;
        m->read_only = read_only;
        m->dir = m->control = m->index_dir = m->watch = -1;
        keywords_init(&m->keywords);
        int r = folder_resolve(s, &m->arena, name, &m->place);
        if (r == 0 && m->place.file)
                r = error_text(s, -ENOTSUP, "%s: mbox cannot be opened yet", m->place.file);
        if (r == 0)
                r = open_dirs(m);
        uidlist_init(&m->uidlist, m->control, &m->perm, sync);
        index_init(&m->index, m->index_dir, &m->perm, sync);
        cache_init(&m->cache, m->index_dir);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

int maildir_open(struct store *s, const char *name, bool read_only, struct mailbox **ret)
{
        _cleanup_(mailbox_close) struct mailbox *m = NULL;
        int r = find_folder(s, name, read_only, &m);
        if (r == 0)
                r = look_at_dir(m);
        if (r < 0)
                return r;
        m->uidlist.perm = m->index.perm = m->perm;
        index_open(&m->index);
        cache_reopen(&m->cache, m->index.head.cache_id);
        *ret = TAKE_PTR(m);
        return 0;
}

int mailbox_open(struct store *s, const char *name, bool read_only, struct mailbox **ret)
{
        _cleanup_(mailbox_close) struct mailbox *m = NULL;
        int r = maildir_open(s, name, read_only, &m);
        if (r < 0)
                return r;
        if (!read_only)
                clean_tmp(m);
        r = maildir_sync(m, false);
        if (r == 0 && m->look_again && !m->waiting)
                r = maildir_sync(m, false);
        if (r == -ESTALE)
                r = -ENOENT; /* deleted while it was opened */
        if (r < 0)
                return r;
        m->index.viewed = true;
        view_extend(m);
        view_advance(m);
        m->keywords_told = m->keywords.version;
        m->keywords.moved = 0;
        *ret = TAKE_PTR(m);
        return 0;
}

/* With an index that is up to date, opening finds out no more than it says: the counts are of all messages,
 * nothing of them is kept back from a new view, and all that nobody has claimed is \Recent. */
int mailbox_peek(struct store *s, const char *name, struct mailbox_summary *ret)
{
        _cleanup_(mailbox_close) struct mailbox *m = NULL;
        unsigned due;
        int r = find_folder(s, name, true, &m);
        if (r < 0)
                return r;
        const struct index_head *head = &m->index.head;
        index_open_head(&m->index);
        if (!m->index.ready || m->index.intent.n || scan_is_due(m, &due) < 0 || due)
                return -EAGAIN;
        *ret = (struct mailbox_summary){.status = {.messages = head->counts.messages,
                                                   .recent = head->counts.recent,
                                                   .unseen = head->counts.unseen,
                                                   .deleted = head->counts.deleted,
                                                   .uidnext = MAX(head->truth.nextuid, 1u),
                                                   .uidvalidity = head->truth.uidvalidity,
                                                   .highest_modseq = head->modseq},
                                        .size_known = head->counts.unsized == 0,
                                        .size = head->counts.bytes};
        memcpy(ret->guid, head->truth.guid, sizeof(ret->guid));
        return 0;
}

static void close_other(const struct mailbox *m, int *fd)
{
        if (*fd != m->dir)
                fd_close_p(fd);
}

void mailbox_close(struct mailbox **mp)
{
        struct mailbox *m = *mp;
        if (!m)
                return;
        content_save(m);
        cache_free(&m->cache);
        index_free(&m->index);
        uidlist_free(&m->uidlist);
        keywords_free(&m->keywords);
        arena_free(&m->arena);
        close_other(m, &m->control);
        close_other(m, &m->index_dir);
        fd_close_p(&m->dir);
        fd_close_p(&m->watch);
        free(m->holes.row);
        buf_free(&m->learned);
        free(m);
        *mp = NULL;
}

const char *mailbox_name(const struct mailbox *m)
{
        return m->place.name;
}

bool mailbox_read_only(const struct mailbox *m)
{
        return m->read_only;
}

const char *mailbox_index_fault(const struct mailbox *m)
{
        return m->index_fault;
}

const char *mailbox_guid(const struct mailbox *m)
{
        return m->index.head.truth.guid;
}

const char *const *mailbox_keywords(const struct mailbox *m, unsigned *ret_n)
{
        *ret_n = m->keywords.n;
        return m->keywords.names;
}

int mailbox_keyword(struct mailbox *m, struct slice name, bool create, unsigned *ret_bit)
{
        if (create && name.n > m->store->settings->mail_max_keyword_length)
                return error_text(m->store, -EINVAL, "%s: keyword longer than mail_max_keyword_length",
                                  m->place.dir);
        int r = keywords_bit(&m->keywords, name, create, ret_bit);
        if (r == -ENOBUFS)
                return error_text(m->store, r, "%s: all %d keywords are in use", m->place.dir,
                                  KEYWORDS_LETTERS);
        return r < 0 ? error_text(m->store, r, "%s: no such keyword", m->place.dir) : 0;
}

bool mailbox_keywords_full(const struct mailbox *m)
{
        return keywords_full(&m->keywords);
}
