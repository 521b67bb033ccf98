#include "auth/name.h"

#include <errno.h>

static bool is_dots(struct slice s)
{
        return slice_eq(s, SLICE(".")) || slice_eq(s, SLICE(".."));
}

static bool is_path_like(struct slice name)
{
        struct slice local, domain;
        conf_user_split(name, &local, &domain);
        return slice_find(name, '/') < name.n || is_dots(name) || is_dots(local) || is_dots(domain);
}

static int check_bytes(const struct auth_call *c, struct slice name, const char **ret_why)
{
        const char *allowed = c->settings->auth_username_chars;
        for (size_t i = 0; i < name.n; i++) {
                unsigned char b = (unsigned char)name.p[i];
                if (b < 0x20 || b == 0x7f) {
                        *ret_why = arena_printf(c->arena, "Username has a control character: 0x%02x", b);
                        return -EINVAL;
                }
                if (*allowed && !strchr(allowed, b)) {
                        *ret_why = arena_printf(
                                c->arena, "Username character disallowed by auth_username_chars: 0x%02x", b);
                        return -EINVAL;
                }
        }
        return 0;
}

static int apply_format(const struct auth_call *c, const char *name, const char **ret, const char **ret_why)
{
        struct slice local, domain;
        conf_user_split(slice_of(name), &local, &domain);
        const struct conf_variable variables[] = {
                {'u', "user", name, false},
                {'n', "username", arena_str(c->arena, local), false},
                {'d', "domain", arena_str(c->arena, domain), false},
                {'s', "service", c->request->service ? c->request->service : "", false},
        };
        char *out;
        const char *why;
        if (conf_expand(c->arena, c->settings->auth_username_format, variables, ARRAY_LEN(variables), &out,
                        &why) < 0) {
                *ret_why = arena_printf(c->arena, "auth_username_format: %s", why);
                return -ENOTSUP;
        }
        *ret = out;
        return 0;
}

int name_normalise(const struct auth_call *c, struct slice raw, const char **ret, const char **ret_why)
{
        if (raw.n == 0 || raw.n > NAME_MAX_BYTES) {
                *ret_why = raw.n ? "Username is too long" : "Empty username";
                return -EINVAL;
        }
        int r = check_bytes(c, raw, ret_why);
        if (r < 0)
                return r;
        const char *name = arena_str(c->arena, raw), *realm = c->settings->auth_default_realm;
        if (*realm && !strchr(name, '@'))
                name = arena_printf(c->arena, "%s@%s", name, realm);
        if (*c->settings->auth_username_format && (r = apply_format(c, name, &name, ret_why)) < 0)
                return r;
        if (!*name || is_path_like(slice_of(name))) {
                *ret_why = "Username is empty or could be taken for a path";
                return -EINVAL;
        }
        *ret = name;
        return 0;
}
