#ifndef AUTH_PASSDB_H
#define AUTH_PASSDB_H

/* Asking one passdb. */

#include "auth/fields.h"

enum passdb_result {
        PASSDB_OK,
        PASSDB_MISMATCH,
        PASSDB_NO_USER,
        PASSDB_DENIED, /* the password is right, the account may not log in: `client` says why */
        PASSDB_ERROR,
};

struct passdb_answer {
        struct auth_fields fields; /* for userdb prefetch */
        const char *log;           /* why, unless PASSDB_OK */
        const char *client;
};

/* Computes one password hash, whether it knows the user or not. */
enum passdb_result passdb_verify(const struct auth_call *c, const struct settings_passdb *db,
                                 struct passdb_answer *ret);

/* Whether the user is in it (deny = yes). PASSDB_OK: found; PASSDB_NO_USER; PASSDB_ERROR. */
enum passdb_result passdb_find(const struct auth_call *c, const struct settings_passdb *db,
                               struct passdb_answer *ret);

/* What is wrong with its settings, in the arena; NULL: nothing. */
const char *passdb_check(const struct settings_passdb *db, struct arena *arena);

#endif
