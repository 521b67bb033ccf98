#ifndef ADMIN_LOOK_H
#define ADMIN_LOOK_H

/* What lies in a place where mail may be, found by reading directories alone: nothing is opened for writing,
 * no message is read. */

#include <sys/types.h>
#include <time.h>

#include "base/macro.h"

struct look {
        enum { LOOK_NOTHING, LOOK_MAILDIR, LOOK_FILE } kind;
        dev_t dev; /* what it is, however it is called */
        ino_t ino;
        uint64_t messages, in_new; /* of a Maildir */
        uint64_t bytes;            /* of a file */
        time_t newest; /* when the last message came, or the file was changed; 0: there is no mail */
};

/* 0, or -errno with the directory that cannot be read in *ret_below ("", "cur", "new"). What is not there, or
 * is neither a file nor has new/ and cur/, is nothing. */
int look_at(const char *path, struct look *ret, const char **ret_below);

#endif
