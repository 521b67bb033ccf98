#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/saved.h"

enum { LOCK_TRIES = 5 /* lines and lists that others write meanwhile */ };

static void count_begin(void *context, bool whole)
{
        *(size_t *)context += whole;
}

static void count_line(void *context, const struct uidlist_line *line)
{
        ++*(size_t *)context;
}

/* Whether the folder's index takes part; a session that cannot write it appends to the list alone. */
static bool has_index(const struct save *s)
{
        return !s->to->index.detached;
}

static void unlock(struct save *s)
{
        uidlist_unlock(&s->to->uidlist);
        opened_commit(s->to);
}

/* Makes the list, or takes in what others wrote to it, so that messages that are there already have their
 * UIDs first. */
static int catch_up(struct save *s)
{
        if (has_index(s)) {
                int r = opened_sync(s->to, false);
                return r == -ESTALE ? -ENOENT : r; /* the folder was deleted meanwhile */
        }
        _cleanup_(mailbox_close) struct mailbox *m = NULL;
        return mailbox_open(s->to->store, s->to->place.name, true, &m);
}

static int try_lock(struct save *s, bool *ret_news)
{
        struct mailbox *m = s->to;
        size_t news = 0;
        const struct uidlist_reader reader = {count_begin, count_line, &news};
        int r = has_index(s) ? opened_begin(m) : 0;
        if (r < 0)
                return r;
        if (has_index(s))
                maildir_load_list(m);
        else
                uidlist_init(&m->uidlist, m->control, &m->perm, save_fsyncs(s));
        m->uidlist.waiter = user_waiter(m->store);
        r = uidlist_lock(&m->uidlist);
        if (r < 0)
                return save_error(s, r, r == -ETIMEDOUT ? "lock" : "open", UIDLIST_NAME);
        r = uidlist_refresh(&m->uidlist, &reader);
        if (r < 0)
                return save_error(s, r, "open", UIDLIST_NAME);
        *ret_news = m->uidlist.rewrite || (has_index(s) && (news > 0 || m->index.intent.n > 0));
        return 0;
}

static int lock_all(struct save *s)
{
        for (int i = 0; i < LOCK_TRIES; i++) {
                bool news = false;
                int r = has_index(s) && !s->to->index.ready ? catch_up(s) : 0;
                if (r == 0)
                        r = try_lock(s, &news);
                if (r == 0 && !news)
                        return 0;
                unlock(s);
                if (r == 0)
                        r = catch_up(s);
                if (r < 0)
                        return r;
        }
        return save_error(s, -EIO, "write", UIDLIST_NAME);
}

/* Letters for all keywords; those that the folder has no room for are left out one by one. */
static int assign_keywords(struct save *s)
{
        uint64_t bits = 0, out = 0;
        for (size_t i = 0; i < s->n; i++)
                bits |= s->items[i].keywords;
        for (; bits; bits &= bits - 1) {
                uint64_t bit = bits & -bits;
                int r = keywords_assign(&s->to->keywords, s->to->control, &s->to->perm, bit);
                if (r == -ENOBUFS)
                        out |= bit;
                else if (r < 0)
                        return save_error(s, r, "write", "dovecot-keywords");
        }
        for (size_t i = 0; i < s->n; i++)
                s->items[i].keywords &= ~out;
        return 0;
}

static int fsync_sub(struct save *s, const char *sub)
{
        _cleanup_(fd_close_p) int fd =
                openat(s->to->dir, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 || fsync(fd) < 0 ? save_error(s, -errno, "fsync", sub) : 0;
}

static int fsync_dirs(struct save *s)
{
        bool in_new = false, in_cur = false;
        for (size_t i = 0; i < s->n; i++) {
                bool is_new = slice_starts(slice_of(s->items[i].path), SLICE("new/"));
                in_new |= is_new;
                in_cur |= !is_new;
        }
        int r = 0;
        if (save_fsyncs(s) && in_new)
                r = fsync_sub(s, "new");
        if (save_fsyncs(s) && in_cur && r == 0)
                r = fsync_sub(s, "cur");
        return r;
}

/* Fields of its line in the list. */
static struct slice fields_of(const struct saved *item, struct buf *to)
{
        to->n = 0;
        if (item->guid)
                buf_printf(to, "G%s", item->guid);
        return buf_slice(to);
}

/* The new messages' records; who looks next has them as \Recent, in new/ or in cur/. */
static void enter(struct save *s, uint32_t uid, const struct index_truth *truth)
{
        _cleanup_(buf_free) struct buf fields = {0};
        for (size_t i = 0; i < s->n; i++) {
                const struct saved *item = &s->items[i];
                struct slice name = slice_from(slice_of(item->path), strlen("cur/"));
                struct index_file f = {.base = slice_of(item->base),
                                       .info = slice_from(name, strlen(item->base)),
                                       .fields = fields_of(item, &fields),
                                       .in_new = slice_starts(slice_of(item->path), SLICE("new/")),
                                       .size = item->size,
                                       .date = item->date};
                index_add(&s->to->index, uid++, &f, RECORD_RECENT);
        }
        index_intend(&s->to->index, SLICE_NULL, false);
        index_set_truth(&s->to->index, truth);
}

static void format_lines(const struct save *s, uint32_t first, struct buf *to)
{
        _cleanup_(buf_free) struct buf fields = {0};
        for (size_t i = 0; i < s->n; i++)
                uidlist_line_format(to, &(struct uidlist_line){.uid = first + (uint32_t)i,
                                                               .fields = fields_of(&s->items[i], &fields),
                                                               .base = slice_of(s->items[i].base)});
}

/* Under the locks. The files come first: who sees a UID finds its file. */
static int commit_locked(struct save *s, struct touch *left, uint32_t *ret_first)
{
        struct mailbox *m = s->to;
        struct uidlist *u = &m->uidlist;
        _cleanup_(touch_free) struct touch touch = TOUCH_NONE;
        _cleanup_(buf_free) struct buf lines = {0};
        uint32_t first = u->nextuid;
        if ((uint64_t)first + s->n >= UIDLIST_UID_MAX)
                return error_text(m->store, -EOVERFLOW, "%s: no UIDs are left", m->place.dir);
        int r = keywords_refresh(&m->keywords, m->control);
        if (r < 0)
                return save_error(s, r, "open", "dovecot-keywords");
        r = assign_keywords(s);
        if (r < 0)
                return r;
        struct index_truth truth = m->index.head.truth;
        if (has_index(s)) {
                place_intend(s);
                touch_begin(&touch, m, &truth);
        }
        r = place_all(s, &touch, left);
        if (r == 0 && s->n == 0)
                r = save_error(s, -ENODATA, "rename", "cur");
        if (r == 0)
                r = fsync_dirs(s);
        if (r < 0)
                return r;
        format_lines(s, first, &lines);
        r = uidlist_append(u, buf_slice(&lines), (uint32_t)s->n);
        if (r < 0)
                return save_error(s, r, "write", UIDLIST_NAME);
        if (has_index(s)) {
                touch_end(&touch, &truth);
                maildir_store_list(m, &truth);
                enter(s, first, &truth);
        }
        *ret_first = first;
        return 0;
}

/* What was moved away, for the folder it left. Whoever changed that one meanwhile makes it look again. */
static void tell_left(struct save *s, struct touch *left, const struct index_truth *before)
{
        struct mailbox *from = s->from;
        _cleanup_(buf_free) struct buf uids = {0};
        if (opened_begin(from) < 0)
                return;
        struct index_truth truth = from->index.head.truth;
        if (memcmp(&truth.cur, &before->cur, sizeof(truth.cur)) == 0 &&
            memcmp(&truth.new, &before->new, sizeof(truth.new)) == 0)
                touch_end(left, &truth);
        for (size_t i = 0; i < s->n; i++)
                if (s->items[i].where == SAVED_MOVE)
                        buf_append(&uids,
                                   slice_make(&opened_record(from, s->items[i].seq)->uid, sizeof(uint32_t)));
        index_expunge(&from->index, (const uint32_t *)(const void *)uids.p, uids.n / sizeof(uint32_t));
        index_set_truth(&from->index, &truth);
        opened_commit(from);
}

int maildir_save_commit(struct save *s, struct save_result *ret, uint32_t *ret_first)
{
        _cleanup_(touch_free) struct touch left = TOUCH_NONE;
        struct index_truth before = {0};
        bool moves = false;
        for (size_t i = 0; i < s->n; i++)
                moves |= s->items[i].where == SAVED_MOVE;
        if (moves) {
                before = s->from->index.head.truth;
                touch_begin(&left, s->from, &before);
        }
        int r = lock_all(s);
        if (r == 0)
                r = commit_locked(s, &left, ret_first);
        if (r < 0) {
                /* before somebody gives UIDs to the files */
                if (r == -EAGAIN || r == -EXDEV)
                        place_back(s);
                else
                        maildir_save_undo(s);
                if (has_index(s) && s->to->index.locked)
                        index_intend(&s->to->index, SLICE_NULL, false);
        }
        ret->uidvalidity = s->to->uidlist.uidvalidity;
        unlock(s);
        if (r == 0 && moves)
                tell_left(s, &left, &before);
        return r;
}
