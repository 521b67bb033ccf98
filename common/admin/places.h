#ifndef ADMIN_PLACES_H
#define ADMIN_PLACES_H

/* The places of a user's mail besides INBOX itself: namespaces with their roots, and the lock files of
 * mboxes; and what can be wrong with any path. All as this process may see it. */

#include "admin/admin.h"
#include "store/folder.h"

/* The store's last error as a problem. */
void places_error(struct admin *a, struct store *s);
/* Whether the path permits it, R_OK and so on; what does not is a problem, and what is not there is none. */
void places_access(struct admin *a, struct store *s, const char *path, int mode);
/* The next directory upwards that is there. */
const char *places_existing(const struct admin *a, const char *path);
/* "drwxrwsr-x", in the arena. */
const char *places_mode(const struct admin *a, mode_t mode);

/* One line for each namespace, with its location. */
void places_namespaces(const struct admin *a, const struct store *s);
/* Of each root that is not the INBOX itself: whether it is there, or can be made, and can be used. */
void places_roots(struct admin *a, struct store *s, const struct folder_place *inbox);
/* Which locks mboxes get, and whether the lock file of an INBOX that is one can be made. */
void places_locks(struct admin *a, const struct store *s, const struct folder_place *inbox);

#endif
