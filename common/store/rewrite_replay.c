/* A journal that was found: whether it is whole, and of this file. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/hash.h"
#include "store/rewrite_journal.h"

bool rewrite_waits(int dirfd, bool grown)
{
        struct stat st;
        return fstatat(dirfd, REWRITE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
               (grown && rewrite_append_waits(dirfd));
}

int rewrite_samples_take(struct rewrite_header *h, const struct rewrite_piece *pieces, int file)
{
        char bytes[REWRITE_SAMPLE_LEN];
        uint64_t old = 0, to = 0, said = 0;
        for (uint32_t i = 0; i < h->pieces; i++)
                old += pieces[i].from & REWRITE_IS_TEXT ? 0 : pieces[i].n;
        uint32_t k = 0;
        for (uint32_t i = 0; i < h->pieces && k < REWRITE_SAMPLES; to += pieces[i++].n) {
                if (pieces[i].from & REWRITE_IS_TEXT)
                        continue;
                for (; k < REWRITE_SAMPLES && old / REWRITE_SAMPLES * k < said + pieces[i].n; k++) {
                        uint64_t skip = old / REWRITE_SAMPLES * k - said;
                        struct rewrite_sample *s = &h->samples[k];
                        s->from = pieces[i].from + skip;
                        s->to = to + skip;
                        s->n = MIN(pieces[i].n - skip, sizeof(bytes));
                        int r = rewrite_read(file, bytes, s->n, s->from);
                        if (r < 0)
                                return r;
                        s->hash = hash_bytes(slice_make(bytes, s->n), 0);
                }
                said += pieces[i].n;
        }
        return 0;
}

/* -EIO: the file is not so long. */
static bool sample_is_at(const struct rewrite_work *w, const struct rewrite_sample *s, uint64_t at,
                         int *error)
{
        char bytes[REWRITE_SAMPLE_LEN];
        int r = rewrite_read(w->file, bytes, s->n, at);
        if (r < 0 && r != -EIO)
                *error = r;
        return r == 0 && hash_bytes(slice_make(bytes, s->n), 0) == s->hash;
}

/* Each is at the new place or still at the old one, but for what the mark is about to write. */
int rewrite_samples_check(const struct rewrite_work *w)
{
        int r = 0;
        for (uint32_t k = 0; k < REWRITE_SAMPLES && r == 0; k++) {
                const struct rewrite_sample *s = &w->h.samples[k];
                bool there = s->n == 0;
                if (s->n > REWRITE_SAMPLE_LEN)
                        return -EBADMSG;
                for (uint32_t i = 0; i < w->ranges_n && !there; i++)
                        there = s->to < w->ranges[i].to + w->ranges[i].n && w->ranges[i].to < s->to + s->n;
                if (!there && !sample_is_at(w, s, s->from, &r) && !sample_is_at(w, s, s->to, &r) && r == 0)
                        r = -EBADMSG;
        }
        return r;
}

/* Whether all that it speaks of can be in a journal of this size. */
static bool fits(const struct rewrite_header *h, uint64_t size)
{
        if (h->texts >= size || h->pieces > REWRITE_PIECES_MAX || h->window > REWRITE_WINDOW)
                return false;
        uint64_t marks = h->window ? 2 * rewrite_slot_size(h->window) : 0;
        return (marks ? rewrite_slots_at(h) + marks : rewrite_content_end(h)) <= size;
}

int rewrite_load_header(struct rewrite_work *w)
{
        struct stat journal, file;
        struct rewrite_header *h = &w->h;
        if (fstat(w->journal, &journal) < 0 || fstat(w->file, &file) < 0)
                return -errno;
        if (S_ISREG(journal.st_mode) && journal.st_size == 0)
                return -ENODATA;
        if (!S_ISREG(journal.st_mode) || (uint64_t)journal.st_size < sizeof(*h))
                return -EBADMSG;
        int r = rewrite_read(w->journal, h, sizeof(*h), 0);
        if (r < 0)
                return r;
        uint64_t size = (uint64_t)journal.st_size;
        bool ok = memcmp(h->magic, REWRITE_MAGIC, sizeof(h->magic)) == 0 && h->version == REWRITE_VERSION &&
                  h->order == REWRITE_ORDER && h->hash == rewrite_header_hash(h) && h->ino == file.st_ino &&
                  h->old_size < REWRITE_IS_TEXT && h->new_size < REWRITE_IS_TEXT && fits(h, size);
        return ok ? 0 : -EBADMSG;
}

static int check_pieces(const struct rewrite_work *w, const struct rewrite_piece *pieces)
{
        uint64_t from = 0, to = 0;
        for (uint32_t i = 0; i < w->h.pieces; i++) {
                bool text = pieces[i].from & REWRITE_IS_TEXT;
                uint64_t at = pieces[i].from & ~REWRITE_IS_TEXT, end = text ? w->h.texts : w->h.old_size;
                if (at > end || pieces[i].n > end - at || (!text && at < from) ||
                    pieces[i].n > w->h.new_size - to)
                        return -EBADMSG;
                if (!text)
                        from = at + pieces[i].n;
                to += pieces[i].n;
        }
        return to == w->h.new_size ? 0 : -EBADMSG;
}

/* Whether texts and pieces are what was written; the latter are kept. */
static int load_pieces(struct rewrite_work *w, struct rewrite_piece *pieces)
{
        _cleanup_(free_p) char *chunk = xmalloc(REWRITE_CHUNK);
        uint64_t hash = 0, size = w->h.pieces * sizeof(*pieces), left = w->h.texts + size;
        uint64_t at = sizeof(w->h);
        size_t part;
        do {
                part = MIN(left, (uint64_t)REWRITE_CHUNK);
                int r = rewrite_read(w->journal, chunk, part, at);
                if (r < 0)
                        return r;
                hash = hash_bytes(slice_make(chunk, part), hash);
                at += part;
                left -= part;
        } while (part == REWRITE_CHUNK);
        if (hash != w->h.content)
                return -EBADMSG;
        return rewrite_read(w->journal, pieces, size, sizeof(w->h) + w->h.texts);
}

int rewrite_load_content(struct rewrite_work *w, struct rewrite_piece **ret)
{
        _cleanup_(free_p) struct rewrite_piece *pieces = xcalloc(w->h.pieces + 1, sizeof(*pieces));
        int r = load_pieces(w, pieces);
        if (r == 0)
                r = check_pieces(w, pieces);
        if (r < 0)
                return r;
        w->pieces = pieces;
        *ret = TAKE_PTR(pieces);
        return 0;
}

static int replay(struct rewrite_work *w)
{
        _cleanup_(free_p) struct rewrite_piece *pieces = NULL;
        int r = rewrite_load_header(w);
        if (r == 0 && w->h.window == 0)
                r = -EBADMSG;
        if (r == 0)
                r = rewrite_load_content(w, &pieces);
        if (r < 0)
                return r;
        w->old_end = w->h.old_size;
        rewrite_work_alloc(w);
        r = rewrite_mark_load(w);
        if (r == 0)
                r = rewrite_samples_check(w);
        if (r == 0 && w->sync)
                r = fd_fsync_dir(w->dirfd);
        return r < 0 ? r : rewrite_carry(w);
}

/* Its owner may have been killed: nothing of what it did need be on the disk. */
int rewrite_replay(int dirfd, int file, bool sync, struct rewrite_progress progress)
{
        int r = rewrite_append_replay(dirfd, file, sync, progress);
        if (r < 0)
                return r;
        _cleanup_(rewrite_work_free) struct rewrite_work w = {
                .dirfd = dirfd, .file = file, .sync = sync, .dirty = true, .progress = progress};
        _cleanup_(fd_close_p) int journal =
                openat(dirfd, REWRITE_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        if (journal < 0)
                return errno == ENOENT ? 0 : -errno;
        w.journal = journal;
        r = replay(&w);
        if (r == -EBADMSG && renameat(dirfd, REWRITE_NAME, dirfd, REWRITE_NAME ".broken") < 0)
                return -errno;
        bool no_room = r == -ENOSPC || r == -EDQUOT || r == -EFBIG;
        return r == -ENODATA || (no_room && w.untouched) ? rewrite_drop(&w) : r;
}
