#ifndef STORE_NAME_H
#define STORE_NAME_H

/* Names of folders as IMAP shows them, below the namespace's prefix ("a/b", UTF-8), and as they are on disk:
 * "a.b" behind the first dot in Maildir++, "a/b" below the root where levels are directories (mbox). Pure.
 *
 * On disk levels are in mUTF-7. What a level cannot hold is escaped as Dovecot's listescape does it, before
 * mUTF-7: "\2e" for '.' (in Maildir++, and where it is the separator), "\2f" for '/', "\5c" for the backslash
 * itself and "\7e" for '~' at the start of the name. Other forms are read as well: unescaped, and raw UTF-8,
 * which Courier 5 writes; so several names on disk can mean one name, and folder_resolve() finds the one that
 * is there. */

#include "base/buf.h"

enum {
        NAME_MAX_BYTES = 254, /* of a Maildir++ name on disk: a file name with its dot */
        NAME_MAX_LEVEL = 250, /* of a directory or file: a file name with ".lock" behind */
        NAME_MAX_PATH = 1024, /* of all levels: with the root's path it stays a path that can be opened */
        NAME_MAX_LEVELS = 16, /* directories below each other, as Dovecot limits them */
};

struct name_form {
        char separator;       /* between levels as IMAP shows them */
        char level;           /* and on disk: '.' Maildir++, '/' directories */
        const char *reserved; /* a directory's entry that is no level: DIRNAME= of mail_location; NULL */
};

/* Appends the form in which folders are made. -EINVAL: no such name can be (an empty level, control
 * characters, not UTF-8, one of name_is_reserved()); -ENAMETOOLONG: nor one as long or deep as this. */
int name_to_disk(const struct name_form *form, struct slice name, struct buf *to);
/* Appends the name of any form. -EINVAL: it is none. */
int name_from_disk(const struct name_form *form, struct slice disk, struct buf *to);

/* Entries of mbox directories that are never folders: hidden ones (".", "..", ".imap", ".subscriptions" and
 * all others that begin with a dot), locks, the files of Dovecot and ours, DIRNAME. */
bool name_is_reserved(const struct name_form *form, struct slice level);

/* Whether a new folder may have a name that can be: RFC 6855 section 3 forbids more control characters than
 * old folders may have. */
bool name_may_be_new(struct slice name);
/* One name in two normalisation forms (RFC 5198 section 3). */
bool name_same(struct slice a, struct slice b);

#endif
