/* Pieces go to their new places by way of the window.
 *
 * Pieces lie in the same order in the old file as in the new one, and do not overlap. So a piece that goes
 * down covers nothing of a later one's source, nor of the source of one that goes up: those before it, which
 * end below their own new end, lie below it, those behind it lie higher still. Hence REWRITE_DOWN from the
 * beginning to the end of the file, then REWRITE_UP, its mirror image, from the end to the beginning, cover
 * nothing that is still to be read. A text goes with the piece behind it: below one that goes down nothing is
 * left to be read but what goes up and lies lower; else it waits until all has gone down.
 *
 * What is read for a window may be covered by it, or by a later one: then it cannot be done again from the
 * file. So before the first byte is covered that was read since the last mark, the window becomes a mark. */

#include <errno.h>

#include "store/rewrite_journal.h"

static bool is_text(const struct rewrite_piece *p)
{
        return p->from & REWRITE_IS_TEXT;
}

int rewrite_window_write(struct rewrite_work *w)
{
        int r = 0;
        if (w->ranges_n)
                w->untouched = false, w->dirty = true;
        for (uint32_t i = 0; i < w->ranges_n && r == 0; i++) {
                const struct rewrite_range *range = &w->ranges[i];
                r = rewrite_write(w->file, w->window + range->at, range->n, range->to);
        }
        w->head = w->stage == REWRITE_UP ? w->h.window : 0;
        w->n = w->ranges_n = 0;
        return r;
}

/* While no mark says that the file has its new size, that is told by the byte at its old end, which is 0. */
static bool tells_the_size(const struct rewrite_work *w, const struct rewrite_range *range)
{
        return w->h.new_size > w->h.old_size && w->mark.stage == REWRITE_BEGUN && range->to <= w->old_end &&
               w->old_end < range->to + range->n;
}

static bool needs_mark(const struct rewrite_work *w)
{
        /* this one says that the file has its size */
        if (w->mark.stage == REWRITE_MOVED)
                return true;
        for (uint32_t i = 0; i < w->ranges_n; i++) {
                const struct rewrite_range *range = &w->ranges[i];
                if (range->to < w->read_to && w->read_from < range->to + range->n)
                        return true;
                if (tells_the_size(w, range))
                        return true;
        }
        return false;
}

void rewrite_tell(struct rewrite_work *w, uint64_t n)
{
        w->done += n;
        if (w->progress.tell && n)
                w->progress.tell(w->progress.context, w->done, w->all);
}

static int flush(struct rewrite_work *w)
{
        uint32_t n = w->n;
        int r = 0;
        if (w->ranges_n && needs_mark(w)) {
                const struct rewrite_range *last = &w->ranges[w->ranges_n - 1];
                r = rewrite_mark_put(w, w->stage, w->stage == REWRITE_UP ? last->to : last->to + last->n);
        }
        if (r == 0)
                r = rewrite_window_write(w);
        if (r == 0)
                rewrite_tell(w, n);
        return r;
}

/* Joined with the last range where it goes on. */
static void add_range(struct rewrite_work *w, uint64_t to, uint32_t at, uint32_t n)
{
        struct rewrite_range *last = w->ranges_n ? &w->ranges[w->ranges_n - 1] : NULL;
        if (last && w->stage == REWRITE_UP && to + n == last->to) {
                last->to = to;
                last->at = at;
                last->n += n;
        } else if (last && w->stage != REWRITE_UP && last->to + last->n == to) {
                last->n += n;
        } else {
                w->ranges[w->ranges_n++] = (struct rewrite_range){.to = to, .at = at, .n = n};
        }
        w->head = MIN(w->head, at);
        w->n += n;
}

static int read_source(struct rewrite_work *w, uint64_t from, void *to, uint32_t n)
{
        if (from & REWRITE_IS_TEXT)
                return rewrite_read(w->journal, to, n, sizeof(w->h) + (from & ~REWRITE_IS_TEXT));
        if (w->read_from == w->read_to)
                w->read_from = w->read_to = from;
        w->read_from = MIN(w->read_from, from);
        w->read_to = MAX(w->read_to, from + n);
        return rewrite_read(w->file, to, n, from);
}

/* Bytes for `to`, from the front; with REWRITE_UP from the back, the window too. */
static int gather(struct rewrite_work *w, uint64_t to, uint64_t from, uint64_t n)
{
        bool up = w->stage == REWRITE_UP;
        if (w->counting) {
                w->all += n;
                return 0;
        }
        while (n) {
                if (w->n == w->h.window || w->ranges_n == rewrite_ranges_max(w->h.window)) {
                        int r = flush(w);
                        if (r < 0)
                                return r;
                }
                uint32_t part = (uint32_t)MIN(n, w->h.window - w->n);
                uint64_t skip = up ? n - part : 0;
                uint32_t at = up ? w->head - part : w->n;
                int r = read_source(w, from + skip, w->window + at, part);
                if (r < 0)
                        return r;
                add_range(w, to + skip, at, part);
                if (!up)
                        to += part, from += part;
                n -= part;
        }
        return 0;
}

/* What of it is at or behind `at`. */
static int gather_from(struct rewrite_work *w, uint64_t to, const struct rewrite_piece *p, uint64_t at)
{
        uint64_t done = at > to ? MIN(at - to, p->n) : 0;
        return gather(w, to + done, p->from + done, p->n - done);
}

static int gather_before(struct rewrite_work *w, uint64_t to, const struct rewrite_piece *p, uint64_t at)
{
        return at > to ? gather(w, to, p->from, MIN(p->n, at - to)) : 0;
}

/* What others had appended by then: behind all the rest. */
static struct rewrite_piece tail(const struct rewrite_work *w)
{
        return (struct rewrite_piece){w->h.old_size, w->old_end - w->h.old_size};
}

static int carry_down(struct rewrite_work *w, uint64_t at)
{
        uint64_t to = 0;
        size_t next = 0; /* behind these texts and the move that they go with */
        bool down = false;
        for (size_t i = 0; i < w->h.pieces; i++) {
                const struct rewrite_piece *p = &w->pieces[i];
                if (i == next) {
                        uint64_t next_to = to;
                        while (next < w->h.pieces && is_text(&w->pieces[next]))
                                next_to += w->pieces[next++].n;
                        down = next < w->h.pieces && w->pieces[next].from > next_to;
                        next++;
                }
                int r = down ? gather_from(w, to, p, at) : 0;
                if (r < 0)
                        return r;
                to += p->n;
        }
        return 0;
}

static int carry_up(struct rewrite_work *w, uint64_t at)
{
        uint64_t to = w->h.new_size;
        struct rewrite_piece last = tail(w);
        bool up = true; /* the move behind */
        int r = to > last.from ? gather_before(w, to, &last, at) : 0;
        for (size_t i = w->h.pieces; i-- > 0 && r == 0;) {
                const struct rewrite_piece *p = &w->pieces[i];
                to -= p->n;
                if (!is_text(p))
                        up = p->from <= to;
                if (up && p->from != to)
                        r = gather_before(w, to, p, at);
        }
        return r;
}

static int carry_stage(struct rewrite_work *w, uint64_t at)
{
        struct rewrite_piece last = tail(w);
        return w->stage == REWRITE_DOWN ? carry_down(w, at)
               : w->stage == REWRITE_UP ? carry_up(w, at)
                                        : gather_from(w, w->h.new_size, &last, at);
}

int rewrite_pieces_carry(struct rewrite_work *w, enum rewrite_stage stage, uint64_t at)
{
        w->stage = stage;
        int r = rewrite_window_write(w); /* empty: from the right end on */
        if (r == 0)
                r = carry_stage(w, at);
        return r < 0 ? r : flush(w);
}

int rewrite_pieces_count(struct rewrite_work *w, enum rewrite_stage stage, uint64_t at)
{
        w->stage = stage;
        w->counting = true;
        int r = carry_stage(w, at);
        w->counting = false;
        return r;
}
