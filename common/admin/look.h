#ifndef ADMIN_LOOK_H
#define ADMIN_LOOK_H

/* What lies in a place where mail may be. Nothing is opened for writing. */

#include <sys/types.h>
#include <time.h>

#include "base/macro.h"

struct look {
        enum { LOOK_NOTHING, LOOK_MAILDIR, LOOK_FILE } kind;
        dev_t dev; /* what it is, however it is called */
        ino_t ino;
        uint64_t messages, in_new; /* of a Maildir; of an mbox the former by look_count() */
        uint64_t bytes;            /* of a file */
        time_t newest; /* when the last message came, or the file was changed; 0: there is no mail */
};

/* 0, or -errno with the directory that cannot be read in *ret_below ("", "cur", "new"). Of a Maildir the
 * directories are read, of a file nothing. What is not there has no inode; what is neither a file nor has
 * new/ or cur/ is nothing. */
int look_at(const char *path, struct look *ret, const char **ret_below);

/* Counts the messages of an mbox by reading it. No lock is taken: what is being delivered may count or not.
 * 0; -EBADMSG: it is no mbox; -EPERM: it belongs to another user, so that to read it would leave a trace,
 * which programs that look for new mail take for a reader's; -errno. */
int look_count(const char *path, struct look *l);

#endif
