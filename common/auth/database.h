#ifndef AUTH_DATABASE_H
#define AUTH_DATABASE_H

/* What passdb and userdb have in common: the arguments of a passwd-file, and finding the user's line in it.
 */

#include "auth/call.h"
#include "auth/passwd_file.h"

/* [scheme=S] [username_format=F] PATH; the strings are in the arena, variables not expanded. */
struct database_args {
        const char *scheme;          /* "CRYPT" when not given */
        const char *username_format; /* "%u" */
        const char *path;
};

/* 0, or -EINVAL with *ret_error. */
int database_args(const char *args, struct arena *arena, struct database_args *ret, const char **ret_error);

/* The user's line. *ret_path: the file that was read. A file that is not there is an error, unless its name
 * has variables: then those users do not exist. */
enum passwd_file_result database_find(const struct auth_call *c, const struct database_args *args,
                                      struct passwd_file_entry *ret, const char **ret_path,
                                      const char **ret_error);

#endif
