#ifndef BASE_LOCK_H
#define BASE_LOCK_H

/* Locks between processes.
 *
 * Dot locks, compatible with Dovecot's: `name.lock`, holding "pid:hostname". A lock is broken only when its
 * owner is a dead process of this host, when nobody wrote a name into it, or when the lock of another host
 * has not been touched for `stale_ms`. One that has this process's number is taken as it is: nobody takes a
 * lock twice. */

#include <sys/types.h>

#include "base/clock.h"
#include "base/macro.h"

/* Who waits for a lock: told again and again while somebody else has it. It must not wait for anything. */
struct lock_waiter {
        void (*waits)(void *context); /* NULL: nobody wants to know */
        void *context;
};

struct dotlock {
        int dirfd;  /* borrowed; -1 when not held */
        char *path; /* owned: "name.lock" */
        int fd;     /* owned: the lock file, open for writing */
};

#define DOTLOCK_NONE ((struct dotlock){.dirfd = -1, .fd = -1})

/* Created with O_EXCL. 0; -ETIMEDOUT when somebody held it until the deadline; -errno. The lock file has
 * `mode`. */
int dotlock_acquire(int dirfd, const char *name, int mode, deadline_t deadline, int64_t stale_ms,
                    const struct lock_waiter *waiter, struct dotlock *ret);
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

/* The fcntl lock of an open file as a whole: it goes with that, so that who dies has none. 0; -ETIMEDOUT;
 * -errno. */
int filelock_acquire(int fd, deadline_t deadline, const struct lock_waiter *waiter);
void filelock_release(int fd); /* nothing happens when it is negative */

/* The flock of an open directory, which needs no file in it; the last descriptor takes it along. `shared`:
 * others may have it shared as well. 0; -ETIMEDOUT; -errno: directories cannot be locked there. */
int dirlock_acquire(int fd, bool shared, deadline_t deadline, const struct lock_waiter *waiter);

/* For who waits in a loop of his own. */
static inline void lock_waiter_tell(const struct lock_waiter *w)
{
        if (w && w->waits)
                w->waits(w->context);
}

#endif
