#include "store/quota.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/maildirsize.h"

enum { QUOTA_COUNTS_MAX = 2 /* when mail comes while it is counted */ };

static bool has_plugin(const struct settings *set, const char *name)
{
        for (size_t i = 0; i < set->mail_plugins.count; i++)
                if (strcmp(set->mail_plugins.items[i], name) == 0)
                        return true;
        return false;
}

static bool is_covered(const struct store *s, const struct user_namespace *ns)
{
        if (s->quota.ns)
                return strcmp(ns->prefix, s->quota.ns) == 0;
        return ns->set->type == SETTINGS_NAMESPACE_PRIVATE;
}

int quota_open(struct store *s, struct arena *arena, const char **ret_error)
{
        const struct settings *set = s->settings;
        if (!has_plugin(set, "quota") || !set->quota[0])
                return 0;
        const char *why = quota_root_parse(&s->arena, set->quota, &s->quota), *rule = set->quota;
        for (size_t i = 0; !why && i < SETTINGS_QUOTA_RULES; i++) {
                rule = s->user.quota_rule[i] ? s->user.quota_rule[i] : set->quota_rule[i];
                if (rule[0])
                        why = quota_rule_add(&s->arena, &s->quota, rule);
        }
        for (size_t i = 0; !why && s->quota.backend == QUOTA_MAILDIR && i < s->namespaces_n; i++)
                if (is_covered(s, &s->namespaces[i]) &&
                    s->namespaces[i].location.format != LOCATION_MAILDIR) {
                        *ret_error = arena_printf(arena,
                                                  "quota \"%s\": the maildir driver is for Maildirs; "
                                                  "mbox needs count",
                                                  set->quota);
                        return -EINVAL;
                }
        if (!why)
                return 0;
        *ret_error = arena_printf(arena, "quota_rule \"%s\": %s", rule, why);
        return -EINVAL;
}

bool quota_counts(const struct store *s, const struct folder_place *f)
{
        struct quota_limits unused;
        return s->quota.backend != QUOTA_NONE && is_covered(s, f->ns) &&
               quota_limits_for(&s->quota, &s->quota.limits, f->name, &unused);
}

/* maildirsize, as it is read for one operation. */
struct look {
        struct store *s;
        int dir, fd; /* fd: where lines are appended; -1: there is no file that is of use */
        const char *path;
        struct maildirsize now;
        bool counted; /* now is what was counted just now */
};

static void look_end(struct look *l)
{
        fd_close_p(&l->dir);
        fd_close_p(&l->fd);
}

static int open_lines(struct look *l)
{
        l->fd = openat(l->dir, MAILDIRSIZE_NAME, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
        return l->fd < 0 ? -errno : 0;
}

/* The next one who needs it counts; but limits that only the file has must stay: then a line that says
 * nothing asks for it. */
static void forget_file(struct look *l)
{
        int r = 0;
        if (l->s->quota.fixed)
                r = unlinkat(l->dir, MAILDIRSIZE_NAME, 0) < 0 ? -errno : 0;
        else if (l->fd < 0)
                r = open_lines(l);
        if (r == 0 && !l->s->quota.fixed && write(l->fd, "\n", 1) != 1)
                r = -EIO;
        l->s->quota_missed = r < 0 && r != -ENOENT;
}

static int open_dir(struct look *l)
{
        for (size_t i = 0; i < l->s->namespaces_n; i++) {
                const struct user_namespace *ns = &l->s->namespaces[i];
                if (!is_covered(l->s, ns))
                        continue;
                l->path = ns->location.control ? ns->location.control : ns->location.root;
                int r = folder_open_control_root(l->s, ns, &l->dir);
                if (r == 0 && l->s->quota_missed) {
                        forget_file(l);
                        fd_close_p(&l->fd);
                }
                return r;
        }
        return error_text(l->s, -ENOENT, "no namespace belongs to the quota root \"%s\"", l->s->quota.name);
}

static bool exceeds(const struct maildirsize *m, const struct quota_limits *limits)
{
        return (limits->bytes && m->bytes > limits->bytes) ||
               (limits->messages && m->messages > limits->messages);
}

static int read_text(struct look *l, struct buf *text, struct stat *st)
{
        l->fd = openat(l->dir, MAILDIRSIZE_NAME,
                       O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (l->fd < 0)
                return errno == ENOENT ? -ENOENT
                                       : error_set_at(l->s, -errno, "open", l->path, MAILDIRSIZE_NAME);
        char *p = buf_reserve(text, MAILDIRSIZE_MAX + 1);
        ssize_t n = fstat(l->fd, st) < 0 ? -errno : fd_read_all(l->fd, p, MAILDIRSIZE_MAX + 1);
        if (n < 0)
                return error_set_at(l->s, (int)n, "read", l->path, MAILDIRSIZE_NAME);
        text->n = (size_t)n;
        return 0;
}

/* 0; -ENODATA: what is there has to be counted, for the limits in now. */
static int read_file(struct look *l)
{
        const struct quota_root *root = &l->s->quota;
        _cleanup_(buf_free) struct buf text = {0};
        struct maildirsize m = {0};
        struct stat st = {0};
        int r = read_text(l, &text, &st);
        if (r < 0 && r != -ENOENT)
                return r;
        bool there = r == 0;
        if (there)
                r = maildirsize_parse(buf_slice(&text), &m);
        const struct quota_limits *limits = root->fixed || !there ? &root->limits : &m.limits;
        bool other = m.limits.bytes != limits->bytes || m.limits.messages != limits->messages;
        bool old = m.lines > 1 || st.st_mtim.tv_sec < time(NULL) - MAILDIRSIZE_STALE_SECS;
        l->now = m;
        l->now.limits = *limits;
        if (r == 0 && !other && !(exceeds(&m, limits) && old))
                return 0;
        fd_close_p(&l->fd);
        return -ENODATA;
}

/* Written as a new file, in tmp/ as Maildir++ has it, which is cleaned of what a killed session left; others
 * may be reading the old one. A directory of CONTROL= has no tmp/. */
static int write_file(struct look *l)
{
        _cleanup_(buf_free) struct buf text = {0}, tmp = {0};
        struct perm perm;
        maildirsize_put(&text, &l->now);
        buf_str(&tmp, "tmp/");
        filename_generate(&tmp, &l->s->last_name_us);
        int r = perm_of(l->dir, &perm);
        if (r == 0)
                r = file_replace_by(l->dir, buf_cstr(&tmp), MAILDIRSIZE_NAME, buf_slice(&text), perm.file,
                                    false);
        if (r == -ENOENT)
                r = file_replace_at(l->dir, MAILDIRSIZE_NAME, buf_slice(&text), perm.file, false);
        return r < 0 ? error_set_at(l->s, r, "write", l->path, MAILDIRSIZE_NAME) : 0;
}

/* `always`: the limits are new, and have to be written even when mail comes all the time. */
static int count(struct look *l, bool always)
{
        struct quota_sum sum = {0};
        int r = -EAGAIN;
        for (int i = 0; r == -EAGAIN && i < QUOTA_COUNTS_MAX; i++)
                r = quota_sum_files(l->s, &sum);
        if (r < 0 && r != -EAGAIN)
                return r;
        l->now.bytes = sum.bytes;
        l->now.messages = sum.messages;
        l->counted = true;
        if (r == 0 || always)
                return write_file(l);
        forget_file(l);
        return 0;
}

/* Without limits from anywhere nothing is counted, unless a rule says so. */
static bool is_unlimited(const struct look *l)
{
        return !l->s->quota.fixed && !l->now.limits.bytes && !l->now.limits.messages;
}

/* The directory is open. */
static int look_in(struct look *l)
{
        int r = read_file(l);
        if (r == -ENODATA)
                r = is_unlimited(l) ? 0 : count(l, false);
        return l->counted ? 0 : r; /* that it could not be written does not make it wrong */
}

static int look(struct look *l)
{
        int r = open_dir(l);
        return r < 0 ? r : look_in(l);
}

static int look_anywhere(struct look *l)
{
        if (l->s->quota.backend == QUOTA_MAILDIR)
                return look(l);
        struct quota_sum sum;
        int r = quota_sum_indexes(l->s, &sum);
        if (r == 0)
                l->now = (struct maildirsize){
                        .limits = l->s->quota.limits, .bytes = sum.bytes, .messages = sum.messages};
        return r;
}

static int refuse(struct store *s, int r, const char *words)
{
        error_text(s, r, "%s", words);
        s->refusal = words;
        return r;
}

static bool fits(uint64_t used, uint64_t more, uint64_t limit)
{
        return limit == 0 || more == 0 || (used < limit && more <= limit - used);
}

static void find(struct store *s, struct quota_found *found)
{
        _cleanup_(look_end) struct look l = {.s = s, .dir = -1, .fd = -1};
        if (found->looked)
                return;
        found->looked = true;
        found->known = look_anywhere(&l) == 0;
        found->used = (struct quota_sum){l.now.bytes, l.now.messages};
        found->limits = l.now.limits;
}

int quota_check(struct store *s, const struct folder_place *f, struct quota_found *found,
                const struct quota_sum *more, uint64_t largest)
{
        struct quota_limits limits;
        const struct settings *set = s->settings;
        if (s->quota.backend == QUOTA_NONE)
                return 0;
        if (set->quota_max_mail_size && largest > set->quota_max_mail_size)
                return refuse(s, -EMSGSIZE,
                              arena_printf(&s->arena, "Message is too large (at most %llu bytes)",
                                           (unsigned long long)set->quota_max_mail_size));
        bool unlimited = s->quota.fixed && !s->quota.limits.bytes && !s->quota.limits.messages;
        if (s->quota.no_enforcing || unlimited || !quota_counts(s, f))
                return 0;
        find(s, found);
        /* who cannot be told what is there is let through: mail counts for more */
        if (!found->known || !quota_limits_for(&s->quota, &found->limits, f->name, &limits))
                return 0;
        if (fits(found->used.bytes, more->bytes, limits.bytes) &&
            fits(found->used.messages, more->messages, limits.messages))
                return 0;
        return refuse(s, -EDQUOT, set->quota_exceeded_message);
}

void quota_change(struct store *s, int64_t bytes, int64_t messages)
{
        _cleanup_(look_end) struct look l = {.s = s, .dir = -1, .fd = -1};
        _cleanup_(buf_free) struct buf line = {0};
        if (s->quota.backend != QUOTA_MAILDIR || (bytes == 0 && messages == 0))
                return;
        if (open_dir(&l) < 0) {
                s->quota_missed = true;
                return;
        }
        if (look_in(&l) < 0) {
                forget_file(&l);
                return;
        }
        maildirsize_put_line(&line, bytes, messages);
        /* what was counted just now has what is gone left out already, and what comes is not in its place yet
         */
        if (l.counted && messages <= 0)
                return;
        if ((l.fd < 0 && open_lines(&l) < 0) || write(l.fd, line.p, line.n) != (ssize_t)line.n)
                forget_file(&l);
}

void quota_forget(struct store *s)
{
        _cleanup_(look_end) struct look l = {.s = s, .dir = -1, .fd = -1};
        if (s->quota.backend != QUOTA_MAILDIR)
                return;
        if (open_dir(&l) == 0)
                forget_file(&l);
        else
                s->quota_missed = true;
}

void quota_recount(struct store *s)
{
        _cleanup_(look_end) struct look l = {.s = s, .dir = -1, .fd = -1};
        if (s->quota.backend != QUOTA_MAILDIR || open_dir(&l) < 0)
                return;
        int r = read_file(&l);
        if ((r == 0 || r == -ENODATA) && !is_unlimited(&l))
                (void)!count(&l, false);
}

/* The contract's part, store.h */

const char *store_refusal(const struct store *s)
{
        return s->refusal;
}

bool store_quota_root(const struct store *s, const char **ret_name)
{
        if (s->quota.backend == QUOTA_NONE)
                return false;
        *ret_name = s->quota.name;
        return true;
}

bool store_quota_covers(struct store *s, const char *mailbox)
{
        const struct user_namespace *ns = folder_namespace(s, slice_of(mailbox));
        return s->quota.backend != QUOTA_NONE && !s->quota.hidden && ns && is_covered(s, ns);
}

int store_quota(struct store *s, struct store_quota *ret)
{
        _cleanup_(look_end) struct look l = {.s = s, .dir = -1, .fd = -1};
        int r = look_anywhere(&l);
        if (r == 0)
                *ret = (struct store_quota){.bytes = l.now.bytes,
                                            .messages = l.now.messages,
                                            .bytes_limit = l.now.limits.bytes,
                                            .messages_limit = l.now.limits.messages};
        return r;
}

bool store_quota_settable(const struct store *s)
{
        return s->quota.backend == QUOTA_MAILDIR && !s->quota.fixed &&
               strcmp(s->settings->quota_set, "maildirsize") == 0;
}

int store_quota_set(struct store *s, uint64_t bytes, uint64_t messages)
{
        _cleanup_(look_end) struct look l = {.s = s, .dir = -1, .fd = -1};
        if (!store_quota_settable(s))
                return error_text(s, -EPERM, "the limits of quota root \"%s\" are fixed", s->quota.name);
        int r = open_dir(&l);
        if (r < 0)
                return r;
        l.now.limits = (struct quota_limits){bytes, messages};
        return count(&l, true);
}
