/* What only adds to the end of a file (README, "Rewriting an mbox"). The file gets its new size, in one step,
 * then the bytes. Until the journal says that it is done what follows the old content is the new bytes, or 0
 * where they are not there yet, or nothing, and others' bytes come behind it; or nobody has begun, and at the
 * old end are others' bytes, if any. Nothing but these bytes tells which of it: they are compared. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/rewrite_journal.h"

enum {
        /* The journal's bytes that stay for the next time: what was written before costs a disk less than
         * what is new. Most messages fit. */
        KEPT = 64 * 1024,
        PART = REWRITE_CHUNK, /* bytes written and compared at a time */
};

static const char nobody[sizeof(((struct rewrite_header *)0)->magic)];

bool rewrite_is_append(const struct rewrite_header *h, const struct rewrite_piece *pieces)
{
        uint32_t i = 0;
        if (h->old_size > 0 && h->pieces > 0 && pieces[0].from == 0 && pieces[0].n == h->old_size)
                i++;
        if (h->new_size <= h->old_size || (h->old_size > 0 && i == 0))
                return false;
        while (i < h->pieces && pieces[i].from & REWRITE_IS_TEXT)
                i++;
        return i == h->pieces;
}

/* 1: it is begun, and not done. */
static int is_begun(int journal)
{
        char magic[sizeof(nobody)];
        int r = rewrite_read(journal, magic, sizeof(magic), 0);
        return r == 0 ? memcmp(magic, REWRITE_MAGIC, sizeof(magic)) == 0 : r == -EIO ? 0 : r;
}

static int open_journal(int dirfd, int flags)
{
        int fd = openat(dirfd, REWRITE_APPEND_NAME, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

bool rewrite_append_waits(int dirfd)
{
        _cleanup_(fd_close_p) int fd = open_journal(dirfd, O_RDONLY);
        return fd >= 0 && is_begun(fd) > 0;
}

int rewrite_append_open(int dirfd, const struct perm *perm, bool sync, int *ret_fd)
{
        _cleanup_(fd_close_p) int fd = open_journal(dirfd, O_RDWR);
        struct stat st;
        int r = fd == -ENOENT ? perm_create(dirfd, REWRITE_APPEND_NAME, perm, &fd) : MIN(fd, 0);
        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        /* with a byte in it its name has been synced */
        r = st.st_size > 0 ? is_begun(fd) : sync ? fd_fsync_dir(dirfd) : 0;
        if (r == 0)
                *ret_fd = TAKE_FD(fd);
        return r;
}

int rewrite_append_end(struct rewrite_work *w)
{
        int r = rewrite_write(w->journal, nobody, sizeof(nobody), 0);
        if (r == 0 && w->sync && fdatasync(w->journal) < 0)
                r = -errno;
        if (r < 0 && unlinkat(w->dirfd, REWRITE_APPEND_NAME, 0) == 0)
                r = w->sync ? fd_fsync_dir(w->dirfd) : 0;
        if (r == 0 && rewrite_content_end(&w->h) > KEPT)
                (void)!ftruncate(w->journal, KEPT);
        return r;
}

/* A place in what is added. */
struct place {
        uint32_t piece;
        uint64_t at; /* in it */
};

static int read_text(const struct rewrite_work *w, uint64_t at, char *to, size_t n)
{
        if (!w->texts.p)
                return rewrite_read(w->journal, to, n, sizeof(w->h) + at);
        memcpy(to, w->texts.p + at, n);
        return 0;
}

/* The next bytes, as many as there are and fit. */
static int next(const struct rewrite_work *w, struct place *p, char *to, size_t max, size_t *ret_n)
{
        size_t n = 0;
        while (n < max && p->piece < w->h.pieces) {
                const struct rewrite_piece *piece = &w->pieces[p->piece];
                size_t part = MIN(piece->n - p->at, max - n);
                int r = 0;
                if (!(piece->from & REWRITE_IS_TEXT))
                        part = 0; /* the old content */
                else
                        r = read_text(w, (piece->from & ~REWRITE_IS_TEXT) + p->at, to + n, part);
                if (r < 0)
                        return r;
                n += part;
                p->at += part;
                if (part == 0 || p->at == piece->n)
                        *p = (struct place){.piece = p->piece + 1};
        }
        *ret_n = n;
        return 0;
}

static int write_bytes(struct rewrite_work *w)
{
        size_t max = MIN(w->h.new_size - w->h.old_size, (uint64_t)PART), n = 0;
        _cleanup_(free_p) char *bytes = xmalloc(max);
        struct place p = {0};
        int r = 0;
        w->all = w->h.new_size - w->h.old_size;
        for (uint64_t at = w->h.old_size; at < w->h.new_size && r == 0; at += n) {
                r = next(w, &p, bytes, max, &n);
                if (r == 0)
                        r = rewrite_write(w->file, bytes, n, at);
                if (r == 0)
                        rewrite_tell(w, n);
        }
        return r;
}

static int carry(struct rewrite_work *w, uint64_t size)
{
        int r = size < w->h.new_size && ftruncate(w->file, (off_t)w->h.new_size) < 0 ? -errno : 0;
        if (r == 0)
                r = write_bytes(w);
        return r == 0 && w->sync && fsync(w->file) < 0 ? -errno : r;
}

/* What was there is there again, and nobody has written behind it. */
static int take_back(struct rewrite_work *w)
{
        struct stat st;
        if (fstat(w->file, &st) < 0 || (uint64_t)st.st_size > w->h.new_size ||
            ftruncate(w->file, (off_t)w->h.old_size) < 0)
                return -EINVAL;
        if (w->sync)
                (void)!fsync(w->file);
        return rewrite_append_end(w);
}

int rewrite_append_run(struct rewrite_work *w, bool *ret_begun)
{
        struct stat st;
        /* who has no lock may have appended while the journal was synced */
        int r = fstat(w->file, &st) < 0 ? -errno : 0;
        *ret_begun = true;
        if (r == 0 && (uint64_t)st.st_size != w->h.old_size)
                r = -EBUSY;
        if (r < 0) {
                *ret_begun = rewrite_append_end(w) < 0;
                return r;
        }
        r = carry(w, w->h.old_size);
        if (r == 0)
                r = rewrite_append_end(w);
        /* also what is all there: nobody will be told OK of it */
        *ret_begun = r < 0 && take_back(w) < 0;
        return r;
}

/* 1: what is behind the old content is ours as far as it goes; 0: it is others', or nothing. */
static int is_ours(const struct rewrite_work *w, uint64_t size)
{
        _cleanup_(free_p) char *ours = xmalloc(PART), *there = xmalloc(PART);
        struct place p = {0};
        size_t n = 0;
        uint64_t to = MIN(size, w->h.new_size);
        for (uint64_t at = w->h.old_size; at < to; at += n) {
                int r = next(w, &p, ours, MIN(to - at, (uint64_t)PART), &n);
                if (r == 0)
                        r = rewrite_read(w->file, there, n, at);
                if (r < 0)
                        return r;
                for (size_t i = 0; i < n; i++)
                        if (there[i] != ours[i] && there[i] != '\0')
                                return 0;
        }
        return size > w->h.old_size;
}

static int load(struct rewrite_work *w, struct rewrite_piece **ret)
{
        int r = rewrite_load_header(w);
        if (r == 0 && w->h.window)
                r = -EBADMSG;
        if (r == 0)
                r = rewrite_load_content(w, ret);
        return r == 0 && !rewrite_is_append(&w->h, *ret) ? -EBADMSG : r;
}

/* A journal that is not whole was never begun, and one whose bytes are in the file need not be synced: it is
 * on the disk, name and all, before the file is changed. */
static int replay(struct rewrite_work *w)
{
        _cleanup_(free_p) struct rewrite_piece *pieces = NULL;
        struct stat st;
        int r = load(w, &pieces);
        if (r == -EBADMSG || r == -ENODATA)
                return rewrite_append_end(w);
        if (r == 0 && fstat(w->file, &st) < 0)
                r = -errno;
        if (r == 0)
                r = is_ours(w, (uint64_t)st.st_size);
        if (r <= 0)
                return r < 0 ? r : rewrite_append_end(w);
        r = carry(w, (uint64_t)st.st_size);
        if ((r == -ENOSPC || r == -EDQUOT || r == -EFBIG) && take_back(w) == 0)
                return 0;
        return r < 0 ? r : rewrite_append_end(w);
}

int rewrite_append_replay(int dirfd, int file, bool sync, struct rewrite_progress progress)
{
        if (!rewrite_append_waits(dirfd))
                return 0;
        _cleanup_(fd_close_p) int journal = open_journal(dirfd, O_RDWR);
        struct rewrite_work w = {
                .dirfd = dirfd, .journal = journal, .file = file, .sync = sync, .progress = progress};
        return journal < 0 ? journal : replay(&w);
}
