#include "store/maildir.h"

#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/uidvalidity.h"

enum {
        SYNC_PASSES = 6,         /* over directories in which somebody renames all the time */
        SYNC_LINK_AGE_SECS = 30, /* two links to one file that are so old are no rename in progress */
};

/* Whether the folder's name still leads to the directory that we opened. */
static int check_identity(struct mailbox *m)
{
        struct stat st;
        if (stat(m->place.dir, &st) < 0) {
                int r = error_set(m->store, -errno, "stat", m->place.dir);
                return r == -ENOENT || r == -ENOTDIR ? -ESTALE : r;
        }
        if (st.st_dev != m->identity.st_dev || st.st_ino != m->identity.st_ino)
                return error_text(m->store, -ESTALE, "%s was replaced by another folder", m->place.dir);
        return 0;
}

static bool is_missing(const struct scan *s, const struct record *rec)
{
        return !rec->replaced && !rec->message.gone && !scan_saw(s, rec) &&
               (rec->viewed || (rec->listed && rec->message.uid >= s->m->view_next));
}

static bool any_missing(const struct scan *s)
{
        const struct uidlist *u = &s->m->uidlist;
        for (uint32_t i = 0; i < s->m->view_n; i++)
                if (is_missing(s, s->m->view[i]))
                        return true;
        for (size_t i = uidlist_index(u, s->m->view_next); i < u->n; i++)
                if (is_missing(s, u->records[i]))
                        return true;
        return false;
}

static int by_delivery(const void *a, const void *b)
{
        return filename_cmp(((const struct scan_file *)a)->base, ((const struct scan_file *)b)->base);
}

static void place_record(struct mailbox *m, struct record *rec, const struct scan_file *f)
{
        rec->info = maildir_info(m, f->info);
        rec->message.flags = maildir_flags(m, rec->info);
        rec->in_new = f->in_new;
        rec->pass = m->pass;
        rec->present = true;
}

/* Gives UIDs to the files that have none. */
static int assign(struct scan *s)
{
        struct mailbox *m = s->m;
        if (s->unknown_n)
                qsort(s->unknown, s->unknown_n, sizeof(*s->unknown), by_delivery);
        for (size_t i = 0; i < s->unknown_n; i++) {
                const struct scan_file *f = &s->unknown[i];
                struct record *rec = uidlist_find(&m->uidlist, f->base);
                if (!maildir_uid_holds(m, rec)) {
                        int r = uidlist_add(&m->uidlist, f->base, &rec);
                        if (r < 0)
                                return error_text(m->store, r, "%s: no UIDs are left", m->place.dir);
                        rec->ours = !m->read_only;
                }
                place_record(m, rec, f);
        }
        s->unknown_n = 0;
        map_free(&s->unknown_by_base);
        return 0;
}

/* Out of new/: who moves a message has it as \Recent. *ret_again: something was moved by somebody else. */
static int take_new(struct mailbox *m, bool *ret_again)
{
        _cleanup_(buf_free) struct buf from = {0}, to = {0};
        for (size_t i = uidlist_index(&m->uidlist, 0); i < m->uidlist.n; i++) {
                struct record *rec = m->uidlist.records[i];
                if (!rec->in_new || !rec->present || rec->replaced)
                        continue;
                from.n = to.n = 0;
                maildir_path(rec, &from);
                buf_append(&to, SLICE("cur/"));
                buf_append(&to, rec->base);
                buf_append(&to, rec->info->text.n ? rec->info->text : SLICE(":2,"));
                if (renameat(m->dir, buf_cstr(&from), m->dir, buf_cstr(&to)) == 0) {
                        rec->in_new = false;
                        rec->ours = true;
                        rec->info = maildir_info(m, slice_from(buf_slice(&to), 4 + rec->base.n));
                } else if (errno == ENOENT) {
                        *ret_again = true;
                } else {
                        /* full or not ours to write: the mail is served from where it is */
                        rec->ours = true;
                        return 0;
                }
        }
        return 0;
}

/* Two files with one base: the one that no record shows gets a new base, and so a UID of its own next time.
 */
static void settle_twice(struct mailbox *m, const struct scan_file *f, bool *ret_again)
{
        struct record *rec = uidlist_find(&m->uidlist, f->base);
        struct scan_file other = *f;
        _cleanup_(buf_free) struct buf shown = {0}, path = {0}, fresh = {0};
        struct record copy = {
                .base = other.base, .info = maildir_info(m, other.info), .in_new = other.in_new};
        struct stat a, b;
        if (!rec || !rec->info || (rec->info == copy.info && rec->in_new == copy.in_new))
                return;
        maildir_path(rec, &shown);
        maildir_path(&copy, &path);
        bool have_shown = fstatat(m->dir, buf_cstr(&shown), &a, AT_SYMLINK_NOFOLLOW) == 0;
        bool have_other = fstatat(m->dir, buf_cstr(&path), &b, AT_SYMLINK_NOFOLLOW) == 0;
        if (!have_other)
                return;
        if (!have_shown) {
                *ret_again = true;
        } else if (a.st_dev == b.st_dev && a.st_ino == b.st_ino) {
                if (b.st_nlink > 1 && b.st_ctim.tv_sec < time(NULL) - SYNC_LINK_AGE_SECS)
                        unlinkat(m->dir, buf_cstr(&path), 0);
        } else {
                uint64_t size;
                buf_append(&fresh, SLICE("new/"));
                filename_generate(&fresh, &m->store->last_name_us);
                if (filename_size(copy.base, 'S', &size))
                        buf_printf(&fresh, ",S=%llu", (unsigned long long)size);
                if (filename_size(copy.base, 'W', &size))
                        buf_printf(&fresh, ",W=%llu", (unsigned long long)size);
                if (renameat(m->dir, buf_cstr(&path), m->dir, buf_cstr(&fresh)) == 0)
                        m->look_again = true;
        }
}

static void mark_present(struct scan *s)
{
        struct uidlist *u = &s->m->uidlist;
        for (size_t i = 0; i < u->n; i++)
                u->records[i]->present = scan_saw(s, u->records[i]);
}

static void prepare_header(struct mailbox *m)
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

static bool is_full(int r)
{
        return r == -ENOSPC || r == -EDQUOT;
}

/* UIDs that could not be written must not be shown: another session would give them to other messages. The
 * mail waits until there is room; what has UIDs can still be read and deleted. */
static int take_back(struct mailbox *m, int r)
{
        if (!is_full(r) || m->uidlist.version == 0)
                return r;
        for (size_t i = 0; i < m->uidlist.n; i++) {
                struct record *rec = m->uidlist.records[i];
                if (!rec->listed && !rec->viewed && rec->present)
                        rec->replaced = true;
        }
        m->look_again = true;
        m->waiting = r;
        return 0;
}

/* With the uidlist locked, or in memory only when the folder cannot be written. */
static int settle(struct scan *s, bool locked)
{
        struct mailbox *m = s->m;
        bool again = false;
        int r = 0;
        prepare_header(m);
        mark_present(s);
        r = assign(s);
        if (r == 0 && !m->read_only && locked)
                r = take_new(m, &again);
        for (size_t i = 0; i < s->twice_n && locked && !m->read_only; i++)
                settle_twice(m, &s->twice[i], &again);
        if (r == 0 && again)
                r = scan_pass(s);
        if (r < 0)
                return r;
        mark_present(s);
        r = locked ? uidlist_write(&m->uidlist) : 0;
        return r < 0 ? take_back(m, maildir_error(m, r, "write", UIDLIST_NAME)) : 0;
}

static bool wants_lock(const struct scan *s)
{
        const struct mailbox *m = s->m;
        if (s->unknown_n || m->uidlist.rewrite || (s->twice_n && !m->read_only))
                return true;
        for (size_t i = 0; i < m->uidlist.n; i++) {
                const struct record *rec = m->uidlist.records[i];
                if (scan_saw(s, rec) && ((rec->in_new && !m->read_only) || !rec->listed))
                        return true;
        }
        return false;
}

static bool not_writable(int r)
{
        return r == -EACCES || r == -EPERM || r == -EROFS;
}

static int settle_locked(struct scan *s)
{
        struct mailbox *m = s->m;
        size_t before = m->uidlist.n;
        int r = uidlist_lock(&m->uidlist);
        if (not_writable(r))
                return settle(s, false);
        if (r < 0)
                return take_back(m, maildir_error(m, r, r == -ETIMEDOUT ? "lock" : "open", UIDLIST_NAME));
        /* what others gave UIDs to since the pass is to be found first */
        if (m->uidlist.n > before)
                r = scan_pass(s);
        if (r == 0)
                r = settle(s, true);
        uidlist_unlock(&m->uidlist);
        return r;
}

static int run(struct scan *s)
{
        struct mailbox *m = s->m;
        m->waiting = 0;
        int r = uidlist_refresh(&m->uidlist);
        if (r < 0)
                return maildir_error(m, r, "open", UIDLIST_NAME);
        r = keywords_refresh(&m->keywords, m->control);
        if (r < 0)
                return maildir_error(m, r, "open", "dovecot-keywords");
        r = scan_pass(s);
        /* a rename during the pass must not look like an expunge: missing is what two passes missed, or more
         * as long as the renaming goes on */
        for (int i = 1; r == 0 && (i == 1 ? !s->stable : s->moving) && i < SYNC_PASSES && any_missing(s); i++)
                r = scan_pass(s);
        if (r == 0 && wants_lock(s))
                r = settle_locked(s);
        return r;
}

int maildir_sync(struct mailbox *m, bool force)
{
        bool due = force;
        int r = check_identity(m);
        if (r == 0 && !force)
                r = scan_is_due(m, &due);
        if (r < 0 || !due)
                return r;
        _cleanup_(scan_free) struct scan s = {.m = m};
        m->look_again = false;
        unsigned keywords = m->keywords.version;
        r = run(&s);
        if (r < 0) {
                m->look_again = true;
                return r;
        }
        mark_present(&s);
        for (uint32_t i = 0; i < m->view_n; i++) {
                struct record *rec = m->view[i];
                rec->message.gone = !rec->present;
                if (keywords == m->keywords.version)
                        continue;
                struct flags flags = maildir_flags(m, rec->info);
                rec->changed |= flags.keywords != rec->message.flags.keywords;
                rec->message.flags.keywords = flags.keywords;
        }
        return 0;
}
