#ifndef BASE_LOCK_H
#define BASE_LOCK_H

/* Dot locks, compatible with Dovecot's: `name.lock` created with O_EXCL, holding "pid:hostname". A lock is
 * broken only when its owner is a dead process of this host (or has this process's own number: nobody takes a
 * lock twice), when nobody wrote a name into it, or when the lock of another host has not been touched for
 * `stale_ms`. */

#include "base/clock.h"
#include "base/macro.h"

struct dotlock {
        int dirfd;  /* borrowed; -1 when not held */
        char *path; /* owned: "name.lock" */
        int fd;     /* owned: the lock file, open for writing */
};

#define DOTLOCK_NONE ((struct dotlock){.dirfd = -1, .fd = -1})

/* 0; -ETIMEDOUT when somebody held it until the deadline; -errno. The lock file has `mode`. */
int dotlock_acquire(int dirfd, const char *name, int mode, deadline_t deadline, int64_t stale_ms,
                    struct dotlock *ret);
/* Renames the lock file (which the caller has written through ret->fd) over `name` and so releases it. */
int dotlock_replace(struct dotlock *l, const char *name);
/* Releases; also a _cleanup_ function; nothing happens when it is not held. */
void dotlock_release(struct dotlock *l);

#endif
