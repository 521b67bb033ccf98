#ifndef AUTH_CALL_H
#define AUTH_CALL_H

/* One question to the privileged half, as passdb.c and userdb.c see it, and the whole of it with another
 * system behind it than the real one (tests). */

#include "auth/auth.h"
#include "auth/system.h"
#include "conf/expand.h"

struct auth_call {
        const struct auth_system *system;
        const struct settings *settings;
        const struct auth_request *request;
        struct arena *arena;
        const char *user; /* normalised; NULL before that */
        struct conf_variables variables;
};

enum auth_result call_verify(const struct auth_system *system, const struct settings *settings,
                             const struct auth_request *request, struct arena *arena, struct auth_user *ret,
                             const char **ret_log, const char **ret_client);
enum auth_result call_lookup(const struct auth_system *system, const struct settings *settings,
                             const struct auth_request *request, struct arena *arena, struct auth_user *ret,
                             const char **ret_log, const char **ret_client);

/* "driver(user,192.0.2.7,<session>): text", in the arena. */
const char *call_text(const struct auth_call *c, const char *driver, const char *fmt, ...) _printf_(3, 4);

/* Expands a setting's variables for the user. 0, or -EINVAL with *ret_error: what is wrong with it. */
int call_expand(const struct auth_call *c, const char *template, const char **ret, const char **ret_error);

#endif
