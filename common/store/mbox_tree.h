#ifndef STORE_MBOX_TREE_H
#define STORE_MBOX_TREE_H

/* A directory of mboxes moves with all that is below it. With CONTROL= what a rewrite is finished with
 * (rewrite.h) is elsewhere, and gets its new place before the mail and loses the old one behind it: a rewrite
 * that begins meanwhile would leave its journal where nobody looks for it. There may be more mboxes below
 * than a session may have files open, and some may be made meanwhile, so such a RENAME does not take the
 * locks of all of them, but one that all have in common: the flock of the namespace's directory of CONTROL=.
 * Who changes an mbox has it shared, a RENAME of a directory has it alone. It is taken before the mbox's own
 * locks. Where directories cannot be locked nothing is.
 *
 * A journal of a session that was killed moves along. */

#include "store/folder.h"

/* Whether that is so for this folder; not for INBOX, which never moves with a directory. */
bool mbox_tree_is_apart(const struct folder_place *f);
/* The lock goes with *ret_fd, the caller's. -ETIMEDOUT after mbox_lock_timeout. Errors are set. */
int mbox_tree_lock(struct store *s, const struct folder_place *f, bool alone, int *ret_fd);

#endif
