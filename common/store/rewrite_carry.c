/* The order of things (README, "Rewriting an mbox"). */

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/rewrite_journal.h"

static bool grows(const struct rewrite_work *w)
{
        return w->h.new_size > w->h.old_size;
}

/* Of what was said, and of what others have appended. */
static uint64_t new_end(const struct rewrite_work *w)
{
        return w->old_end - w->h.old_size + w->h.new_size;
}

static int file_sync(struct rewrite_work *w)
{
        return w->sync && fsync(w->file) < 0 ? -errno : 0;
}

/* 1, 0 or -errno. */
static int is_nul(const struct rewrite_work *w, uint64_t at)
{
        char c;
        int r = rewrite_read(w->file, &c, 1, at);
        return r < 0 ? r : c == '\0';
}

/* The new size first, in one step, so that others append behind it from then on; then the room. */
static int extend(struct rewrite_work *w)
{
        int r = ftruncate(w->file, (off_t)new_end(w)) < 0 ? -errno : 0;
        w->dirty = true;
        if (r == 0)
                r = rewrite_allocate(w->file, w->old_end, new_end(w) - w->old_end);
        bool taken_back = r < 0 && ftruncate(w->file, (off_t)w->old_end) == 0 && file_sync(w) == 0;
        w->untouched = taken_back;
        return r;
}

/* What is at the old end? Nothing, or others' bytes, which never begin with 0: the file has not its new size
 * yet. Others' bytes are moved up with the rest then, and it is written down how many, before they can no
 * longer be told from what is behind them. */
static int grow(struct rewrite_work *w, uint64_t end)
{
        w->untouched = true;
        if (end == w->old_end)
                return extend(w);
        int r = is_nul(w, w->old_end);
        if (r < 0)
                return r;
        if (r) {
                w->untouched = false;
                return end < new_end(w) ? -EBADMSG : 0;
        }
        w->old_end = end;
        r = rewrite_mark_put(w, REWRITE_BEGUN, 0);
        return r < 0 ? r : extend(w);
}

/* Sets the stage where it goes on, and from where on in it. */
static int resume(struct rewrite_work *w, uint64_t end)
{
        w->stage = w->mark.stage;
        if (grows(w)) {
                if (w->stage == REWRITE_BEGUN)
                        return grow(w, end);
                return end < new_end(w) ? -EBADMSG : 0;
        }
        if (w->stage != REWRITE_MOVED) {
                w->old_end = end;
                return 0;
        }
        /* at the new end is the 0 that was written there: it is not cut off yet, and others' bytes since
         * begin at the old end */
        int r = end < w->old_end ? 0 : is_nul(w, new_end(w));
        if (r <= 0)
                return r;
        if (end > w->old_end)
                w->stage = REWRITE_TAIL;
        else
                return ftruncate(w->file, (off_t)new_end(w)) < 0 ? -errno : 0;
        w->old_end = end;
        return 0;
}

/* From now on it may be cut off. The 0 may cover what would have to be read again. */
static int mark_cut(struct rewrite_work *w)
{
        uint64_t end = new_end(w);
        int r = 0;
        if (w->read_from <= end && end < w->read_to)
                r = rewrite_mark_put(w, REWRITE_TAIL, end);
        if (r == 0) {
                w->untouched = false;
                w->dirty = true;
                r = rewrite_write(w->file, "", 1, end);
        }
        return r == 0 ? rewrite_mark_put(w, REWRITE_MOVED, end) : r;
}

/* Somebody who knows nothing of our lock, or has broken it, may have appended meanwhile. */
static int cut_off(struct rewrite_work *w)
{
        struct stat st;
        for (;;) {
                int r = mark_cut(w);
                if (r == 0 && fstat(w->file, &st) < 0)
                        r = -errno;
                if (r < 0)
                        return r;
                uint64_t at = new_end(w);
                if ((uint64_t)st.st_size <= w->old_end)
                        return ftruncate(w->file, (off_t)at) < 0 ? -errno : 0;
                w->old_end = (uint64_t)st.st_size;
                r = rewrite_pieces_count(w, REWRITE_TAIL, at);
                if (r == 0)
                        r = rewrite_pieces_carry(w, REWRITE_TAIL, at);
                if (r < 0)
                        return r;
        }
}

static int each_stage(struct rewrite_work *w, enum rewrite_stage from,
                      int (*work)(struct rewrite_work *w, enum rewrite_stage stage, uint64_t at))
{
        int r = 0;
        for (enum rewrite_stage s = MAX(from, REWRITE_DOWN); s < REWRITE_MOVED && r == 0; s++) {
                uint64_t at = s == REWRITE_UP ? UINT64_MAX : 0;
                if (s == w->mark.stage || w->mark.stage == REWRITE_MOVED)
                        at = w->mark.at;
                if (s != REWRITE_TAIL || w->h.new_size < w->h.old_size)
                        r = work(w, s, at);
        }
        return r;
}

static int carry_stages(struct rewrite_work *w)
{
        enum rewrite_stage from = w->stage;
        int r = each_stage(w, from, rewrite_pieces_count);
        if (r == 0)
                r = each_stage(w, from, rewrite_pieces_carry);
        return r == 0 && from != REWRITE_MOVED && w->h.new_size < w->h.old_size ? cut_off(w) : r;
}

static int forget(struct rewrite_work *w)
{
        struct stat st;
        if (unlinkat(w->dirfd, REWRITE_NAME, 0) < 0 && errno != ENOENT)
                return -errno;
        /* a RENAME has given it another place meanwhile: nobody must follow it there */
        if (fstat(w->journal, &st) == 0 && st.st_nlink > 0 && ftruncate(w->journal, 0) < 0)
                return -errno;
        return w->sync ? fd_fsync_dir(w->dirfd) : 0;
}

/* Its name may come back with the power; then there is nothing to follow: an empty one does not count. */
int rewrite_drop(struct rewrite_work *w)
{
        bool empty = ftruncate(w->journal, 0) == 0;
        if (empty && w->sync)
                (void)!fsync(w->journal);
        int r = forget(w);
        return empty ? 0 : r;
}

int rewrite_take_back(struct rewrite_work *w)
{
        struct stat st;
        bool stays = w->h.old_size == 0 ||
                     (w->h.pieces && w->pieces[0].from == 0 && w->pieces[0].n == w->h.old_size);
        if (!stays || w->old_end > w->h.old_size || fstat(w->file, &st) < 0 ||
            (uint64_t)st.st_size > w->h.new_size || ftruncate(w->file, (off_t)w->h.old_size) < 0)
                return -EINVAL;
        if (w->sync)
                (void)!fsync(w->file);
        return rewrite_drop(w);
}

static bool fits(const struct rewrite_work *w, uint64_t end)
{
        return end >= (w->mark.stage == REWRITE_MOVED ? new_end(w) : grows(w) ? w->old_end : w->h.old_size);
}

int rewrite_carry(struct rewrite_work *w)
{
        struct stat st;
        if (fstat(w->file, &st) < 0)
                return -errno;
        int r = fits(w, (uint64_t)st.st_size) ? 0 : -EBADMSG;
        if (r == 0)
                r = rewrite_mark_renew(w);
        if (r == 0)
                r = resume(w, (uint64_t)st.st_size);
        if (r == 0)
                r = rewrite_window_write(w);
        if (r == 0)
                r = carry_stages(w);
        if (r == 0)
                r = file_sync(w);
        return r < 0 ? r : forget(w);
}
