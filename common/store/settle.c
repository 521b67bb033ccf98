#include "store/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/uidvalidity.h"

enum {
        SETTLE_LINK_AGE_SECS = 30, /* two links to one file that are so old are no rename in progress */
        SETTLE_LINES_MIN = 64,     /* of a list that is worth being written without those of expunged files */
};

bool settle_is_due(const struct mailbox *m)
{
        return !m->read_only && m->index.head.counts.in_new > 0 && !m->unmovable;
}

/* UIDVALIDITY for a folder that has none. */
static void prepare_list(struct mailbox *m)
{
        struct uidlist *u = &m->uidlist;
        if (u->uidvalidity)
                return;
        _cleanup_(fd_close_p) int root = -1;
        struct perm perm;
        if (folder_open_control_root(m->store, m->place.ns, &root) == 0 && perm_of(root, &perm) == 0)
                u->uidvalidity = uidvalidity_next(root, &perm);
        else
                u->uidvalidity = (uint32_t)time(NULL);
}

static struct slice base_of_path(struct slice path)
{
        struct slice base, info;
        filename_split(slice_from(path, strlen("cur/")), &base, &info);
        return base;
}

void settle_intent(struct mailbox *m, const struct lines *l)
{
        struct index *ix = &m->index;
        struct slice rest = buf_slice(&ix->intent), path;
        bool done = false;
        if (rest.n == 0)
                return;
        while (!done && slice_split(&rest, '\0', &path))
                done = lines_find(l, base_of_path(path)) || index_find_base(ix, base_of_path(path));
        rest = buf_slice(&ix->intent);
        while (!done && slice_split(&rest, '\0', &path))
                if (slice_find(slice_from(path, strlen("cur/")), '/') == path.n - strlen("cur/"))
                        unlinkat(m->dir, path.p, 0);
        index_intend(ix, SLICE_NULL, false);
}

/* UIDs */

static int by_delivery(const void *a, const void *b)
{
        return filename_order_cmp(&((const struct scan_file *)a)->order,
                                  &((const struct scan_file *)b)->order);
}

static void add_file(struct mailbox *m, uint32_t uid, const struct scan_file *f, struct slice fields,
                     uint16_t state)
{
        struct index_file file = {.base = f->base, .info = f->info, .fields = fields, .in_new = f->in_new};
        index_add(&m->index, uid, &file, state | (f->in_new ? RECORD_RECENT : 0));
}

/* Messages that others gave UIDs to. */
static void add_lines(struct scan *s)
{
        struct lines *l = s->lines;
        for (size_t i = 0; i < l->n; i++) {
                const struct line *line = &l->line[i];
                if (!line->found || line->dropped || line->uid < s->m->index.head.truth.nextuid)
                        continue;
                struct scan_file f = {line->base, line->info, line->in_new};
                add_file(s->m, line->uid, &f, line->fields, 0);
        }
}

/* The files without UIDs, in order of delivery; those that got theirs while we waited are left out. */
static void sort_unknown(struct scan *s)
{
        struct scan_list *l = &s->unknown;
        size_t n = 0;
        for (size_t i = 0; i < l->n; i++) {
                if (index_find_base(&s->m->index, l->file[i].base) || lines_find(s->lines, l->file[i].base))
                        continue;
                l->file[n] = l->file[i];
                l->file[n].order = filename_order_of(l->file[n].base);
                n++;
        }
        l->n = n;
        if (n)
                qsort(l->file, n, sizeof(*l->file), by_delivery);
}

static void add_unknown(struct scan *s, uint32_t uid, uint16_t state)
{
        /* who gives a message its UID has it as \Recent, wherever it was put */
        if (!s->m->read_only)
                state |= RECORD_RECENT;
        for (size_t i = 0; i < s->unknown.n; i++)
                add_file(s->m, uid++, &s->unknown.file[i], SLICE_NULL, state);
        s->unknown.n = 0;
        map_free(&s->unknown_by_base);
}

/* Fewer than three quarters of the lines are of messages that are there: as Dovecot decides. */
static bool wants_compression(const struct mailbox *m, size_t added)
{
        uint64_t live = m->index.head.counts.messages + added,
                 lines = m->uidlist.seen.lines + (uint64_t)added;
        return lines > SETTLE_LINES_MIN && live * 4 < lines * 3;
}

struct writing {
        const struct mailbox *m;
        uint32_t row;
};

static bool next_line(void *context, struct uidlist_line *ret)
{
        struct writing *w = context;
        const struct index *ix = &w->m->index;
        while (w->row < ix->n &&
               (!index_is_live(&ix->rows[w->row]) || ix->rows[w->row].state & RECORD_UNLISTED))
                w->row++;
        if (w->row == ix->n)
                return false;
        const struct record *rec = &ix->rows[w->row++];
        *ret = (struct uidlist_line){.uid = rec->uid,
                                     .base = slice_of(index_base(ix, rec)),
                                     .fields = slice_of(index_fields(ix, rec))};
        return true;
}

static int write_list(struct mailbox *m)
{
        struct writing w = {.m = m};
        m->uidlist.nextuid = MAX(m->uidlist.nextuid, m->index.head.truth.nextuid);
        return uidlist_write(&m->uidlist, next_line, &w);
}

/* With all lines anew. What cannot be written is taken back: its UIDs are nobody's. */
static int assign_rewriting(struct scan *s)
{
        struct mailbox *m = s->m;
        uint32_t first = m->uidlist.nextuid, n = (uint32_t)s->unknown.n;
        add_unknown(s, first, 0);
        int r = write_list(m);
        if (r < 0 && n) {
                _cleanup_(free_p) uint32_t *uids = xcalloc(n, sizeof(*uids));
                for (uint32_t i = 0; i < n; i++)
                        uids[i] = first + i;
                index_expunge(&m->index, uids, n);
        }
        return r;
}

static int assign_appending(struct scan *s)
{
        _cleanup_(buf_free) struct buf lines = {0};
        struct uidlist *u = &s->m->uidlist;
        uint32_t first = u->nextuid;
        for (size_t i = 0; i < s->unknown.n; i++)
                uidlist_line_format(&lines, &(struct uidlist_line){.uid = first + (uint32_t)i,
                                                                   .base = s->unknown.file[i].base});
        int r = uidlist_append(u, buf_slice(&lines), (uint32_t)s->unknown.n);
        if (r == 0)
                add_unknown(s, first, 0);
        return r;
}

/* With the uidlist locked. */
static int assign(struct scan *s)
{
        struct mailbox *m = s->m;
        prepare_list(m);
        add_lines(s);
        sort_unknown(s);
        /* the list may have been lost, and what it said is known */
        m->uidlist.nextuid = MAX(MAX(m->uidlist.nextuid, m->index.head.truth.nextuid), 1u);
        if (m->uidlist.nextuid + s->unknown.n >= UIDLIST_UID_MAX)
                return error_text(m->store, -EOVERFLOW, "%s: no UIDs are left", m->place.dir);
        int r = 0;
        if (m->uidlist.rewrite || (s->unknown.n && wants_compression(m, s->unknown.n)))
                r = assign_rewriting(s);
        else if (s->unknown.n)
                r = assign_appending(s);
        return r < 0 ? opened_error(m, r, "write", UIDLIST_NAME) : 0;
}

static bool not_writable(int r)
{
        return r == -EACCES || r == -EPERM || r == -EROFS;
}

static bool is_full(int r)
{
        return r == -ENOSPC || r == -EDQUOT;
}

/* A folder that is not ours to write: the UIDs are this session's alone. */
static int assign_alone(struct scan *s)
{
        index_detach(&s->m->index);
        prepare_list(s->m);
        add_lines(s);
        sort_unknown(s);
        add_unknown(s, MAX(MAX(s->m->uidlist.nextuid, s->m->index.head.truth.nextuid), 1u), RECORD_UNLISTED);
        return 0;
}

/* UIDs that could not be written must not be shown: another session would give them to other messages. The
 * mail waits until there is room; what has UIDs can still be read and deleted. */
static int wait_for_room(struct scan *s, int r)
{
        struct mailbox *m = s->m;
        if (!is_full(r) || (m->uidlist.seen.version == 0 && m->index.head.counts.messages == 0))
                return r;
        add_lines(s);
        m->look_again = true;
        m->waiting = r;
        return 0;
}

static int assign_locked(struct scan *s)
{
        struct mailbox *m = s->m;
        int r = uidlist_lock(&m->uidlist);
        if (not_writable(r))
                return assign_alone(s);
        if (r < 0)
                return wait_for_room(s, opened_error(m, r, r == -ETIMEDOUT ? "lock" : "open", UIDLIST_NAME));
        /* what others gave UIDs to since the pass is to be found first */
        size_t lines = s->lines->n;
        s->lines->whole = false;
        bool rewrite = m->uidlist.rewrite;
        r = lines_read(s->lines);
        m->uidlist.rewrite |= rewrite;
        if (r == 0 && (s->lines->n > lines || (s->lines->whole && s->lines->n))) {
                /* all of it anew: what had no UID may have one now, and another place */
                s->new_only = false;
                s->unknown.n = 0;
                map_free(&s->unknown_by_base);
                r = scan_all(s);
        }
        if (r == 0)
                r = assign(s);
        uidlist_unlock(&m->uidlist);
        return wait_for_room(s, r);
}

/* Messages that the list, read whole, does not have any more. */
static bool list_lost_some(const struct scan *s)
{
        const struct index *ix = &s->m->index;
        const struct lines *l = s->lines;
        if (!l->has_line || !l->whole)
                return false;
        for (uint32_t row = 0; row < ix->n; row++)
                if (index_is_live(&ix->rows[row]) && !(ix->rows[row].state & RECORD_UNLISTED) &&
                    (row >= l->rows || !(l->has_line[row / 8] >> row % 8 & 1)))
                        return true;
        return false;
}

static int give_uids(struct scan *s)
{
        struct mailbox *m = s->m;
        if (list_lost_some(s))
                m->uidlist.rewrite = true;
        /* an end without a line feed is being written, or was cut off: with the lock it can be told */
        bool torn = m->uidlist.seen.read_to != m->uidlist.seen.size;
        if (s->unknown.n || m->uidlist.rewrite || torn)
                return assign_locked(s);
        add_lines(s);
        return 0;
}

/* The move out of new/ */

/* 0; -ENOENT: it is not there any more; another error: it stays where it is. */
static int take_one(struct mailbox *m, struct record *rec, struct touch *t)
{
        _cleanup_(buf_free) struct buf from = {0}, to = {0}, info = {0};
        index_info(&m->index, rec, &info);
        if (info.n == 0)
                buf_str(&info, ":2,");
        maildir_path(m, rec, &from);
        buf_str(&to, "cur/");
        buf_str(&to, index_base(&m->index, rec));
        buf_append(&to, buf_slice(&info));
        if (renameat(m->dir, buf_cstr(&from), m->dir, buf_cstr(&to)) < 0)
                return -errno;
        touch_did(t, 1, 1);
        index_set(&m->index, rec, buf_slice(&info), false);
        return 0;
}

/* From the end: what is in new/ is the newest, nearly always. *ret_again: somebody else moved something. */
static void take_new(struct mailbox *m, struct touch *t, bool *ret_again)
{
        struct index *ix = &m->index;
        uint32_t all = ix->head.counts.in_new;
        for (uint32_t row = ix->n; row > 0 && ix->head.counts.in_new > 0; row--) {
                struct record *rec = &ix->rows[row - 1];
                if (!(rec->state & RECORD_IN_NEW) || !index_is_live(rec))
                        continue;
                user_step(m->store, all - ix->head.counts.in_new, all);
                int r = take_one(m, rec, t);
                if (r == -ENOENT) {
                        *ret_again = true;
                } else if (r < 0) {
                        m->unmovable = true; /* full or not ours to write: served from where it is */
                        return;
                }
        }
}

/* Two files with one base: the one that no record shows gets a new base, and so a UID of its own next time.
 */
static void settle_twice(struct mailbox *m, const struct scan_file *f, bool *ret_again)
{
        const struct record *rec = index_find_base(&m->index, f->base);
        _cleanup_(buf_free) struct buf shown = {0}, path = {0}, fresh = {0};
        struct stat a, b;
        if (!rec)
                return;
        maildir_path(m, rec, &shown);
        buf_str(&path, f->in_new ? "new/" : "cur/");
        buf_append(&path, f->base);
        buf_append(&path, f->info);
        if (slice_eq(buf_slice(&shown), buf_slice(&path)))
                return;
        bool have_shown = fstatat(m->dir, buf_cstr(&shown), &a, AT_SYMLINK_NOFOLLOW) == 0;
        if (fstatat(m->dir, buf_cstr(&path), &b, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        if (!have_shown) {
                *ret_again = true;
        } else if (a.st_dev == b.st_dev && a.st_ino == b.st_ino) {
                if (b.st_nlink > 1 && b.st_ctim.tv_sec < time(NULL) - SETTLE_LINK_AGE_SECS)
                        unlinkat(m->dir, buf_cstr(&path), 0);
        } else {
                uint64_t size;
                buf_str(&fresh, "new/");
                filename_generate(&fresh, &m->store->last_name_us);
                if (filename_size(f->base, 'S', &size))
                        buf_printf(&fresh, ",S=%llu", (unsigned long long)size);
                if (filename_size(f->base, 'W', &size))
                        buf_printf(&fresh, ",W=%llu", (unsigned long long)size);
                if (renameat(m->dir, buf_cstr(&path), m->dir, buf_cstr(&fresh)) == 0)
                        m->look_again = true;
        }
}

int settle(struct scan *s)
{
        struct mailbox *m = s->m;
        _cleanup_(touch_free) struct touch touch = TOUCH_NONE;
        bool again = false;
        int r = give_uids(s);
        if (r < 0)
                return r;
        struct index_truth truth = m->index.head.truth;
        truth.cur = s->cur;
        truth.new = s->new;
        if (settle_is_due(m)) {
                touch_begin(&touch, m, &truth);
                take_new(m, &touch, &again);
                touch_end(&touch, &truth);
        }
        for (size_t i = 0; i < s->twice.n && !m->read_only; i++)
                settle_twice(m, &s->twice.file[i], &again);
        if (again)
                m->look_again = true;
        if (m->waiting) {
                /* the records do not have all that is there; what the list says of the folder holds */
                struct index_truth known = m->index.head.truth;
                known.uidvalidity = m->uidlist.uidvalidity;
                memcpy(known.guid, m->uidlist.guid, sizeof(m->uidlist.guid));
                index_set_truth(&m->index, &known);
                return 0;
        }
        maildir_store_list(m, &truth);
        index_set_truth(&m->index, &truth);
        return 0;
}
