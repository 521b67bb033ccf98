#ifndef STORE_MBOX_LOCK_H
#define STORE_MBOX_LOCK_H

/* The locks of an mbox, as mbox_read_locks and mbox_write_locks name them, in that order: dotlock (FILE.lock,
 * base/lock.h), dotlock_try (the same, and nothing where it cannot be made), fcntl (also for lockf: the same
 * locks), flock. fcntl locks are those of the open file description, which keep out other processes' plain
 * ones and stay when another descriptor is closed. Who writes takes the locks of readers as well.
 *
 * All are had or none: while one of them is somebody else's the others are given back, so that a program that
 * takes them in another order gets on.
 *
 * A dotlock is broken when its owner is a dead process of this host, or when nobody knows its owner and
 * neither it nor the mbox has changed for mbox_dotlock_change_timeout (0: never). In a spool that only the
 * group mail may write to, FILE.lock is made and removed with mail_privileged_group as the effective group,
 * for an mbox that is the user's own or that the user may write.
 *
 * While it is held for long, its dotlock is kept young (mbox_lock_keep()). Should another program break it
 * all the same, what was begun is finished under the other locks, and his dotlock stays when ours is given
 * back.
 *
 * Hold a lock only while bytes are read or written, never while a client is waited for, and never two of one
 * mbox in one process. */

#include <sys/stat.h>

#include "base/clock.h"
#include "base/lock.h"
#include "conf/settings.h"
#include "store/perm.h"

enum {
        /* Others break a dotlock for its age alone, however alive its owner is: maildrop after 60 s, Postfix
         * after 500 s, what is made with liblockfile after 300 s where it does not know the owner. */
        MBOX_LOCK_KEEP_MS = 15 * 1000,
};

struct mbox_lock {
        int fd;         /* borrowed: the mbox */
        int dir;        /* owned: of the mbox; AT_FDCWD where no dotlock is taken */
        char *name;     /* owned: of the mbox in it */
        struct stat st; /* of the mbox, when the locks were had */
        unsigned held;  /* bits of the kinds, in mbox_lock.c */
        bool write;
        bool privileged; /* the dotlock was made with the group */
        struct dotlock dotlock;
        deadline_t keep;                 /* when it is touched next */
        const struct settings *settings; /* borrowed */
        struct lock_waiter waiter;       /* set before mbox_lock_take() */
        char holder[256]; /* behind -ETIMEDOUT who has it: "spool.lock of process 123", "fcntl lock of process
                             123"; behind -EACCES which directory does not allow it, and the remedy */
};
#define MBOX_LOCK_NONE ((struct mbox_lock){.fd = -1, .dir = -1, .dotlock = DOTLOCK_NONE})

/* *l is MBOX_LOCK_NONE, or was released. fd: the mbox, open for reading and, with `write`, for writing. 0;
 * -ETIMEDOUT after mbox_lock_timeout; -ESTALE: another file is at path now (open it again), or none; -EACCES:
 * FILE.lock cannot be made; -errno. Nothing is held on failure, but holder[] tells, until the next use. */
int mbox_lock_take(struct mbox_lock *l, int fd, const char *path, bool write,
                   const struct settings *settings);
/* To be called again and again while it is held: it costs a look at the clock, or nothing. */
void mbox_lock_keep(struct mbox_lock *l);
void mbox_lock_release(struct mbox_lock *l); /* also a _cleanup_ function */

#endif
