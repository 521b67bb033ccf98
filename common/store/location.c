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

static int option(struct arena *a, const char *part, const struct conf_variables *vars, struct location *l,
                  const char **ret_error)
{
        struct slice value = slice_of(part), key;
        slice_split(&value, '=', &key);
        if (slice_ieq(key, SLICE("INBOX")))
                return expand_path(a, value.p, vars, &l->inbox, ret_error);
        if (slice_ieq(key, SLICE("CONTROL")))
                return expand_path(a, value.p, vars, &l->control, ret_error);
        if (slice_ieq(key, SLICE("INDEX"))) {
                l->index_in_memory = slice_eq(value, SLICE("MEMORY"));
                if (l->index_in_memory)
                        return 0;
                return expand_path(a, value.p, vars, &l->index, ret_error);
        }
        if (slice_ieq(key, SLICE("LAYOUT")) && slice_ieq(value, SLICE("Maildir++")))
                return 0;
        for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
                if (slice_ieq(key, slice_of(ignored[i])))
                        return 0;
        *ret_error = arena_printf(a, "mail_location: %s is not served yet", part);
        return -ENOTSUP;
}

static int detect(struct arena *a, const struct conf_variables *vars, struct location *ret,
                  const char **ret_error)
{
        struct stat st;
        const char *root;
        if (vars->home && *vars->home) {
                root = arena_printf(a, "%s/Maildir", vars->home);
                if (stat(root, &st) == 0 && S_ISDIR(st.st_mode)) {
                        *ret = (struct location){.root = root};
                        return 0;
                }
                *ret_error = arena_printf(
                        a, "mail_location is not set and there is no %s (mbox is not served yet)", root);
        } else {
                *ret_error = "mail_location is not set and the user has no home directory";
        }
        return -ENOTSUP;
}

int location_parse(struct arena *a, const char *template, const struct conf_variables *vars,
                   struct location *ret, const char **ret_error)
{
        const char *rest = template, *part;
        struct location l = {0};
        if (!*template)
                return detect(a, vars, ret, ret_error);
        size_t scheme = slice_find(slice_of(template), ':');
        if (!slice_eq(slice_head(slice_of(template), scheme), SLICE("maildir")) || !template[scheme]) {
                *ret_error =
                        slice_starts(slice_of(template), SLICE("mbox:"))
                                ? "mail_location: mbox is not served yet"
                                : arena_printf(a, "mail_location: %s does not begin with maildir:", template);
                return -ENOTSUP;
        }
        rest += scheme + 1;
        next_part(a, &rest, &part);
        int r = expand_path(a, part, vars, &l.root, ret_error);
        while (r == 0 && next_part(a, &rest, &part))
                r = option(a, part, vars, &l, ret_error);
        if (r == 0)
                *ret = l;
        return r;
}
