#ifndef STORE_NAME_H
#define STORE_NAME_H

/* Names of folders as IMAP shows them, below the namespace's prefix ("a/b", UTF-8), and as Maildir++ has them
 * on disk behind the first dot ("a.b"). Pure.
 *
 * On disk levels are in mUTF-7 with '.' between them. What a level cannot hold is escaped as Dovecot's
 * listescape does it, before mUTF-7: "\2e" for '.', "\2f" for '/', "\5c" for the backslash itself and "\7e"
 * for '~' at the start of the name. Other forms are read as well: unescaped, and raw UTF-8, which Courier 5
 * writes; so several names on disk can mean one name, and folder_resolve() finds the one that is there. */

#include "base/buf.h"

enum { NAME_MAX_BYTES = 254 /* on disk: a file name with its dot */ };

/* Appends the form in which folders are made. -EINVAL: no such name can be (an empty level, control
 * characters, not UTF-8); -ENAMETOOLONG: nor one as long as this. */
int name_to_disk(char separator, struct slice name, struct buf *to);
/* Appends the name of any form. -EINVAL: it is none. */
int name_from_disk(char separator, struct slice disk, struct buf *to);

/* Whether a new folder may have a name that can be: RFC 6855 section 3 forbids more control characters than
 * old folders may have. */
bool name_may_be_new(struct slice name);
/* One name in two normalisation forms (RFC 5198 section 3). */
bool name_same(struct slice a, struct slice b);

#endif
