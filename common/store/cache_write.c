#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/random.h"
#include "store/cache_file.h"

enum { COMPACT_CHUNK = 64 * 1024 };

static uint64_t rounded_up(uint64_t n)
{
        return (n + CACHE_UNIT - 1) / CACHE_UNIT * CACHE_UNIT;
}

/* A file that is being made, to take the cache's name once it is whole. */
struct new_file {
        int dirfd, fd;
        uint64_t id, end;
};

/* Also takes away what was made, unless it was put in place. */
static void new_file_free(struct new_file *f)
{
        if (f->fd >= 0)
                unlinkat(f->dirfd, CACHE_TMP_NAME, 0);
        fd_close_p(&f->fd);
}

static int new_file_write(struct new_file *f, struct slice bytes)
{
        f->end += bytes.n;
        return f->end > CACHE_FILE_MAX ? -EFBIG : fd_write_all(f->fd, bytes);
}

static int new_file_begin(struct new_file *f, const struct perm *perm)
{
        char header[CACHE_HEADER_SIZE];
        /* the index is locked: what has the name was left by a process that was killed */
        if (unlinkat(f->dirfd, CACHE_TMP_NAME, 0) < 0 && errno != ENOENT)
                return -errno;
        int r = perm_create(f->dirfd, CACHE_TMP_NAME, perm, &f->fd);
        if (r < 0)
                return r;
        while (f->id == 0)
                random_bytes(&f->id, sizeof(f->id));
        cache_header_make(header, f->id);
        return new_file_write(f, slice_make(header, sizeof(header)));
}

static int new_file_put_in_place(struct new_file *f, struct cache *c)
{
        if (renameat(f->dirfd, CACHE_TMP_NAME, f->dirfd, CACHE_NAME) < 0)
                return -errno;
        cache_file_close(c);
        c->fd = TAKE_FD(f->fd);
        c->id = f->id;
        c->tried = false;
        return 0;
}

/* Completes the queued groups for their places in the file with this id, from `start` on. */
static void seal_queue(struct cache *c, uint64_t id, uint64_t start)
{
        for (size_t i = 0; i < c->queued_n; i++) {
                struct cache_queued *q = &c->queued[i];
                uint32_t own = (uint32_t)((start + q->at) / CACHE_UNIT), prev = id == c->id ? q->prev : 0;
                if (i > 0 && c->queued[i - 1].uid == q->uid)
                        prev = (uint32_t)((start + c->queued[i - 1].at) / CACHE_UNIT);
                /* nobody would follow a wrong one, nor find what comes after it */
                cache_group_seal(c->queue.p + q->at, prev < own ? prev : 0, id);
        }
}

/* 0: c->fd is the file that has the name and c->id. */
static int open_current(struct cache *c)
{
        struct stat named, own;
        if (c->id == 0)
                return -ENOENT;
        if (c->fd >= 0 &&
            (fstatat(c->dirfd, CACHE_NAME, &named, AT_SYMLINK_NOFOLLOW) < 0 || fstat(c->fd, &own) < 0 ||
             named.st_dev != own.st_dev || named.st_ino != own.st_ino))
                cache_file_close(c);
        return c->fd >= 0 ? 0 : cache_file_open(c);
}

static int append_queue(struct cache *c, uint64_t *ret_start)
{
        struct stat st;
        if (c->unwritable)
                return c->unwritable;
        if (fstat(c->fd, &st) < 0)
                return -errno;
        uint64_t start = rounded_up((uint64_t)st.st_size);
        if (start > CACHE_FILE_MAX - c->queue.n)
                return -EFBIG;
        seal_queue(c, c->id, start);
        for (size_t done = 0; done < c->queue.n;) {
                ssize_t n = pwrite(c->fd, c->queue.p + done, c->queue.n - done, (off_t)(start + done));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        int r = n < 0 ? -errno : -EIO;
                        (void)!ftruncate(c->fd, st.st_size);
                        return r;
                }
                done += (size_t)n;
        }
        *ret_start = start;
        return 0;
}

static int queue_to_new_file(struct cache *c, const struct perm *perm, uint64_t *ret_start)
{
        _cleanup_(new_file_free) struct new_file f = {.dirfd = c->dirfd, .fd = -1};
        int r = new_file_begin(&f, perm);
        uint64_t start = f.end;
        if (r < 0)
                return r;
        seal_queue(c, f.id, start);
        r = new_file_write(&f, buf_slice(&c->queue));
        if (r == 0)
                r = new_file_put_in_place(&f, c);
        if (r == 0)
                *ret_start = start;
        return r;
}

int cache_flush(struct cache *c, const struct perm *perm,
                void (*placed)(void *context, uint32_t uid, uint32_t offset), void *context)
{
        if (c->queued_n == 0)
                return 0;
        uint64_t start = 0;
        int r = open_current(c);
        if (r == 0)
                r = append_queue(c, &start);
        else if (r == -ENOENT || r == -EBADMSG || r == -ELOOP || r == -ENXIO)
                r = queue_to_new_file(c, perm, &start);
        for (size_t i = 0; r == 0 && i < c->queued_n; i++)
                placed(context, c->queued[i].uid, (uint32_t)((start + c->queued[i].at) / CACHE_UNIT));
        c->queue.n = c->queued_n = 0;
        return r;
}

/* Where messages are in the file that is being made. */
struct moved_message {
        uint32_t uid, offset;
};
struct moved {
        struct moved_message *all;
        size_t n, cap;
};

static void moved_free(struct moved *m)
{
        free(m->all);
}

static void moved_add(struct moved *m, uint32_t uid, uint32_t offset)
{
        if (m->n == m->cap) {
                m->cap = m->cap ? m->cap * 2 : 256;
                m->all = xrealloc(m->all, m->cap * sizeof(*m->all));
        }
        m->all[m->n++] = (struct moved_message){uid, offset};
}

/* Appends a message's chain as one group for the file with this id. False: it is damaged, or became too
 * large. */
static bool merge(struct cache *c, uint32_t uid, uint32_t offset, uint64_t id, struct buf *to)
{
        struct slice data[CACHE_KINDS];
        struct mailbox_item items[CACHE_KINDS];
        uint32_t mask;
        size_t n = 0, at = to->n;
        if (!cache_file_chain(c, offset, uid, data, &mask))
                return false;
        for (unsigned kind = 0; kind < CACHE_KINDS; kind++)
                if (mask >> kind & 1)
                        items[n++] = (struct mailbox_item){kind, data[kind]};
        if (!cache_group_append(to, uid, items, n))
                return false;
        cache_group_seal(to->p + at, 0, id);
        return true;
}

static int write_chunk(struct new_file *f, struct buf *out)
{
        int r = new_file_write(f, buf_slice(out));
        out->n = 0;
        return r;
}

int cache_compact(struct cache *c, const struct perm *perm,
                  bool (*next)(void *context, uint32_t *ret_uid, uint32_t *ret_offset),
                  void (*placed)(void *context, uint32_t uid, uint32_t offset), void *context)
{
        _cleanup_(new_file_free) struct new_file f = {.dirfd = c->dirfd, .fd = -1};
        _cleanup_(moved_free) struct moved moved = {0};
        _cleanup_(buf_free) struct buf out = {0};
        uint32_t uid, offset;
        cache_drop_queue(c); /* where it would go is void */
        if (c->dirfd < 0)
                return 0;
        c->tried = false;
        int r = new_file_begin(&f, perm);
        while (r == 0 && next(context, &uid, &offset)) {
                if (offset == 0)
                        continue;
                uint64_t at = f.end + out.n;
                bool kept = merge(c, uid, offset, f.id, &out);
                moved_add(&moved, uid, kept ? (uint32_t)(at / CACHE_UNIT) : 0);
                if (out.n >= COMPACT_CHUNK)
                        r = write_chunk(&f, &out);
        }
        if (r == 0)
                r = write_chunk(&f, &out);
        if (r == 0)
                r = new_file_put_in_place(&f, c);
        for (size_t i = 0; r == 0 && i < moved.n; i++)
                placed(context, moved.all[i].uid, moved.all[i].offset);
        return r;
}
