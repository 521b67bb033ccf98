#ifndef AUTH_PASSWD_FILE_H
#define AUTH_PASSWD_FILE_H

/* Files of users: user:password:uid:gid:gecos:home:shell:extra fields, a line each. Only the user is
 * required. Lines that are empty or start with '#' or ':' are comments; of several lines for one user the
 * first counts.
 *
 * Read as a stream, always to the end, so that the time does not tell where a user stands, and the memory
 * used does not grow with the file. */

#include "base/arena.h"
#include "base/buf.h"

enum {
        PASSWD_FILE_LINE_MAX = 8192, /* a hash, a path and some fields take a few hundred bytes */
        PASSWD_FILE_BYTES_MAX =
                64 * 1024 * 1024, /* half a million users; read at each login, more wants a database */
};

struct passwd_file_entry {
        unsigned line;
        struct buf password;          /* the field as it stands */
        const char *uid, *gid, *home; /* "" when left out; in the arena */
        const char *extra;
        struct buf sample; /* the first password of the file that could match anything: tells what a check
                              costs here */
};

enum passwd_file_result {
        PASSWD_FILE_FOUND,
        PASSWD_FILE_NO_USER, /* ret->sample is set all the same */
        PASSWD_FILE_MISSING, /* the file is not there */
        PASSWD_FILE_ERROR,   /* *ret_error says why, in the arena */
};
enum passwd_file_result passwd_file_find(const char *path, struct slice user, const char *default_scheme,
                                         struct arena *arena, struct passwd_file_entry *ret,
                                         const char **ret_error);
void passwd_file_entry_free(struct passwd_file_entry *e); /* wipes; also a _cleanup_ function */

#endif
