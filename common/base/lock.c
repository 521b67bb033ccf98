#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/number.h"
#include "base/random.h"

enum {
        /* Who makes a lock writes his name into it at once, and looks whether it is still there: one without
         * a name that is older than this was left by a process that was killed in between. */
        LOCK_NAMELESS_MS = 1500,
};

/* Whether the lock that `st` describes may be broken: its owner is gone. */
static bool is_stale(int dirfd, const char *path, const struct stat *st, const char *host, int64_t stale_ms)
{
        _cleanup_(buf_free) struct buf b = BUF_BOUNDED(256);
        int64_t age = (int64_t)(time(NULL) - st->st_mtime) * 1000;
        if (file_read_at(dirfd, path, &b) == 0) {
                struct slice owner = slice_trim(buf_slice(&b)), pid_text;
                uint32_t pid;
                if (slice_find(owner, ':') == owner.n)
                        return age > LOCK_NAMELESS_MS;
                if (slice_split(&owner, ':', &pid_text) && slice_to_u32(pid_text, &pid) == 0 && pid > 0 &&
                    pid <= INT32_MAX && slice_eq(owner, slice_of(host)))
                        /* with our number: a process that died, or a release that failed; who holds it
                         * does not ask for it again */
                        return (pid_t)pid == getpid() || (kill((pid_t)pid, 0) < 0 && errno == ESRCH);
        }
        return stale_ms > 0 && age > stale_ms;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
               a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Removes the lock at path if it is stale. Two waiters that both found it so must not remove two locks, the
 * second of them the first waiter's new one: it is renamed away, which only one of them can do, and put back
 * when it turns out to be another lock than the one that was judged. */
static bool break_stale(int dirfd, const char *path, const char *host, int64_t stale_ms)
{
        struct stat judged, taken;
        if (fstatat(dirfd, path, &judged, AT_SYMLINK_NOFOLLOW) < 0 ||
            !is_stale(dirfd, path, &judged, host, stale_ms))
                return false;
        _cleanup_(free_p) char *aside = xasprintf("%s.%ld.%08x", path, (long)getpid(), random_u32());
        if (renameat(dirfd, path, dirfd, aside) < 0)
                return errno == ENOENT;
        /* when its place is taken already, its owner finds out at the release */
        bool put_back = fstatat(dirfd, aside, &taken, AT_SYMLINK_NOFOLLOW) == 0 &&
                        !same_file(&judged, &taken) && linkat(dirfd, aside, dirfd, path, 0) == 0;
        unlinkat(dirfd, aside, 0);
        return !put_back;
}

static int write_owner(int fd, const char *host)
{
        char owner[300];
        int n = snprintf(owner, sizeof(owner), "%ld:%s", (long)getpid(), host);
        return fd_write_all(fd, slice_make(owner, (size_t)n));
}

static bool is_ours(int dirfd, const char *path, int fd)
{
        struct stat ours, there;
        return fstat(fd, &ours) == 0 && fstatat(dirfd, path, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
               ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* -EEXIST: somebody has it, or took ours for a dead process's before our name was in it. */
static int make_lock(int dirfd, const char *path, int mode, const char *host, int *ret_fd)
{
        _cleanup_(fd_close_p) int fd =
                openat(dirfd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
        if (fd < 0)
                return -errno;
        int r = write_owner(fd, host);
        if (r < 0) {
                unlinkat(dirfd, path, 0);
                return r;
        }
        if (!is_ours(dirfd, path, fd))
                return -EEXIST;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int dotlock_acquire(int dirfd, const char *name, int mode, deadline_t deadline, int64_t stale_ms,
                    struct dotlock *ret)
{
        _cleanup_(free_p) char *path = xasprintf("%s.lock", name);
        char host[256] = "";
        gethostname(host, sizeof(host) - 1);
        for (int wait_ms = 1;; wait_ms = MIN(wait_ms * 2, 50)) {
                int fd = -1, r = make_lock(dirfd, path, mode, host, &fd);
                if (r == 0)
                        *ret = (struct dotlock){dirfd, TAKE_PTR(path), fd};
                if (r != -EEXIST)
                        return r;
                if (break_stale(dirfd, path, host, stale_ms))
                        continue;
                int left = deadline_left(deadline);
                if (left == 0)
                        return -ETIMEDOUT;
                poll(NULL, 0, left < 0 ? wait_ms : MIN(wait_ms, left));
        }
}

int dotlock_replace(struct dotlock *l, const char *name)
{
        int r = renameat(l->dirfd, l->path, l->dirfd, name) < 0 ? -errno : 0;
        if (r < 0) {
                dotlock_release(l);
                return r;
        }
        free(l->path);
        fd_close_p(&l->fd);
        *l = DOTLOCK_NONE;
        return 0;
}

void dotlock_release(struct dotlock *l)
{
        /* not what somebody put in its place after he had broken our lock */
        if (l->dirfd >= 0 && is_ours(l->dirfd, l->path, l->fd))
                unlinkat(l->dirfd, l->path, 0);
        free(l->path);
        fd_close_p(&l->fd);
        *l = DOTLOCK_NONE;
}
