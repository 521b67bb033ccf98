#ifndef AUTH_USERDB_H
#define AUTH_USERDB_H

/* Where a user's mail is, and as whom it is read. */

#include "auth/fields.h"

/* Asks the userdbs in order, then applies mail_home, mail_uid, mail_gid and the limits of uid and gid.
 * `passdb` has the fields for driver prefetch, NULL without a passdb. AUTH_OK, AUTH_DENIED (uid or gid not
 * permitted), AUTH_FAILED (no userdb knows the user), AUTH_TEMPFAIL; *ret_log and *ret_client as in
 * auth/auth.h. */
enum auth_result userdb_lookup(const struct auth_call *c, const struct auth_fields *passdb,
                               struct auth_user *ret, const char **ret_log, const char **ret_client);

/* What is wrong with its settings, in the arena; NULL: nothing. */
const char *userdb_check(const struct settings_userdb *db, struct arena *arena);

#endif
