#include "store/subscriptions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/lock.h"
#include "store/courier.h"
#include "store/error.h"

#define SUBSCRIPTIONS_NAME "subscriptions"
#define SUBSCRIPTIONS_V2   "V\t2\n\n"

static bool is_v2(struct slice text)
{
        return slice_starts(text, SLICE(SUBSCRIPTIONS_V2));
}

/* A line of the second form as "a.b". */
static struct slice from_v2(struct arena *a, struct slice line)
{
        char *p = arena_alloc(a, line.n + 1);
        size_t n = 0;
        for (size_t i = 0; i < line.n; i++) {
                char c = line.p[i];
                if (c == '\t') {
                        c = '.';
                } else if (c == '\001' && i + 1 < line.n) {
                        c = line.p[++i];
                        c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == '0' ? '\0' : '\001';
                }
                p[n++] = c;
        }
        return slice_make(p, n);
}

void subscriptions_parse(struct slice text, struct arena *a, struct slice **ret, size_t *ret_n)
{
        bool v2 = is_v2(text);
        size_t lines = 0, n = 0;
        struct slice line;
        if (v2)
                text = slice_from(text, sizeof(SUBSCRIPTIONS_V2) - 1);
        for (struct slice rest = text; slice_split(&rest, '\n', &line);)
                lines++;
        struct slice *names = arena_array(a, struct slice, lines);
        while (slice_split(&text, '\n', &line))
                if (line.n)
                        names[n++] = v2 ? from_v2(a, line) : line;
        *ret = names;
        *ret_n = n;
}

/* mUTF-7 has no bytes that must be escaped. */
static void put_name(struct buf *to, struct slice disk, bool v2)
{
        size_t at = to->n;
        buf_append(to, disk);
        for (size_t i = at; v2 && i < to->n; i++)
                if (to->p[i] == '.')
                        to->p[i] = '\t';
        buf_char(to, '\n');
}

bool subscriptions_edit(struct slice text, struct slice disk, bool on, struct buf *to)
{
        bool v2 = text.n == 0 || is_v2(text), there = false, changed = false;
        _cleanup_(buf_free) struct buf wanted = {0};
        struct slice line;
        put_name(&wanted, disk, v2);
        if (v2)
                buf_append(to, SLICE(SUBSCRIPTIONS_V2));
        if (v2 && text.n)
                text = slice_from(text, sizeof(SUBSCRIPTIONS_V2) - 1);
        while (slice_split(&text, '\n', &line)) {
                bool is_it = slice_eq(line, slice_head(buf_slice(&wanted), wanted.n - 1));
                there |= is_it;
                if (is_it && !on) {
                        changed = true;
                        continue;
                }
                buf_append(to, line);
                buf_char(to, '\n');
        }
        if (on && !there) {
                buf_append(to, buf_slice(&wanted));
                changed = true;
        }
        return changed;
}

/* Where the subscriptions of a namespace are kept: its own, or those of the namespace around it. */
static const struct user_namespace *keeper(const struct store *s, const struct user_namespace *ns)
{
        if (ns->set->subscriptions)
                return ns;
        const struct user_namespace *best = NULL;
        for (size_t i = 0; i < s->namespaces_n; i++) {
                const struct user_namespace *other = &s->namespaces[i];
                if (other->set->subscriptions &&
                    slice_starts(slice_of(ns->prefix), slice_of(other->prefix)) &&
                    (!best || strlen(other->prefix) > strlen(best->prefix)))
                        best = other;
        }
        return best;
}

/* What Courier left, in our form: as long as there is no file of our own. */
static int courier_text(struct store *s, const struct user_namespace *ns, struct buf *to)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(fd_close_p) int dir = -1;
        struct slice *names;
        size_t n;
        int r = folder_open_root(s, ns, &dir);
        if (r == 0)
                r = courier_subscriptions(dir, &a, &names, &n);
        if (r < 0)
                return r == -ENOENT || r == -EINVAL
                               ? 0
                               : error_set_at(s, r, "open", ns->location.root, "courierimapsubscribed");
        buf_append(to, SLICE(SUBSCRIPTIONS_V2));
        for (size_t i = 0; i < n; i++)
                put_name(to, names[i], true);
        return to->error;
}

static int read_text(struct store *s, const struct user_namespace *ns, int dirfd, struct buf *to)
{
        int r = file_read_at(dirfd, SUBSCRIPTIONS_NAME, to);
        if (r == 0 || r == -ENOENT)
                return r == 0 ? 0 : courier_text(s, ns, to);
        const char *dir = ns->location.control ? ns->location.control : ns->location.root;
        return error_set_at(s, r, "open", dir, SUBSCRIPTIONS_NAME);
}

int subscriptions_read(struct store *s, const struct user_namespace *ns, struct arena *a, const char ***ret,
                       size_t *ret_n)
{
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(SUBSCRIPTIONS_MAX_BYTES);
        _cleanup_(fd_close_p) int dir = -1;
        struct slice *disk = NULL;
        size_t n = 0, kept = 0;
        int r = ns->set->subscriptions ? folder_open_control_root(s, ns, &dir) : -ENOENT;
        if (r == 0)
                r = read_text(s, ns, dir, &text);
        if (r < 0 && r != -ENOENT)
                return r;
        subscriptions_parse(buf_slice(&text), a, &disk, &n);
        const char **names = arena_array(a, const char *, n + 1);
        for (size_t i = 0; i < n; i++)
                if (slice_ieq(disk[i], SLICE("INBOX")))
                        names[kept++] = "INBOX";
                else if (folder_name_of(ns, a, disk[i], &names[kept]) == 0)
                        kept++;
        *ret = names;
        *ret_n = kept;
        return 0;
}

static int edit_file(struct store *s, const struct user_namespace *ns, int dirfd, struct slice disk, bool on)
{
        const char *dir = ns->location.control ? ns->location.control : ns->location.root;
        _cleanup_(dotlock_release) struct dotlock lock = DOTLOCK_NONE;
        _cleanup_(buf_free) struct buf old = BUF_BOUNDED(SUBSCRIPTIONS_MAX_BYTES);
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(SUBSCRIPTIONS_MAX_BYTES);
        struct perm perm;
        int r = perm_of(dirfd, &perm);
        if (r == 0)
                r = dotlock_acquire(dirfd, SUBSCRIPTIONS_NAME, (int)perm.file,
                                    deadline_in_ms(USER_LOCK_WAIT_MS), USER_LOCK_STALE_MS, &lock);
        if (r < 0)
                return error_set_at(s, r, r == -ETIMEDOUT ? "lock" : "open", dir, SUBSCRIPTIONS_NAME ".lock");
        r = read_text(s, ns, dirfd, &old);
        if (r < 0 || !subscriptions_edit(buf_slice(&old), disk, on, &text))
                return r;
        r = text.error ? -ENOSPC
                       : perm_replace(dirfd, SUBSCRIPTIONS_NAME, buf_slice(&text), &perm,
                                      s->settings->mail_fsync != SETTINGS_FSYNC_NEVER);
        return r < 0 ? error_set_at(s, r, "write", dir, SUBSCRIPTIONS_NAME) : 0;
}

/* The name as the keeper's file has it: below the keeper's prefix. */
static struct slice disk_name(struct arena *a, const struct folder_place *f, const struct user_namespace *to)
{
        if (f->inbox)
                return SLICE("INBOX");
        if (to == f->ns)
                return slice_of(f->disk);
        char *whole = arena_printf(a, "%s%s", f->ns->prefix + strlen(to->prefix), f->disk);
        size_t prefix_n = strlen(whole) - strlen(f->disk);
        for (size_t i = 0; i < prefix_n; i++)
                if (whole[i] == f->ns->separator)
                        whole[i] = '.';
        return slice_of(whole);
}

int store_subscribe(struct store *s, const char *name, bool on)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(fd_close_p) int dir = -1;
        struct folder_place f;
        int r = folder_resolve(s, &a, name, &f);
        if (r < 0)
                return r;
        const struct user_namespace *ns = keeper(s, f.ns);
        if (!ns)
                return error_text(s, -EACCES, "no namespace keeps subscriptions for \"%s\"", name);
        r = folder_open_control_root(s, ns, &dir);
        return r < 0 ? r : edit_file(s, ns, dir, disk_name(&a, &f, ns), on);
}
