/* store_list() and store_lookup(). */

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"
#include "store/error.h"
#include "store/folder.h"
#include "store/special_use.h"
#include "store/subscriptions.h"
#include "store/tree.h"

enum { LIST_MAX_FOLDERS = 100000 /* more are not looked at: memory stays bounded */ };

struct list {
        struct store *s;
        struct arena *arena;
        struct folder *folders; /* malloc'ed while it grows */
        size_t n, cap;
        struct map by_name;         /* index + 1 */
        const struct slice *begins; /* see store_list_begins() */
        size_t begins_n;
};

static void list_free(struct list *l)
{
        free(l->folders);
        map_free(&l->by_name);
}

/* The folder of this name, entered with `flags` when it is new. */
static struct folder *enter(struct list *l, const char *name, char separator, unsigned flags)
{
        uintptr_t index = (uintptr_t)map_get(&l->by_name, slice_of(name));
        if (index)
                return &l->folders[index - 1];
        if (l->n == l->cap) {
                l->cap = l->cap ? l->cap * 2 : 64;
                l->folders = xrealloc(l->folders, l->cap * sizeof(*l->folders));
        }
        l->folders[l->n++] = (struct folder){.name = name, .separator = separator, .flags = flags};
        map_put(&l->by_name, slice_of(name), (void *)(uintptr_t)l->n);
        return &l->folders[l->n - 1];
}

struct root {
        struct list *l;
        const struct user_namespace *ns;
};

static int list_entry(void *context, const struct tree_entry *e)
{
        const struct root *root = context;
        struct list *l = root->l;
        const char *name;
        user_step(l->s, l->n, 0);
        if (l->n >= LIST_MAX_FOLDERS)
                return 1;
        if (folder_name_of(root->ns, l->arena, e->disk, &name) < 0)
                return 0;
        struct folder *f = enter(l, name, root->ns->form.separator, 0);
        f->flags |= (e->is_level ? FOLDER_NOSELECT : 0) | (e->is_file ? FOLDER_NOINFERIORS : 0);
        return 0;
}

static int list_root(struct list *l, const struct user_namespace *ns)
{
        struct root root = {l, ns};
        return tree_walk(l->s, ns, list_entry, &root);
}

/* The INBOX may be the file where the directory of its folders would have to be. */
static bool inbox_is_in_the_way(const struct folder_place *f)
{
        const char *root = f->ns->location.root;
        size_t n = strlen(root);
        return f->file && !f->ns->location.dirname && strncmp(f->file, root, n) == 0 &&
               strcmp(f->file + n, "/INBOX") == 0;
}

static int list_inbox(struct list *l)
{
        struct folder_place f;
        int r = folder_resolve(l->s, l->arena, "INBOX", &f);
        if (r < 0)
                return 0; /* no namespace has one */
        struct folder *folder = enter(l, "INBOX", f.ns->form.separator, 0);
        folder->flags |= inbox_is_in_the_way(&f) ? FOLDER_NOINFERIORS : 0;
        return 0;
}

/* Levels above the folders that are there, the namespaces' prefixes among them. */
static void enter_parents(struct list *l)
{
        for (size_t i = 0; i < l->n; i++) {
                const char *name = l->folders[i].name;
                char separator = l->folders[i].separator;
                bool exists = !(l->folders[i].flags & FOLDER_NONEXISTENT);
                bool subscribed = l->folders[i].flags & FOLDER_SUBSCRIBED;
                for (size_t n = strlen(name); n-- > 1;) {
                        if (name[n] != separator)
                                continue;
                        char *parent = arena_str(l->arena, slice_make(name, n));
                        if (slice_ieq(slice_make(name, n), SLICE("INBOX")))
                                parent = arena_str(l->arena, SLICE("INBOX"));
                        struct folder *f = enter(l, parent, separator, FOLDER_NONEXISTENT);
                        /* INBOX is not above what a namespace with another separator has in "INBOX." */
                        if (f->separator != separator)
                                continue;
                        f->flags |=
                                (exists ? FOLDER_CHILDREN : 0) | (subscribed ? FOLDER_CHILD_SUBSCRIBED : 0);
                }
        }
}

static int enter_subscribed(struct list *l, const struct user_namespace *ns)
{
        const char **names;
        size_t n;
        int r = subscriptions_read(l->s, ns, l->arena, &names, &n);
        for (size_t i = 0; r == 0 && i < n && l->n < LIST_MAX_FOLDERS; i++)
                enter(l, names[i], store_separator(l->s, names[i]), FOLDER_NONEXISTENT)->flags |=
                        FOLDER_SUBSCRIBED;
        return r;
}

/* Another use, unless the folder has it already. */
static void add_use(struct list *l, const char *name, struct slice use)
{
        uintptr_t index = (uintptr_t)map_get(&l->by_name, slice_of(name));
        struct folder *f = index ? &l->folders[index - 1] : NULL;
        struct slice rest = slice_of(f ? f->special_use : NULL), one;
        while (slice_split(&rest, ' ', &one))
                if (slice_ieq(one, use))
                        return;
        if (f && use.n)
                f->special_use = arena_printf(l->arena, "%s%s%.*s", f->special_use ? f->special_use : "",
                                              f->special_use ? " " : "", SLICE_ARG(use));
}

/* Those of the settings. A namespace that shows the same folders under other names has them too. */
static void enter_special_use(struct list *l, const struct user_namespace *ns,
                              const struct settings_namespace *set)
{
        for (size_t i = 0; i < set->mailbox_count; i++) {
                const struct settings_mailbox *mb = &set->mailboxes[i];
                bool is_inbox = set->inbox && slice_ieq(slice_of(mb->name), SLICE("INBOX"));
                const char *name = is_inbox ? "INBOX" : arena_printf(l->arena, "%s%s", ns->prefix, mb->name);
                for (size_t j = 0; j < mb->special_use.count; j++)
                        add_use(l, name, slice_of(mb->special_use.items[j]));
        }
}

static bool is_level(const struct list *l, const char *name)
{
        uintptr_t index = (uintptr_t)map_get(&l->by_name, slice_of(name));
        return index && l->folders[index - 1].flags & FOLDER_NOSELECT;
}

/* Those that clients gave. */
static int enter_given_use(struct list *l, const struct user_namespace *ns)
{
        struct special_use *uses;
        size_t n;
        int r = special_use_read(l->s, ns, l->arena, &uses, &n);
        for (size_t i = 0; r == 0 && i < n; i++) {
                const char *name;
                struct slice use;
                if (folder_name_of(ns, l->arena, uses[i].disk, &name) == 0 && !is_level(l, name))
                        while (slice_split(&uses[i].uses, ' ', &use))
                                add_use(l, name, use);
        }
        return r == -ENOENT ? 0 : r;
}

static int enter_uses(struct list *l, const struct user_namespace *ns)
{
        const struct store *s = l->s;
        for (size_t i = 0; i < s->namespaces_n; i++)
                if (strcmp(s->namespaces[i].location.root, ns->location.root) == 0)
                        enter_special_use(l, ns, s->namespaces[i].set);
        return enter_given_use(l, ns);
}

/* With list = no only for who names it; children: its prefix is a level like others, there when something is
 * below. */
static bool is_listed(const struct list *l, const struct user_namespace *ns)
{
        bool listed = ns->set->list != SETTINGS_LIST_NO;
        for (size_t i = 0; !listed && i < l->begins_n; i++)
                listed = *ns->prefix && slice_starts(l->begins[i], slice_of(ns->prefix));
        return listed;
}

/* With list = yes the prefix is always there. */
static void enter_prefix(struct list *l, const struct user_namespace *ns)
{
        size_t n = strlen(ns->prefix);
        if (ns->set->list != SETTINGS_LIST_YES || n < 2 || ns->prefix[n - 1] != ns->form.separator)
                return;
        struct slice name = slice_make(ns->prefix, n - 1);
        if (!slice_ieq(name, SLICE("INBOX")))
                enter(l, arena_str(l->arena, name), ns->form.separator, FOLDER_NOSELECT);
}

static int by_level(const void *pa, const void *pb)
{
        const struct folder *a = pa, *b = pb;
        bool inbox_a = strcmp(a->name, "INBOX") == 0, inbox_b = strcmp(b->name, "INBOX") == 0;
        if (inbox_a != inbox_b)
                return inbox_a ? -1 : 1;
        const unsigned char *x = (const unsigned char *)a->name, *y = (const unsigned char *)b->name;
        while (*x && *x == *y) {
                x++;
                y++;
        }
        /* a level ends before it goes on: "a", "a.b", "a b" */
        int cx = *x == (unsigned char)a->separator ? 1 : *x, cy = *y == (unsigned char)b->separator ? 1 : *y;
        return cx - cy;
}

static int list_all(struct list *l)
{
        struct store *s = l->s;
        int r = list_inbox(l);
        for (size_t i = 0; r == 0 && i < s->namespaces_n; i++)
                if (is_listed(l, &s->namespaces[i])) {
                        enter_prefix(l, &s->namespaces[i]);
                        r = list_root(l, &s->namespaces[i]);
                }
        for (size_t i = 0; r == 0 && i < s->namespaces_n; i++)
                if (is_listed(l, &s->namespaces[i]))
                        r = enter_subscribed(l, &s->namespaces[i]);
        if (r < 0)
                return r;
        enter_parents(l);
        for (size_t i = 0; r == 0 && i < s->namespaces_n; i++)
                if (is_listed(l, &s->namespaces[i]))
                        r = enter_uses(l, &s->namespaces[i]);
        return r;
}

static int list(struct list *l, struct folder **ret, size_t *ret_n)
{
        int r = list_all(l);
        if (r < 0)
                return r;
        if (l->n)
                qsort(l->folders, l->n, sizeof(*l->folders), by_level);
        struct folder *folders = arena_array(l->arena, struct folder, l->n);
        if (l->n)
                memcpy(folders, l->folders, l->n * sizeof(*folders));
        *ret = folders;
        *ret_n = l->n;
        return 0;
}

int store_list(struct store *s, struct arena *arena, struct folder **ret, size_t *ret_n)
{
        _cleanup_(list_free) struct list l = {.s = s, .arena = arena};
        return list(&l, ret, ret_n);
}

int store_list_begins(struct store *s, struct arena *arena, const struct slice *begins, size_t n,
                      struct folder **ret, size_t *ret_n)
{
        _cleanup_(list_free) struct list l = {.s = s, .arena = arena, .begins = begins, .begins_n = n};
        return list(&l, ret, ret_n);
}

int store_lookup(struct store *s, const char *name, unsigned *ret_flags)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct folder_place f;
        struct folder *folders;
        size_t n;
        int r = folder_resolve(s, &a, name, &f);
        struct slice begins = slice_of(name);
        if (r == 0)
                r = store_list_begins(s, &a, &begins, 1, &folders, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                if (strcmp(folders[i].name, f.name) != 0)
                        continue;
                *ret_flags = folders[i].flags;
                return 0;
        }
        return error_text(s, -ENOENT, "there is no mailbox \"%s\"", name);
}
