#include "store/user.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/error.h"
#include "store/quota.h"

static const char *copy(struct arena *a, const char *s)
{
        return s ? arena_str(a, slice_of(s)) : NULL;
}

static void copy_user(struct store *s, const struct mail_user *user)
{
        s->user = *user;
        s->user.name = copy(&s->arena, user->name ? user->name : "");
        s->user.home = copy(&s->arena, user->home);
        s->user.mail_location = copy(&s->arena, user->mail_location);
        for (size_t i = 0; i < ARRAY_LEN(s->user.quota_rule); i++)
                s->user.quota_rule[i] = copy(&s->arena, user->quota_rule[i]);
        s->user.service = copy(&s->arena, user->service);
        s->user.local_ip = copy(&s->arena, user->local_ip);
        s->user.remote_ip = copy(&s->arena, user->remote_ip);
        s->user.session_id = copy(&s->arena, user->session_id);
}

static int add_namespace(struct store *s, const struct settings_namespace *set,
                         const struct conf_variables *vars, struct arena *arena, const char **ret_error)
{
        static const int types[] = {[SETTINGS_NAMESPACE_PRIVATE] = NAMESPACE_PERSONAL,
                                    [SETTINGS_NAMESPACE_SHARED] = NAMESPACE_OTHER,
                                    [SETTINGS_NAMESPACE_PUBLIC] = NAMESPACE_SHARED};
        struct user_namespace *ns = &s->namespaces[s->namespaces_n];
        const char *fallback = s->user.mail_location ? s->user.mail_location : s->settings->mail_location;
        const char *error = NULL;
        char *prefix;
        int r = conf_expand_user(&s->arena, set->prefix, vars, &prefix, &error);
        if (r == 0)
                r = location_parse(&s->arena, *set->location ? set->location : fallback, vars, &ns->location,
                                   &error);
        if (r < 0) {
                *ret_error = arena_printf(arena, "%s", error ? error : "namespace cannot be used");
                return r;
        }
        char level = ns->location.format == LOCATION_MBOX ? '/' : '.';
        ns->set = set;
        ns->prefix = prefix;
        ns->form = (struct name_form){.separator = *set->separator ? *set->separator : level,
                                      .level = level,
                                      .reserved = ns->location.dirname};
        s->announced[s->namespaces_n++] = (struct store_namespace){.prefix = ns->prefix,
                                                                   .separator = ns->form.separator,
                                                                   .type = types[set->type],
                                                                   .hidden = set->hidden};
        return 0;
}

static void add_path(struct store *s, size_t *n, const char *path)
{
        for (size_t i = 0; path && i < *n; i++)
                if (strcmp(s->paths[i], path) == 0)
                        return;
        if (path)
                s->paths[(*n)++] = path;
}

/* The directory of a file. */
static const char *parent(struct store *s, const char *path)
{
        size_t end = slice_rfind(slice_of(path), '/');
        return end == 0 ? "/" : arena_str(&s->arena, slice_make(path, end));
}

static void collect_paths(struct store *s)
{
        size_t n = 0;
        s->paths = arena_array(&s->arena, const char *, s->namespaces_n * 4 + 1);
        for (size_t i = 0; i < s->namespaces_n; i++) {
                const struct location *l = &s->namespaces[i].location;
                add_path(s, &n, l->root);
                /* beside an mbox there is its lock */
                add_path(s, &n, l->format == LOCATION_MBOX ? parent(s, l->inbox) : l->inbox);
                add_path(s, &n, l->control);
                add_path(s, &n, l->index);
        }
}

static int open_into(struct store *s, struct arena *arena, const char **ret_error)
{
        const struct settings *set = s->settings;
        struct conf_variables vars = {.user = s->user.name,
                                      .home = s->user.home,
                                      .service = s->user.service,
                                      .local_ip = s->user.local_ip,
                                      .remote_ip = s->user.remote_ip,
                                      .session = s->user.session_id,
                                      .uid = s->user.uid,
                                      .gid = s->user.gid,
                                      .pid = getpid()};
        s->namespaces = arena_array(&s->arena, struct user_namespace, set->namespace_count);
        s->announced = arena_array(&s->arena, struct store_namespace, set->namespace_count);
        for (size_t i = 0; i < set->namespace_count; i++) {
                int r = set->namespaces[i].disabled
                                ? 0
                                : add_namespace(s, &set->namespaces[i], &vars, arena, ret_error);
                if (r < 0)
                        return r;
        }
        collect_paths(s);
        return quota_open(s, arena, ret_error);
}

int store_examine(const struct settings *settings, const struct mail_user *user, struct arena *arena,
                  struct store **ret, const char **ret_error)
{
        _cleanup_(store_close) struct store *s = xcalloc(1, sizeof(*s));
        s->settings = settings;
        copy_user(s, user);
        int r = open_into(s, arena, ret_error);
        if (r == 0)
                *ret = TAKE_PTR(s);
        return r;
}

int store_open(const struct settings *settings, const struct mail_user *user, struct arena *arena,
               struct store **ret, const char **ret_error)
{
        _cleanup_(store_close) struct store *s = NULL;
        int r = store_examine(settings, user, arena, &s, ret_error);
        if (r < 0)
                return r;
        r = folder_make_inbox(s);
        if (r < 0) {
                *ret_error = arena_printf(arena, "%s", store_error(s));
                return r;
        }
        folder_make_other_roots(s);
        *ret = TAKE_PTR(s);
        return 0;
}

void store_on_step(struct store *s, store_step *step, void *context)
{
        s->step = step;
        s->step_context = context;
}

static void tell_waits(void *context)
{
        const struct store *s = context;
        user_long_step(s, 0, 0);
}

struct lock_waiter user_waiter(struct store *s)
{
        return (struct lock_waiter){tell_waits, s};
}

void store_close(struct store **s)
{
        if (!*s)
                return;
        store_rest(*s);
        if ((*s)->quota_missed)
                quota_forget(*s);
        buf_free(&(*s)->error);
        arena_free(&(*s)->arena);
        free(*s);
        *s = NULL;
}

const char *const *store_paths(const struct store *s)
{
        return s->paths;
}

const struct store_namespace *store_namespaces(const struct store *s, size_t *ret_n)
{
        *ret_n = s->namespaces_n;
        return s->announced;
}

char store_separator(const struct store *s, const char *name)
{
        const struct user_namespace *ns = folder_namespace(s, slice_of(name));
        if (!ns && s->namespaces_n)
                ns = &s->namespaces[0];
        return ns ? ns->form.separator : '.';
}

const char *store_location_choice(const struct store *s)
{
        const char *why = NULL;
        for (size_t i = 0; !why && i < s->namespaces_n; i++)
                why = s->namespaces[i].location.why;
        return why;
}

static const char *describe(const struct user_namespace *ns, struct arena *arena)
{
        static const char *const lists[] = {[SETTINGS_LIST_NO] = "no",
                                            [SETTINGS_LIST_YES] = "yes",
                                            [SETTINGS_LIST_CHILDREN] = "children"};
        const struct location *l = &ns->location;
        return arena_printf(
                arena,
                "Namespace %s: prefix=%s, sep=%c, inbox=%s, hidden=%s, list=%s, subscriptions=%s, "
                "format=%s, root=%s, inbox=%s, control=%s, index=%s",
                ns->set->name, ns->prefix, ns->form.separator, ns->set->inbox ? "yes" : "no",
                ns->set->hidden ? "yes" : "no", lists[ns->set->list], ns->set->subscriptions ? "yes" : "no",
                l->format == LOCATION_MBOX ? "mbox" : "maildir", l->root, l->inbox ? l->inbox : "",
                l->control ? l->control : "",
                l->index_in_memory ? "MEMORY"
                : l->index         ? l->index
                                   : "");
}

const char *store_log_line(const struct store *s, size_t i, struct arena *arena)
{
        const char *choice = store_location_choice(s);
        size_t before = choice ? 1 : 0;
        if (i < before)
                return choice;
        bool all = s->settings->mail_debug && i - before < s->namespaces_n;
        return all ? describe(&s->namespaces[i - before], arena) : NULL;
}
