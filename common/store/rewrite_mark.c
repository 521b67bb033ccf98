/* What the journal's bytes are: whole reads and writes, hashes, the marks. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "store/rewrite_journal.h"

int rewrite_read(int fd, void *to, size_t n, uint64_t at)
{
        for (size_t got = 0; got < n;) {
                ssize_t r = pread(fd, (char *)to + got, n - got, (off_t)(at + got));
                if (r < 0 && errno == EINTR)
                        continue;
                if (r <= 0)
                        return r < 0 ? -errno : -EIO;
                got += (size_t)r;
        }
        return 0;
}

int rewrite_write(int fd, const void *p, size_t n, uint64_t at)
{
        for (size_t done = 0; done < n;) {
                ssize_t r = pwrite(fd, (const char *)p + done, n - done, (off_t)(at + done));
                if (r < 0 && errno == EINTR)
                        continue;
                if (r <= 0)
                        return r < 0 ? -errno : -EIO;
                done += (size_t)r;
        }
        return 0;
}

int rewrite_allocate(int fd, uint64_t at, uint64_t n)
{
        static const char zeros[4096];
        int r;
        do
                r = fallocate(fd, 0, (off_t)at, (off_t)n);
        while (r < 0 && errno == EINTR);
        if (r == 0 || (errno != EOPNOTSUPP && errno != ENOSYS))
                return r < 0 ? -errno : 0;
        for (r = 0; n && r == 0;) {
                size_t part = MIN(n, sizeof(zeros));
                r = rewrite_write(fd, zeros, part, at);
                at += part;
                n -= part;
        }
        return r;
}

uint64_t rewrite_header_hash(const struct rewrite_header *h)
{
        struct rewrite_header copy = *h;
        copy.hash = 0;
        return hash_bytes(slice_make(&copy, sizeof(copy)), REWRITE_VERSION);
}

void rewrite_work_alloc(struct rewrite_work *w)
{
        w->window = xmalloc(w->h.window);
        w->ranges = xcalloc(rewrite_ranges_max(w->h.window), sizeof(*w->ranges));
}

void rewrite_work_free(struct rewrite_work *w)
{
        free(w->window);
        free(w->ranges);
}

static uint64_t mark_hash(const struct rewrite_work *w, const struct rewrite_mark *m)
{
        struct rewrite_mark copy = *m;
        copy.hash = 0;
        uint64_t hash = hash_bytes(slice_make(&copy, sizeof(copy)), w->h.hash);
        hash = hash_bytes(slice_make(w->ranges, m->ranges * sizeof(*w->ranges)), hash);
        return hash_bytes(slice_make(w->window + m->head, m->n), hash);
}

static uint64_t slot_of(const struct rewrite_work *w, uint64_t seq)
{
        return rewrite_slots_at(&w->h) + (seq & 1) * rewrite_slot_size(w->h.window);
}

static int write_mark(const struct rewrite_work *w, const struct rewrite_mark *m)
{
        uint64_t at = slot_of(w, m->seq) + sizeof(*m);
        int r = 0;
        if (m->n)
                r = rewrite_write(w->journal, w->window + m->head, m->n,
                                  at + rewrite_ranges_max(w->h.window) * sizeof(*w->ranges));
        if (r == 0 && m->ranges)
                r = rewrite_write(w->journal, w->ranges, m->ranges * sizeof(*w->ranges), at);
        if (r == 0)
                r = rewrite_write(w->journal, m, sizeof(*m), at - sizeof(*m));
        return r == 0 && w->sync && fdatasync(w->journal) < 0 ? -errno : r;
}

int rewrite_mark_put(struct rewrite_work *w, enum rewrite_stage stage, uint64_t at)
{
        if (w->dirty && w->sync && fsync(w->file) < 0)
                return -errno;
        w->dirty = false;
        struct rewrite_mark m = {.seq = w->mark.seq + 1,
                                 .at = at,
                                 .old_end = w->old_end,
                                 .stage = stage,
                                 .ranges = w->ranges_n,
                                 .head = w->head,
                                 .n = w->n};
        m.hash = mark_hash(w, &m);
        int r = write_mark(w, &m);
        if (r < 0)
                return r;
        w->mark = m;
        w->read_from = w->read_to = 0;
        return 0;
}

int rewrite_mark_renew(struct rewrite_work *w)
{
        return w->mark.seq ? write_mark(w, &w->mark) : 0;
}

static bool mark_is_sane(const struct rewrite_work *w, const struct rewrite_mark *m, uint64_t slot)
{
        return m->seq && (m->seq & 1) == slot && m->ranges <= rewrite_ranges_max(w->h.window) &&
               m->head <= w->h.window && m->n <= w->h.window - m->head && m->stage <= REWRITE_MOVED &&
               m->old_end >= w->h.old_size;
}

static bool ranges_are_sane(const struct rewrite_work *w, const struct rewrite_mark *m)
{
        for (uint32_t i = 0; i < m->ranges; i++) {
                const struct rewrite_range *range = &w->ranges[i];
                if (range->at < m->head || range->at - m->head > m->n ||
                    range->n > m->n - (range->at - m->head))
                        return false;
        }
        return true;
}

/* -ENOENT: there is none that is whole. */
static int load_slot(struct rewrite_work *w, uint64_t slot, const struct rewrite_mark *m)
{
        uint64_t at = slot_of(w, slot) + sizeof(*m);
        if (!mark_is_sane(w, m, slot))
                return -ENOENT;
        int r = rewrite_read(w->journal, w->ranges, m->ranges * sizeof(*w->ranges), at);
        if (r == 0)
                r = rewrite_read(w->journal, w->window + m->head, m->n,
                                 at + rewrite_ranges_max(w->h.window) * sizeof(*w->ranges));
        if (r < 0)
                return r;
        if (mark_hash(w, m) != m->hash || !ranges_are_sane(w, m))
                return -ENOENT;
        w->mark = *m;
        w->head = m->head;
        w->n = m->n;
        w->ranges_n = m->ranges;
        w->old_end = m->old_end;
        return 0;
}

int rewrite_mark_load(struct rewrite_work *w)
{
        struct rewrite_mark m[2];
        for (uint64_t slot = 0; slot < 2; slot++) {
                int r = rewrite_read(w->journal, &m[slot], sizeof(*m), slot_of(w, slot));
                if (r < 0)
                        return r;
        }
        uint64_t newer = m[1].seq > m[0].seq;
        int r = load_slot(w, newer, &m[newer]);
        if (r == -ENOENT)
                r = load_slot(w, !newer, &m[!newer]);
        return r == -ENOENT ? 0 : r;
}
