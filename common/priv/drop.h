#ifndef PRIV_DROP_H
#define PRIV_DROP_H

/* Giving up privileges for good. Everything here is checked afterwards: a call that said yes and did nothing
 * is an error. */

#include <stddef.h>
#include <sys/types.h>

/* To an unprivileged account without groups, in an empty root directory; for the edge. When the process is
 * not root already, only capabilities go. -EPERM for uid or gid 0. */
int drop_to_nobody(uid_t uid, gid_t gid, const char *empty_dir);

/* To a mail user, with the groups the system gives to the account `name` (NULL: none but gid) and `extra`
 * ones. `privileged` is not among them: the saved group id keeps it, for store/perm.h; (gid_t)-1 for none.
 * When the process is not root it must be that user already: -EPERM. So it is for uid or gid 0. */
int drop_to_user(const char *name, uid_t uid, gid_t gid, gid_t privileged, const gid_t *extra,
                 size_t extra_n);

/* The standard descriptors that are not among `keep` become copies of `null`: a log there is shared by all
 * sessions, and its lines count as the starter's. 0 or -errno. Under the sanitizers they stay, for the
 * reports. */
int drop_standard(const int *keep, size_t n, int null);

/* Closes everything above the standard descriptors that is not among `keep`; -1 there is nothing. */
void drop_others(const int *keep, size_t n);

#endif
