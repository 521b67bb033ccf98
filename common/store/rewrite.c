#include "store/rewrite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/lock.h"
#include "store/rewrite_journal.h"

enum {
        NUMBERS = 256, /* uploads at a time to one mbox: nobody has as many sessions */
        NAME_MAX_BYTES = sizeof(REWRITE_NAME) + 16,
};

static void name_of(unsigned number, char *to)
{
        snprintf(to, NAME_MAX_BYTES, REWRITE_NAME ".%u", number);
}

/* Whether the open file is ours: locked, and has its name still, which it loses when its owner goes. */
static bool own(int dirfd, int fd, const char *name)
{
        struct stat by_fd, by_name;
        return filelock_acquire(fd, deadline_in_ms(0), NULL) == 0 && fstat(fd, &by_fd) == 0 &&
               fstatat(dirfd, name, &by_name, AT_SYMLINK_NOFOLLOW) == 0 && by_fd.st_ino == by_name.st_ino &&
               by_fd.st_dev == by_name.st_dev;
}

void rewrite_tidy(int dirfd, const char *name)
{
        _cleanup_(fd_close_p) int fd =
                openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        if (fd >= 0 && own(dirfd, fd, name))
                unlinkat(dirfd, name, 0);
}

static int open_number(struct rewrite *w, unsigned number)
{
        char name[NAME_MAX_BYTES];
        _cleanup_(fd_close_p) int fd = -1;
        name_of(number, name);
        int r = perm_create(w->dirfd, name, &w->perm, &fd);
        if (r == -EEXIST) {
                fd = openat(w->dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
                if (fd < 0)
                        return -EEXIST;
        } else if (r < 0) {
                return r;
        }
        if (!own(w->dirfd, fd, name))
                return -EEXIST;
        if (ftruncate(fd, 0) < 0)
                return -errno;
        w->number = number;
        w->fd = TAKE_FD(fd);
        return 0;
}

/* A journal under a name of its own, if there is none yet. */
static int open_own(struct rewrite *w)
{
        int r = w->fd < 0 ? -EEXIST : 0;
        for (unsigned number = 0; r == -EEXIST && number < NUMBERS; number++)
                r = open_number(w, number);
        return r == -EEXIST ? -EBUSY : r;
}

void rewrite_begin(struct rewrite *w, int dirfd, const struct perm *perm, bool sync)
{
        *w = (struct rewrite){.dirfd = dirfd,
                              .perm = *perm,
                              .sync = sync,
                              .fd = -1,
                              .window = REWRITE_WINDOW,
                              .pieces.max = REWRITE_PIECES_MAX * sizeof(struct rewrite_piece)};
}

void rewrite_end(struct rewrite *w)
{
        char name[NAME_MAX_BYTES];
        if (w->fd >= 0) {
                name_of(w->number, name);
                unlinkat(w->dirfd, name, 0);
        }
        fd_close_p(&w->fd);
        buf_free(&w->chunk);
        buf_free(&w->pieces);
}

static int write_chunk(struct rewrite *w)
{
        int r = open_own(w);
        if (r == 0)
                r = rewrite_write(w->fd, w->chunk.p, w->chunk.n, sizeof(struct rewrite_header) + w->written);
        if (r < 0)
                return r;
        w->hash = hash_bytes(buf_slice(&w->chunk), w->hash);
        w->written += w->chunk.n;
        w->chunk.n = 0;
        return 0;
}

static int put(struct rewrite *w, struct slice bytes)
{
        while (bytes.n) {
                size_t n = MIN(bytes.n, REWRITE_CHUNK - w->chunk.n);
                buf_append(&w->chunk, slice_head(bytes, n));
                bytes = slice_from(bytes, n);
                int r = w->chunk.n == REWRITE_CHUNK ? write_chunk(w) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Joined with the one before where it goes on. */
static int add(struct rewrite *w, uint64_t from, uint64_t n)
{
        if (n == 0)
                return 0;
        struct rewrite_piece p = {from, n}, *last = NULL;
        if (w->pieces.n)
                last = (struct rewrite_piece *)(void *)(w->pieces.p + w->pieces.n) - 1;
        w->at += n;
        if (last && last->from + last->n == from) {
                last->n += n;
                return 0;
        }
        return buf_append(&w->pieces, slice_make(&p, sizeof(p)));
}

int rewrite_move(struct rewrite *w, uint64_t from, uint64_t n)
{
        if (from < w->from || n > REWRITE_IS_TEXT - 1 - from)
                return -EINVAL;
        w->from = from + n;
        return add(w, from, n);
}

int rewrite_store(struct rewrite *w, struct slice bytes)
{
        int r = put(w, bytes);
        if (r == 0)
                w->stored += bytes.n;
        return r;
}

int rewrite_place(struct rewrite *w, uint64_t stored_at, uint64_t n)
{
        if (stored_at > w->stored || n > w->stored - stored_at)
                return -EINVAL;
        return add(w, stored_at | REWRITE_IS_TEXT, n);
}

int rewrite_text(struct rewrite *w, struct slice bytes)
{
        int r = rewrite_store(w, bytes);
        return r < 0 ? r : rewrite_place(w, w->stored - bytes.n, bytes.n);
}

/* Bytes that change their place or are new. */
static uint64_t changed_bytes(const struct rewrite_piece *p, size_t n)
{
        uint64_t sum = 0, to = 0;
        for (size_t i = 0; i < n; i++) {
                if (p[i].from != to)
                        sum += p[i].n;
                to += p[i].n;
        }
        return sum;
}

/* The room for marks, as large as can be. */
static int reserve(struct rewrite *w, struct rewrite_header *h, const struct rewrite_piece *pieces)
{
        uint64_t want = changed_bytes(pieces, h->pieces);
        h->window = (uint32_t)MIN(w->window, MAX(want, REWRITE_WINDOW_MIN));
        for (;;) {
                int r = rewrite_allocate(w->fd, rewrite_slots_at(h), 2 * rewrite_slot_size(h->window));
                if ((r != -ENOSPC && r != -EDQUOT) || h->window <= REWRITE_WINDOW_MIN)
                        return r;
                if (ftruncate(w->fd, (off_t)rewrite_slots_at(h)) < 0)
                        return -errno;
                h->window = MAX(h->window / 2, (uint32_t)REWRITE_WINDOW_MIN);
        }
}

/* What is not known before the rest is written; then it is on the disk. */
static int write_header(const struct rewrite *w, struct rewrite_header *h, int journal, uint64_t content)
{
        h->content = content;
        h->hash = rewrite_header_hash(h);
        int r = rewrite_write(journal, h, sizeof(*h), 0);
        return r == 0 && w->sync && fdatasync(journal) < 0 ? -errno : r;
}

static int take_name(struct rewrite *w, const char *journal)
{
        char name[NAME_MAX_BYTES];
        name_of(w->number, name);
        return renameat(w->dirfd, name, w->dirfd, journal) < 0 ? -errno : 0;
}

/* The file is looked at once more: who has no lock may have appended since the caller did. */
static int check(struct rewrite *w, int file, uint64_t size, struct stat *ret)
{
        if (w->pieces.error)
                return w->pieces.error;
        if (fstat(file, ret) < 0)
                return -errno;
        if (w->from > size || size > (uint64_t)ret->st_size)
                return -EINVAL;
        return rewrite_waits(w->dirfd, false) ? -EEXIST : 0;
}

/* The other journal: who does not use it himself. */
static int check_append(const struct rewrite *w)
{
        return rewrite_append_waits(w->dirfd) ? -EEXIST : 0;
}

static struct rewrite_work work_of(const struct rewrite *w, const struct rewrite_header *h,
                                   const struct rewrite_piece *pieces, int file, int journal)
{
        return (struct rewrite_work){.dirfd = w->dirfd,
                                     .journal = journal,
                                     .file = file,
                                     .sync = w->sync,
                                     .h = *h,
                                     .pieces = pieces,
                                     .old_end = h->old_size,
                                     .untouched = true,
                                     .progress = w->progress};
}

static int carry(struct rewrite_work *work, bool *ret_begun)
{
        *ret_begun = true;
        rewrite_work_alloc(work);
        int r = work->sync ? fd_fsync_dir(work->dirfd) : 0;
        if (r == 0)
                r = rewrite_carry(work);
        if (r < 0)
                *ret_begun = (work->untouched ? rewrite_drop(work) : rewrite_take_back(work)) < 0;
        return r;
}

static int move(struct rewrite *w, struct rewrite_header *h, const struct rewrite_piece *pieces, int file,
                bool *ret_begun)
{
        int r = check_append(w);
        if (r == 0)
                r = write_chunk(w);
        if (r == 0)
                r = reserve(w, h, pieces);
        if (r == 0)
                r = rewrite_samples_take(h, pieces, file);
        if (r == 0)
                r = write_header(w, h, w->fd, w->hash);
        if (r == 0)
                r = take_name(w, REWRITE_NAME);
        if (r < 0)
                return r;
        _cleanup_(fd_close_p) int journal = TAKE_FD(w->fd);
        _cleanup_(rewrite_work_free) struct rewrite_work work = work_of(w, h, pieces, file, journal);
        return carry(&work, ret_begun);
}

/* The journal that is there, when all is in memory; -EAGAIN: it cannot be used, or others wrote to the file.
 */
static int append_small(struct rewrite *w, struct rewrite_header *h, const struct rewrite_piece *pieces,
                        int file, bool *ret_begun)
{
        _cleanup_(fd_close_p) int journal = -1;
        int r = rewrite_append_open(w->dirfd, &w->perm, w->sync, &journal);
        if (r != 0)
                return r < 0 ? -EAGAIN : -EEXIST;
        r = rewrite_write(journal, w->chunk.p, w->chunk.n, sizeof(*h));
        if (r == 0)
                r = write_header(w, h, journal, hash_bytes(buf_slice(&w->chunk), w->hash));
        struct rewrite_work work = work_of(w, h, pieces, file, journal);
        work.texts = buf_slice(&w->chunk);
        if (r == 0)
                r = rewrite_append_run(&work, ret_begun);
        else
                (void)!rewrite_append_end(&work);
        return r == -EBUSY && !*ret_begun ? -EAGAIN : r;
}

/* One of its own takes that one's name. */
static int append_large(struct rewrite *w, struct rewrite_header *h, const struct rewrite_piece *pieces,
                        int file, bool *ret_begun)
{
        int r = check_append(w);
        if (r == 0)
                r = write_chunk(w);
        if (r == 0)
                r = write_header(w, h, w->fd, w->hash);
        if (r == 0)
                r = take_name(w, REWRITE_APPEND_NAME);
        if (r < 0)
                return r;
        _cleanup_(fd_close_p) int journal = TAKE_FD(w->fd);
        struct rewrite_work work = work_of(w, h, pieces, file, journal);
        r = w->sync ? fd_fsync_dir(w->dirfd) : 0;
        if (r == 0)
                return rewrite_append_run(&work, ret_begun);
        *ret_begun = rewrite_append_end(&work) < 0;
        return r;
}

/* In one call: there is nothing between the old and the new. */
static int cut_off(const struct rewrite *w, int file, bool *ret_begun)
{
        int r = check_append(w);
        if (r == 0 && ftruncate(file, (off_t)w->at) < 0)
                r = -errno;
        if (r < 0)
                return r;
        r = w->sync && fsync(file) < 0 ? -errno : 0;
        *ret_begun = r < 0;
        return r;
}

int rewrite_run(struct rewrite *w, int file, uint64_t size, bool *ret_begun)
{
        struct stat st;
        *ret_begun = false;
        int r = check(w, file, size, &st);
        if (r < 0)
                return r;
        const struct rewrite_piece *pieces = (const void *)w->pieces.p;
        struct rewrite_header h = {.magic = REWRITE_MAGIC,
                                   .version = REWRITE_VERSION,
                                   .order = REWRITE_ORDER,
                                   .ino = st.st_ino,
                                   .old_size = size,
                                   .new_size = w->at,
                                   .texts = w->stored,
                                   .pieces = (uint32_t)(w->pieces.n / sizeof(*pieces))};
        bool stays = changed_bytes(pieces, h.pieces) == 0, last = (uint64_t)st.st_size == size;
        if (stays && w->at == size)
                return 0;
        if (stays && last)
                return cut_off(w, file, ret_begun);
        r = put(w, buf_slice(&w->pieces));
        if (r < 0)
                return r;
        if (last && rewrite_is_append(&h, pieces)) {
                r = w->fd < 0 ? append_small(w, &h, pieces, file, ret_begun) : -EAGAIN;
                if (r == -EAGAIN && w->fd >= 0)
                        r = append_large(w, &h, pieces, file, ret_begun);
                if (r != -EAGAIN)
                        return r;
        }
        return move(w, &h, pieces, file, ret_begun);
}
