#ifndef STORE_MBOX_LOCK_H
#define STORE_MBOX_LOCK_H

/* The locks of an mbox, as mbox_read_locks and mbox_write_locks name them, in that order: dotlock (FILE.lock,
 * with link(2) or O_EXCL), fcntl (also for lockf: the same locks), flock. fcntl locks are those of the open
 * file description, which keep out other processes' plain ones and stay when another descriptor is closed.
 *
 * A dotlock is broken when its owner is a dead process of this host, or when neither it nor the mbox has
 * changed for mbox_dotlock_change_timeout (0: never); a live owner's never. In a spool that only the group
 * mail may write to, FILE.lock is made and removed with mail_privileged_group as the effective group.
 *
 * Hold a lock only while bytes are read or written, never while a client is waited for. */

#include "conf/settings.h"
#include "store/perm.h"

struct mbox_lock {
        int fd;  /* borrowed: the mbox */
        int dir; /* owned: of the mbox */
        char *path;
        unsigned held; /* bits of the kinds */
        bool write;
        const struct settings *settings; /* borrowed */
        char holder[128]; /* who has it, behind -ETIMEDOUT: "dotlock of process 123", "fcntl" */
};
#define MBOX_LOCK_NONE ((struct mbox_lock){.fd = -1, .dir = -1})

/* fd: the mbox, open for reading and, with `write`, for writing. 0; -ETIMEDOUT after mbox_lock_timeout;
 * -EACCES: FILE.lock cannot be made (Dovecot goes on without it when it is a privilege that is missing and
 * `fcntl` is held too: so do we); -errno. */
int mbox_lock_take(struct mbox_lock *l, int fd, const char *path, bool write,
                   const struct settings *settings);
/* While it lasts; tells others that the owner of a dotlock lives (its time stamp). */
void mbox_lock_touch(struct mbox_lock *l);
void mbox_lock_release(struct mbox_lock *l); /* also a _cleanup_ function */

#endif
