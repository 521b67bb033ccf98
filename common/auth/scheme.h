#ifndef AUTH_SCHEME_H
#define AUTH_SCHEME_H

/* Password schemes: "{SCHEME}data" as passwd-files hold it, with Dovecot's names. "{SCHEME.b64}" and
 * "{SCHEME.hex}" say that the data is encoded so. Comparisons take the same time wherever the difference is;
 * copies of the password are overwritten. */

#include "base/buf.h"

enum scheme_result {
        SCHEME_MATCH,
        SCHEME_MISMATCH,
        SCHEME_UNKNOWN, /* no such scheme here: see scheme_name() */
        SCHEME_INVALID, /* the data is none of this scheme, or the system's crypt() does not know the method
                         */
};

/* `default_scheme` is for data without "{...}" in front. */
enum scheme_result scheme_verify(struct slice stored, const char *default_scheme, struct slice password);

/* The scheme's name as written, for the log. */
struct slice scheme_name(struct slice stored, const char *default_scheme);
/* Appends the same with the method that a "CRYPT" one turns out to be: "CRYPT, sha512crypt". Never anything
 * of the hash or its salt. */
void scheme_describe(struct slice stored, const char *default_scheme, struct buf *to);
bool scheme_known(const char *name);

/* Whether a password could match at all: the data is not empty, and not a locked account's ("!...", "*...").
 */
bool scheme_usable(struct slice stored, const char *default_scheme);

/* Appends what no password matches, but costs what a hash of crypt()'s preferred method costs. 0 or -errno.
 */
int scheme_sample(struct buf *to);

#endif
