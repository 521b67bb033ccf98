#ifndef BASE_LOCK_H
#define BASE_LOCK_H

/* Dot locks, compatible with Dovecot's: `name.lock`, holding "pid:hostname". A lock is broken only when its
 * owner is a dead process of this host, when nobody wrote a name into it, or when the lock of another host
 * has not been touched for `stale_ms`. One that has this process's number is taken as it is: nobody takes a
 * lock twice. */

#include <sys/types.h>

#include "base/clock.h"
#include "base/macro.h"

struct dotlock {
        int dirfd;  /* borrowed; -1 when not held */
        char *path; /* owned: "name.lock" */
        int fd;     /* owned: the lock file, open for writing */
};

#define DOTLOCK_NONE ((struct dotlock){.dirfd = -1, .fd = -1})

/* Created with O_EXCL. 0; -ETIMEDOUT when somebody held it until the deadline; -errno. The lock file has
 * `mode`. */
int dotlock_acquire(int dirfd, const char *name, int mode, deadline_t deadline, int64_t stale_ms,
                    struct dotlock *ret);
/* One try at the lock of a file that all kinds of mail programs lock (an mbox). What theirs hold is "pid",
 * "0" or nothing: without a name it may be anybody's, on any host, and is broken only when neither it nor
 * `name` has changed for `stale_ms` (0: never), by the clock of the file system; a number of a process that
 * lives here is believed. The lock is made by link(2), so that it is never seen without its owner's name and
 * holds on NFS; with O_EXCL where a file system has no links. 0; -EAGAIN: somebody has it; -errno. */
int dotlock_try(int dirfd, const char *name, int mode, int64_t stale_ms, struct dotlock *ret);
/* The process that the lock of `name` says has it, on whatever host; 0: it does not say. */
pid_t dotlock_owner(int dirfd, const char *name);
/* Makes the lock young again, by the clock of the file system, for those who go by age; when somebody has
 * broken it, his is left alone. 0 or -errno. */
int dotlock_touch(const struct dotlock *l);
/* Releases; also a _cleanup_ function; nothing happens when it is not held. */
void dotlock_release(struct dotlock *l);

#endif
