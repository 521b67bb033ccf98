#include "store/subscriptions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/courier.h"
#include "store/error.h"
#include "store/name.h"
#include "store/root_file.h"

#define SUBSCRIPTIONS_V2 "V\t2\n\n"

static bool is_v2(struct slice text)
{
        return slice_starts(text, SLICE(SUBSCRIPTIONS_V2));
}

/* A line of the second form as "a.b" or "a/b". */
static struct slice from_v2(struct arena *a, struct slice line, char level)
{
        char *p = arena_alloc(a, line.n + 1);
        size_t n = 0;
        for (size_t i = 0; i < line.n; i++) {
                char c = line.p[i];
                if (c == '\t') {
                        c = level;
                } else if (c == '\001' && i + 1 < line.n) {
                        c = line.p[++i];
                        c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == '0' ? '\0' : '\001';
                }
                p[n++] = c;
        }
        return slice_make(p, n);
}

void subscriptions_parse(struct slice text, char level, struct arena *a, struct slice **ret, size_t *ret_n)
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
                        names[n++] = v2 ? from_v2(a, line, level) : line;
        *ret = names;
        *ret_n = n;
}

/* mUTF-7 has no bytes that must be escaped. */
static void put_name(struct buf *to, struct slice disk, char level, bool v2)
{
        size_t at = to->n;
        buf_append(to, disk);
        for (size_t i = at; v2 && i < to->n; i++)
                if (to->p[i] == level)
                        to->p[i] = '\t';
        buf_char(to, '\n');
}

bool subscriptions_edit(struct slice text, struct slice disk, char level, bool on, struct buf *to)
{
        bool v2 = text.n == 0 || is_v2(text), there = false, changed = false;
        _cleanup_(buf_free) struct buf wanted = {0};
        struct slice line;
        put_name(&wanted, disk, level, v2);
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
        if (ns->location.format != LOCATION_MAILDIR)
                return 0;
        int r = folder_open_root(s, ns, &dir);
        if (r == 0)
                r = courier_subscriptions(dir, &a, &names, &n);
        if (r < 0)
                return r == -ENOENT || r == -EINVAL
                               ? 0
                               : error_set_at(s, r, "open", ns->location.root, "courierimapsubscribed");
        buf_append(to, SLICE(SUBSCRIPTIONS_V2));
        for (size_t i = 0; i < n; i++)
                put_name(to, names[i], '.', true);
        return to->error;
}

int subscriptions_read(struct store *s, const struct user_namespace *ns, struct arena *a, const char ***ret,
                       size_t *ret_n)
{
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(SUBSCRIPTIONS_MAX_BYTES);
        struct slice *disk = NULL;
        size_t n = 0, kept = 0;
        int r = ns->set->subscriptions ? root_file_read(s, ns, ns->location.subscriptions, &text) : 0;
        if (r == -ENOENT)
                r = courier_text(s, ns, &text);
        if (r < 0)
                return r;
        subscriptions_parse(buf_slice(&text), ns->form.level, a, &disk, &n);
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

struct edit {
        struct slice disk;
        bool on;
};

static int edit_text(struct store *s, const struct user_namespace *ns, struct slice text, const void *arg,
                     struct buf *to)
{
        _cleanup_(buf_free) struct buf courier = BUF_BOUNDED(SUBSCRIPTIONS_MAX_BYTES);
        const struct edit *e = arg;
        int r = text.p ? 0 : courier_text(s, ns, &courier);
        return r < 0 ? r
                     : subscriptions_edit(text.p ? text : buf_slice(&courier), e->disk, ns->form.level, e->on,
                                          to);
}

/* The name as the keeper's file has it: below the keeper's prefix, in the form in which folders are made. */
static int disk_name(struct arena *a, const struct folder_place *f, const struct user_namespace *to,
                     struct slice *ret)
{
        _cleanup_(buf_free) struct buf disk = BUF_BOUNDED(4 * NAME_MAX_PATH);
        const char *below = arena_printf(a, "%s%s", f->ns->prefix + strlen(to->prefix), f->below);
        int r = f->inbox ? buf_str(&disk, "INBOX") : name_to_disk(&f->ns->form, slice_of(below), &disk);
        if (r == 0)
                *ret = arena_slice(a, buf_slice(&disk));
        return r;
}

int store_subscribe(struct store *s, const char *name, bool on)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct folder_place f;
        struct edit e = {.on = on};
        int r = folder_resolve(s, &a, name, &f);
        if (r < 0)
                return r;
        const struct user_namespace *ns = keeper(s, f.ns);
        if (!ns)
                return error_text(s, -EACCES, "no namespace keeps subscriptions for \"%s\"", name);
        r = disk_name(&a, &f, ns, &e.disk);
        if (r < 0)
                return error_text(s, r, "mailbox name \"%s\" cannot be used", name);
        return root_file_change(s, ns, ns->location.subscriptions, SUBSCRIPTIONS_MAX_BYTES, edit_text, &e);
}
