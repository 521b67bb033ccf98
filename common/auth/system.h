#ifndef AUTH_SYSTEM_H
#define AUTH_SYSTEM_H

/* What the privileged half asks the system: its users (NSS) and its password hashes. The tests give their
 * own. */

#include <sys/types.h>

#include "auth/scheme.h"
#include "base/arena.h"

struct system_user {
        const char *name, *home;
        uid_t uid;
        gid_t gid;
        struct buf password; /* "x": see shadow */
};

/* Days since 1970, or numbers of days; -1: none (shadow(5)). */
struct system_shadow {
        struct buf password;
        int64_t changed, max_age, inactive, expires;
};

/* Each lookup returns 0, -ENOENT (nobody of that name) or -errno. */
struct auth_system {
        int (*user)(void *context, const char *name, struct arena *arena, struct system_user *ret);
        int (*group)(void *context, const char *name, gid_t *ret);
        int (*shadow)(void *context, const char *name, struct system_shadow *ret);
        /* Appends the first password that could match: what a check costs on this system. Nothing when none
         * is found. */
        void (*sample)(void *context, struct buf *to);
        /* scheme_verify() */
        enum scheme_result (*verify)(void *context, struct slice stored, const char *default_scheme,
                                     struct slice password);
        int64_t (*today)(void *context); /* days since 1970 */
        void *context;
};
extern const struct auth_system auth_system;

/* _cleanup_ functions; they wipe. */
void system_user_free(struct system_user *u);
void system_shadow_free(struct system_shadow *s);

/* Whether the account was usable on that day; NULL or a few words why not. */
const char *system_expired(const struct system_shadow *s, int64_t today);

#endif
