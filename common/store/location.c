#include "store/location.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Options that change nothing for a store without list indexes. */
static const char *const ignored[] = {"NO-NOSELECT", "KEEP-NOSELECT", "ITERINDEX", "VOLATILEDIR",
                                      "LISTINDEX"};

/* One part of the value: variables expanded, ~/ replaced, absolute. */
static int expand_path(struct arena *a, const char *template, const struct conf_variables *vars,
                       const char **ret, const char **ret_error)
{
        char *path;
        int r = conf_expand_user(a, template, vars, &path, ret_error);
        if (r < 0)
                return r;
        if (path[0] == '~' && (path[1] == '/' || path[1] == '\0')) {
                if (!vars->home || !*vars->home) {
                        *ret_error = "mail_location has ~/, but the user has no home directory";
                        return -EINVAL;
                }
                path = arena_printf(a, "%s%s", vars->home, path + 1);
        } else if (path[0] != '/' && vars->home && *vars->home) {
                path = arena_printf(a, "%s/%s", vars->home, path);
        }
        if (path[0] != '/') {
                *ret_error = arena_printf(a, "mail_location: %s is not an absolute path", path);
                return -EINVAL;
        }
        for (size_t n = strlen(path); n > 1 && path[n - 1] == '/';)
                path[--n] = '\0';
        *ret = path;
        return 0;
}

/* Takes the part before the next single colon; "::" stands for one colon. */
static bool next_part(struct arena *a, const char **rest, const char **ret)
{
        const char *s = *rest;
        if (!s)
                return false;
        char *part = arena_alloc(a, strlen(s) + 1), *to = part;
        while (*s && (*s != ':' || s[1] == ':')) {
                if (*s == ':')
                        s++;
                *to++ = *s++;
        }
        *rest = *s ? s + 1 : NULL;
        *ret = part;
        return true;
}

struct parse {
        struct arena *a;
        const struct conf_variables *vars;
        struct location *l;
        const char *part; /* KEY=VALUE */
        const char **ret_error;
};

static int refuse(const struct parse *p, int r, const char *why)
{
        *p->ret_error = arena_printf(p->a, "mail_location: %s %s", p->part, why);
        return r;
}

static int set_inbox(const struct parse *p, struct slice value)
{
        return expand_path(p->a, value.p, p->vars, &p->l->inbox, p->ret_error);
}

static int set_control(const struct parse *p, struct slice value)
{
        return expand_path(p->a, value.p, p->vars, &p->l->control, p->ret_error);
}

static int set_index(const struct parse *p, struct slice value)
{
        p->l->index_in_memory = slice_eq(value, SLICE("MEMORY"));
        return p->l->index_in_memory ? 0 : expand_path(p->a, value.p, p->vars, &p->l->index, p->ret_error);
}

static int set_layout(const struct parse *p, struct slice value)
{
        struct slice served = p->l->format == LOCATION_MBOX ? SLICE("fs") : SLICE("Maildir++");
        return slice_ieq(value, served) ? 0 : refuse(p, -ENOTSUP, "is not served");
}

/* The name of a file, which is not above or below its directory. */
static int set_name(const struct parse *p, struct slice value, const char **ret)
{
        if (value.n == 0 || slice_find(value, '/') < value.n || slice_eq(value, SLICE(".")) ||
            slice_eq(value, SLICE("..")))
                return refuse(p, -EINVAL, "is not a file name");
        *ret = arena_str(p->a, value);
        return 0;
}

static int set_subscriptions(const struct parse *p, struct slice value)
{
        return set_name(p, value, &p->l->subscriptions);
}

static int set_dirname(const struct parse *p, struct slice value)
{
        return p->l->format == LOCATION_MBOX ? set_name(p, value, &p->l->dirname)
                                             : refuse(p, -ENOTSUP, "is not served");
}

static int set_full_dirname(const struct parse *p, struct slice value)
{
        p->l->full_dirname = true;
        return set_dirname(p, value);
}

static const struct {
        const char *key;
        int (*set)(const struct parse *p, struct slice value);
} options[] = {
        {"INBOX", set_inbox},
        {"CONTROL", set_control},
        {"INDEX", set_index},
        {"LAYOUT", set_layout},
        {"DIRNAME", set_dirname},
        {"FULLDIRNAME", set_full_dirname},
        {"SUBSCRIPTIONS", set_subscriptions},
};

static int option(const struct parse *p)
{
        struct slice value = slice_of(p->part), key;
        slice_split(&value, '=', &key);
        for (size_t i = 0; i < ARRAY_LEN(options); i++)
                if (slice_ieq(key, slice_of(options[i].key)))
                        return options[i].set(p, value);
        for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
                if (slice_ieq(key, slice_of(ignored[i])))
                        return 0;
        return refuse(p, -ENOTSUP, "is not served");
}

/* What Maildir and mbox leave to each other when it is not said. */
static void set_defaults(struct arena *a, struct location *l)
{
        bool mbox = l->format == LOCATION_MBOX;
        if (!l->subscriptions)
                l->subscriptions = mbox ? ".subscriptions" : "subscriptions";
        if (mbox && !l->inbox)
                l->inbox = arena_printf(a, "%s/inbox", l->root);
}

static int parse(struct arena *a, const char *template, const struct conf_variables *vars,
                 struct location *ret, const char **ret_error)
{
        const char *rest = template;
        struct location l = {.format = slice_starts(slice_of(template), SLICE("mbox:")) ? LOCATION_MBOX
                                                                                        : LOCATION_MAILDIR};
        struct parse p = {.a = a, .vars = vars, .l = &l, .ret_error = ret_error};
        if (l.format == LOCATION_MAILDIR && !slice_starts(slice_of(template), SLICE("maildir:"))) {
                *ret_error =
                        arena_printf(a, "mail_location: %s does not begin with maildir: or mbox:", template);
                return -ENOTSUP;
        }
        rest += slice_find(slice_of(template), ':') + 1;
        next_part(a, &rest, &p.part);
        int r = expand_path(a, p.part, vars, &l.root, ret_error);
        while (r == 0 && next_part(a, &rest, &p.part))
                r = option(&p);
        if (r < 0)
                return r;
        set_defaults(a, &l);
        *ret = l;
        return 0;
}

static int detect(struct arena *a, const struct conf_variables *vars, struct location *ret,
                  const char **ret_error)
{
        if (!vars->home || !*vars->home) {
                *ret_error = "mail_location is not set and the user has no home directory";
                return -ENOTSUP;
        }
        const char *maildir = arena_printf(a, "%s/Maildir", vars->home);
        struct stat st;
        bool there = stat(maildir, &st) == 0;
        if (!there && errno != ENOENT && errno != ENOTDIR) {
                int r = -errno;
                *ret_error = arena_printf(a, "mail_location is not set and stat(%s) failed: %s", maildir,
                                          strerror(-r));
                return r;
        }
        bool is_maildir = there && S_ISDIR(st.st_mode);
        int r = parse(a, is_maildir ? "maildir:~/Maildir" : "mbox:~/mail:INBOX=/var/mail/%u", vars, ret,
                      ret_error);
        if (r < 0)
                return r;
        ret->why = is_maildir ? arena_printf(a, "mail_location is not set: maildir:%s, which is there",
                                             ret->root)
                              : arena_printf(a,
                                             "mail_location is not set and there is no directory %s: "
                                             "mbox:%s:INBOX=%s",
                                             maildir, ret->root, ret->inbox);
        return 0;
}

int location_parse(struct arena *a, const char *template, const struct conf_variables *vars,
                   struct location *ret, const char **ret_error)
{
        return *template ? parse(a, template, vars, ret, ret_error) : detect(a, vars, ret, ret_error);
}
