#include "store/annotation.h"

#include <errno.h>

#include "base/fd.h"
#include "base/lock.h"
#include "store/error.h"
#include "store/opened.h"
#include "store/special_use.h"

#define SPECIALUSE SLICE("/private/specialuse")

enum { OTHERS_MAX = 2 /* annotations that are not in the file */ };

/* The file, and what it says. */
struct file {
        struct store *s;
        struct folder_place place;
        const char *name;
        int dir;
        struct arena arena;
        struct buf text;
        struct annotation *list; /* room for more: see read_file() */
        size_t n;
};

static void file_close(struct file *f)
{
        fd_close_p(&f->dir);
        arena_free(&f->arena);
        buf_free(&f->text);
}

static int open_file(struct file *f, struct store *s, const char *mailbox)
{
        _cleanup_(fd_close_p) int there = -1;
        bool server = !mailbox[0];
        *f = (struct file){.s = s,
                           .name = server ? ANNOTATIONS_SERVER_NAME : ANNOTATIONS_NAME,
                           .dir = -1,
                           .text = BUF_BOUNDED(ANNOTATIONS_MAX_BYTES)};
        int r = folder_resolve(s, &f->arena, server ? "INBOX" : mailbox, &f->place);
        if (r == 0)
                r = folder_open(s, &f->place, &there);
        return r < 0 ? r : folder_open_control(s, &f->place, &f->dir);
}

/* A file that is damaged is not written over: somebody may want to mend it. */
static int read_file(struct file *f, size_t more)
{
        struct annotation *list = NULL;
        int r = file_read_at(f->dir, f->name, &f->text);
        if (r == 0)
                r = annotation_text_parse(buf_slice(&f->text), &f->arena, &list, &f->n);
        else if (r == -ENOENT)
                r = 0;
        if (r < 0)
                return error_set_at(f->s, r, "read", f->place.control, f->name);
        f->list = arena_array(&f->arena, struct annotation, f->n + more);
        if (f->n)
                memcpy(f->list, list, f->n * sizeof(*list));
        return 0;
}

/* The uses that the settings and the user gave it: "\Sent \Archive" or "". */
static int uses_of(struct file *f, struct arena *a, const char **ret)
{
        _cleanup_(buf_free) struct buf text = {0};
        struct special_use *given;
        const char *name;
        size_t n;
        const struct settings_namespace *set = f->place.ns->set;
        for (size_t i = 0; i < set->mailbox_count; i++) {
                const struct settings_mailbox *mb = &set->mailboxes[i];
                struct slice own = slice_of(mb->name);
                if (f->place.inbox ? slice_ieq(own, SLICE("INBOX")) : slice_eq(own, slice_of(f->place.below)))
                        for (size_t j = 0; j < mb->special_use.count; j++)
                                buf_printf(&text, "%s%s", text.n ? " " : "", mb->special_use.items[j]);
        }
        int r = special_use_read(f->s, f->place.ns, &f->arena, &given, &n);
        for (size_t i = 0; r == 0 && i < n; i++)
                if (folder_name_of(f->place.ns, &f->arena, given[i].disk, &name) == 0 &&
                    strcmp(name, f->place.name) == 0)
                        buf_printf(&text, "%s%.*s", text.n ? " " : "", SLICE_ARG(given[i].uses));
        *ret = arena_str(a, buf_slice(&text));
        return r == -ENOENT ? 0 : r;
}

/* What is kept elsewhere. */
static int add_others(struct file *f, bool server, struct arena *a)
{
        const struct settings *set = f->s->settings;
        struct annotation own[OTHERS_MAX];
        const char *uses = "";
        size_t n = 0;
        int r = server ? 0 : uses_of(f, a, &uses);
        if (*uses)
                own[n++] = (struct annotation){SPECIALUSE, slice_of(uses)};
        if (server && *set->mail_server_admin)
                own[n++] = (struct annotation){SLICE("/shared/admin"), slice_of(set->mail_server_admin)};
        if (server && *set->mail_server_comment)
                own[n++] = (struct annotation){SLICE("/shared/comment"), slice_of(set->mail_server_comment)};
        f->n = annotation_merge(f->list, f->n, own, n);
        return r;
}

int store_annotations(struct store *s, const char *mailbox, struct arena *a, struct annotation **ret,
                      size_t *ret_n)
{
        _cleanup_(file_close) struct file f;
        int r = open_file(&f, s, mailbox);
        if (r == 0)
                r = read_file(&f, OTHERS_MAX);
        if (r == 0)
                r = add_others(&f, !mailbox[0], a);
        if (r < 0)
                return r;
        struct annotation *list = arena_array(a, struct annotation, f.n + 1);
        for (size_t i = 0; i < f.n; i++)
                list[i] =
                        (struct annotation){arena_slice(a, f.list[i].name), arena_slice(a, f.list[i].value)};
        *ret = list;
        *ret_n = f.n;
        return 0;
}

/* RFC 6154 section 2, and \Important of RFC 8457. */
static bool are_uses(struct slice value)
{
        static const char *const uses[] = {"\\All",  "\\Archive", "\\Drafts",    "\\Flagged",
                                           "\\Junk", "\\Sent",    "\\Important", "\\Trash"};
        struct slice word;
        while (slice_split(&value, ' ', &word)) {
                bool known = false;
                for (size_t i = 0; i < ARRAY_LEN(uses); i++)
                        known = known || slice_ieq(word, slice_of(uses[i]));
                if (!known)
                        return false;
        }
        return true;
}

static int check_change(const struct file *f, bool server, const struct annotation *c)
{
        bool private = slice_starts(c->name, SLICE("/private/"));
        if (c->value.n > ANNOTATION_VALUE_MAX)
                return -E2BIG;
        if (private && f->place.ns->set->type != SETTINGS_NAMESPACE_PRIVATE)
                return -EOPNOTSUPP;
        /* of the server's shared ones every user would have others */
        if (server && !private)
                return -EPERM;
        return slice_eq(c->name, SPECIALUSE) && !server && !are_uses(c->value) ? -EDOM : 0;
}

/* Special uses are CREATE's as well, and have a place of their own. */
static int set_uses(struct store *s, const char *mailbox, struct slice uses)
{
        _cleanup_(arena_free) struct arena a = {0};
        return store_special_use_set(s, mailbox, arena_str(&a, uses));
}

static int write_list(struct file *f, size_t before)
{
        struct perm perm;
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(ANNOTATIONS_MAX_BYTES);
        annotation_text_put(&text, f->list, f->n);
        if ((f->n > before && f->n > ANNOTATIONS_MAX) || text.error)
                return error_text(f->s, -ENOBUFS, "%s: too many annotations", f->place.control);
        int r = perm_of(f->dir, &perm);
        if (r == 0)
                r = perm_replace(f->dir, f->name, buf_slice(&text), &perm,
                                 f->s->settings->mail_fsync != SETTINGS_FSYNC_NEVER);
        return r < 0 ? error_set_at(f->s, r, "write", f->place.control, f->name) : 0;
}

static int apply(struct file *f, const char *mailbox, const struct annotation *changes, size_t n)
{
        struct annotation *kept = arena_array(&f->arena, struct annotation, n);
        const struct annotation *uses = NULL;
        size_t kept_n = 0, before = f->n;
        for (size_t i = 0; i < n; i++)
                if (mailbox[0] && slice_eq(changes[i].name, SPECIALUSE))
                        uses = &changes[i];
                else
                        kept[kept_n++] = changes[i];
        f->n = annotation_merge(f->list, f->n, kept, kept_n);
        /* what can be refused comes before what cannot be taken back */
        int r = uses && f->n <= ANNOTATIONS_MAX ? set_uses(f->s, mailbox, uses->value) : 0;
        return r < 0 || kept_n == 0 ? r : write_list(f, before);
}

static int annotate(struct store *s, const char *mailbox, const struct annotation *changes, size_t n)
{
        _cleanup_(file_close) struct file f;
        _cleanup_(dotlock_release) struct dotlock lock = DOTLOCK_NONE;
        struct perm perm;
        bool server = !mailbox[0];
        int r = open_file(&f, s, mailbox);
        for (size_t i = 0; r == 0 && i < n; i++) {
                r = check_change(&f, server, &changes[i]);
                if (r < 0)
                        return error_text(s, r, "%s: annotation \"%.*s\" refused", f.place.control,
                                          SLICE_ARG(changes[i].name));
        }
        if (r < 0)
                return r;
        r = perm_of(f.dir, &perm);
        const struct lock_waiter waiter = user_waiter(s);
        if (r == 0)
                r = dotlock_acquire(f.dir, f.name, (int)perm.file, deadline_in_ms(USER_LOCK_WAIT_MS),
                                    USER_LOCK_STALE_MS, &waiter, &lock);
        if (r < 0)
                return error_set_at(s, r, r == -ETIMEDOUT ? "lock" : "open", f.place.control, f.name);
        r = read_file(&f, n);
        return r < 0 ? r : apply(&f, mailbox, changes, n);
}

/* Without an index nobody was told a modification sequence that the next index would not be above. */
static int raise_modseq(struct store *s, const char *mailbox)
{
        _cleanup_(mailbox_close) struct mailbox *m = NULL;
        int r = opened_open(s, mailbox, &m);
        return r < 0 || !m->index.ready ? r : mailbox_raise_modseq(m);
}

int store_annotate(struct store *s, const char *mailbox, const struct annotation *changes, size_t n)
{
        int r = annotate(s, mailbox, changes, n);
        return r < 0 || !mailbox[0] ? r : raise_modseq(s, mailbox);
}
