#include "store/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "store/filename.h"

enum {
        /* A directory that takes longer than this to read is not read again and again while its time stamp is
         * unsettled, but only after SCAN_PAUSE times as long. */
        SCAN_SLOW_MS = 20,
        SCAN_PAUSE = 4,
        SCAN_PASSES = 6, /* over directories in which somebody renames all the time */
};

void scan_init(struct scan *s, struct mailbox *m, struct lines *lines)
{
        *s = (struct scan){.m = m, .lines = lines};
        s->cur = m->index.head.truth.cur;
        s->new = m->index.head.truth.new;
}

void scan_free(struct scan *s)
{
        free(s->unknown.file);
        free(s->twice.file);
        free(s->seen);
        free(s->in_pass);
        map_free(&s->unknown_by_base);
        arena_free(&s->arena);
}

static bool has_bit(const uint8_t *bits, uint32_t row)
{
        return bits[row / 8] >> row % 8 & 1;
}

bool scan_saw(const struct scan *s, const struct record *rec)
{
        uint32_t row = (uint32_t)(rec - s->m->index.rows);
        if (s->new_only && !(rec->state & RECORD_IN_NEW))
                return true; /* cur/ is as it was */
        return row < s->rows && has_bit(s->seen, row);
}

static struct scan_file *add(struct scan *s, struct scan_list *l, struct slice base, struct slice info,
                             bool in_new)
{
        if (l->n == l->cap) {
                l->cap = l->cap ? l->cap * 2 : 64;
                l->file = xrealloc(l->file, l->cap * sizeof(*l->file));
        }
        l->file[l->n] =
                (struct scan_file){arena_slice(&s->arena, base), arena_slice(&s->arena, info), in_new};
        return &l->file[l->n++];
}

static void found_unknown(struct scan *s, struct slice base, struct slice info, bool in_new)
{
        uintptr_t index = (uintptr_t)map_get(&s->unknown_by_base, base);
        if (index) {
                struct scan_file *f = &s->unknown.file[index - 1];
                if (f->in_new == in_new && slice_eq(f->info, info))
                        return;
                add(s, &s->twice, f->base, f->info, f->in_new);
                f->in_new = in_new;
                f->info = arena_slice(&s->arena, info);
                return;
        }
        struct scan_file *f = add(s, &s->unknown, base, info, in_new);
        map_put(&s->unknown_by_base, f->base, (void *)(uintptr_t)s->unknown.n);
}

static void found_line(struct scan *s, struct line *line, struct slice info, bool in_new)
{
        if (line->found && (line->in_new != in_new || !slice_eq(line->info, info)))
                add(s, &s->twice, line->base, line->info, line->in_new);
        line->found = true;
        line->in_new = in_new;
        line->info = arena_slice(&s->arena, info);
}

static bool is_as_known(const struct index *ix, const struct record *rec, struct slice info, bool in_new)
{
        uint8_t flags;
        uint32_t letters;
        if (!(rec->state & RECORD_IN_NEW) == in_new)
                return false;
        if (rec->state & RECORD_ODD) {
                _cleanup_(buf_free) struct buf known = {0};
                index_info(ix, rec, &known);
                return slice_eq(buf_slice(&known), info);
        }
        if (in_new)
                return info.n == 0;
        return filename_info_plain(info, &flags, &letters) && flags == rec->flags && letters == rec->letters;
}

static void found_record(struct scan *s, struct record *rec, struct slice base, struct slice info,
                         bool in_new)
{
        struct index *ix = &s->m->index;
        uint32_t row = (uint32_t)(rec - ix->rows);
        bool known = is_as_known(ix, rec, info, in_new);
        if (s->new_only && !(rec->state & RECORD_IN_NEW))
                s->strange = true;
        if (row < s->rows) {
                if (has_bit(s->in_pass, row) && !known) {
                        _cleanup_(buf_free) struct buf other = {0};
                        index_info(ix, rec, &other);
                        add(s, &s->twice, base, buf_slice(&other), rec->state & RECORD_IN_NEW);
                }
                s->seen[row / 8] |= (uint8_t)(1 << row % 8);
                s->in_pass[row / 8] |= (uint8_t)(1 << row % 8);
        }
        if (!known)
                index_set(ix, rec, info, in_new);
}

static void found(struct scan *s, struct slice name, bool in_new)
{
        struct slice base, info;
        filename_split(name, &base, &info);
        struct record *rec = index_find_base(&s->m->index, base);
        struct line *line = rec ? NULL : lines_find(s->lines, base);
        if (rec)
                found_record(s, rec, base, info, in_new);
        else if (line)
                found_line(s, line, info, in_new);
        else
                found_unknown(s, base, info, in_new);
}

static bool is_file(int dirfd, const struct dirent *e)
{
        struct stat st;
        if (e->d_type == DT_UNKNOWN)
                return fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
        return e->d_type == DT_REG;
}

static int read_dir(struct scan *s, const char *name, bool in_new, struct index_dir *seen)
{
        struct mailbox *m = s->m;
        struct stat after;
        struct index_dir now;
        int r = touch_mark(m->dir, name, &now, NULL);
        int fd = r < 0 ? -1 : openat(m->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_(dir_close_p) DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                r = opened_error(m, r < 0 ? r : -errno, "open", name);
                fd_close_p(&fd);
                return r == -ENOENT ? -ESTALE : r;
        }
        int64_t start = clock_ms();
        for (struct dirent *e; (e = dir_next(d, &r));) {
                if (!filename_usable(slice_of(e->d_name)) || !is_file(fd, e))
                        continue;
                found(s, slice_of(e->d_name), in_new);
                user_step(m->store, ++s->files, 0);
        }
        if (r < 0)
                return opened_error(m, r, "readdir", name);
        now.took_ms = (uint32_t)(clock_ms() - start);
        if (fstat(fd, &after) < 0)
                return opened_error(m, -errno, "fstat", name);
        if (after.st_mtim.tv_sec != now.sec || (uint32_t)after.st_mtim.tv_nsec != now.nsec)
                s->moving = true;
        if (!now.settled || s->moving)
                s->stable = false;
        *seen = now;
        return 0;
}

static int scan_pass(struct scan *s)
{
        uint32_t n = s->m->index.n;
        size_t bytes = n / 8 + 1, before = s->seen ? s->rows / 8 + 1 : 0;
        s->seen = xrealloc(s->seen, bytes);
        memset(s->seen + before, 0, bytes - before);
        free(s->in_pass);
        s->in_pass = xcalloc(bytes, 1);
        s->rows = n;
        s->stable = true;
        s->moving = false;
        /* new/ first: what goes from new/ to cur/ meanwhile is seen twice and not missed */
        int r = read_dir(s, "new", true, &s->new);
        return r < 0 || s->new_only ? r : read_dir(s, "cur", false, &s->cur);
}

uint32_t scan_first(const struct scan *s)
{
        const struct index *ix = &s->m->index;
        if (!s->new_only)
                return 0;
        uint32_t row = s->rows;
        for (uint32_t left = ix->head.counts.in_new; row > 0 && left > 0; row--)
                left -= ix->rows[row - 1].state & RECORD_IN_NEW && index_is_live(&ix->rows[row - 1]);
        return row;
}

static bool any_missing(const struct scan *s)
{
        const struct index *ix = &s->m->index;
        for (size_t i = 0; i < s->lines->n; i++)
                if (!s->lines->line[i].found && !s->lines->line[i].dropped)
                        return true;
        for (uint32_t row = scan_first(s); row < s->rows; row++)
                if (index_is_live(&ix->rows[row]) && !scan_saw(s, &ix->rows[row]))
                        return true;
        return false;
}

/* A rename during a pass must not look like an expunge: missing is what two passes missed, or more as long as
 * the renaming goes on. What new/ does not explain by itself is looked for in cur/. */
int scan_all(struct scan *s)
{
        int r = scan_pass(s);
        if (r == 0 && s->new_only && (s->strange || any_missing(s))) {
                s->new_only = false;
                r = scan_pass(s);
        }
        for (int i = 1; r == 0 && (i == 1 ? !s->stable : s->moving) && i < SCAN_PASSES && any_missing(s); i++)
                r = scan_pass(s);
        return r;
}

static int dir_is_due(struct mailbox *m, const char *name, const struct index_dir *seen, bool *due)
{
        struct stat st;
        if (fstatat(m->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                int r = opened_error(m, -errno, "stat", name);
                return r == -ENOENT ? -ESTALE : r;
        }
        if (st.st_mtim.tv_sec != seen->sec || (uint32_t)st.st_mtim.tv_nsec != seen->nsec) {
                *due = true;
        } else if (!seen->settled) {
                int64_t since_ms = (clock_realtime_us() - seen->read_at_us) / 1000;
                *due = seen->took_ms < SCAN_SLOW_MS || since_ms > (int64_t)seen->took_ms * SCAN_PAUSE ||
                       since_ms < 0;
        }
        return 0;
}

int scan_is_due(struct mailbox *m, unsigned *ret)
{
        const struct index_truth *t = &m->index.head.truth;
        bool new = false, cur = false, list = false;
        maildir_load_list(m);
        int r = uidlist_is_due(&m->uidlist, &list);
        if (r < 0)
                return opened_error(m, r, "stat", UIDLIST_NAME);
        r = dir_is_due(m, "new", &t->new, &new);
        if (r == 0)
                r = dir_is_due(m, "cur", &t->cur, &cur);
        if (r == 0)
                *ret = (new ? DUE_NEW : 0) | (cur ? DUE_CUR : 0) | (list ? DUE_LIST : 0);
        return r;
}
