#ifndef STORE_IMPORT_H
#define STORE_IMPORT_H

/* A folder that Courier served until now: its UIDs and keywords, when there is no dovecot-uidlist and nothing
 * else is known of the folder. */

#include "store/maildir.h"

bool import_is_due(const struct mailbox *m);
/* Puts the keywords into the names of the files. It can be cut off and done again: it comes before the list.
 */
int import_keywords(struct mailbox *m);
/* Its UIDs, as lines of the list that will be written. */
int import_lines(struct lines *l, void (*line)(void *context, const struct uidlist_line *line));

#endif
