#include "auth/database.h"

#include <errno.h>

#include "auth/fields.h"
#include "auth/scheme.h"

int database_args(const char *args, struct arena *arena, struct database_args *ret, const char **ret_error)
{
        struct database_args a = {.scheme = "CRYPT", .username_format = "%u"};
        struct slice rest = slice_trim(slice_of(args)), name, value;
        /* options come first; the path is what remains, spaces and all */
        while (rest.n && rest.p[0] != '/') {
                if (!fields_next(&rest, &name, &value))
                        break;
                if (slice_eq(name, SLICE("scheme")))
                        a.scheme = arena_str(arena, value);
                else if (slice_eq(name, SLICE("username_format")))
                        a.username_format = arena_str(arena, value);
                else {
                        *ret_error =
                                arena_printf(arena,
                                             "args: \"%.*s\" is neither scheme=, username_format= nor an "
                                             "absolute path",
                                             SLICE_ARG(name));
                        return -EINVAL;
                }
                rest = slice_trim(rest);
        }
        if (rest.n == 0) {
                *ret_error = "args: the path of the file is missing";
                return -EINVAL;
        }
        if (!scheme_known(a.scheme)) {
                *ret_error = arena_printf(arena, "args: password scheme \"%s\" is not known", a.scheme);
                return -EINVAL;
        }
        a.path = arena_str(arena, rest);
        *ret = a;
        return 0;
}

enum passwd_file_result database_find(const struct auth_call *c, const struct database_args *args,
                                      struct passwd_file_entry *ret, const char **ret_path,
                                      const char **ret_error)
{
        const char *key, *path, *why;
        if (call_expand(c, args->username_format, &key, &why) < 0 ||
            call_expand(c, args->path, &path, &why) < 0) {
                *ret_error = arena_printf(c->arena, "args: %s", why);
                return PASSWD_FILE_ERROR;
        }
        *ret_path = path;
        const char *error = "";
        enum passwd_file_result r =
                passwd_file_find(path, slice_of(key), args->scheme, c->arena, ret, &error);
        if (r == PASSWD_FILE_MISSING && !strcmp(path, args->path))
                r = PASSWD_FILE_ERROR;
        if (r == PASSWD_FILE_ERROR)
                *ret_error = error;
        return r;
}
