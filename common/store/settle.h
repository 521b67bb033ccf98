#ifndef STORE_SETTLE_H
#define STORE_SETTLE_H

/* What follows from a look at the directories: UIDs for files that have none, the move out of new/, names
 * that two files have. */

#include "store/maildir.h"

/* Whether there is something to do even if nothing has changed: mail that waits in new/. */
bool settle_is_due(const struct mailbox *m);
/* A save of several messages that was cut off before its lines were written is taken back: nobody was told
 * of it. */
void settle_intent(struct mailbox *m, const struct lines *l);
/* After the passes: enters what was found, and what the folder looks like now. */
int settle(struct scan *s);

#endif
