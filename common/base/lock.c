#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/number.h"
#include "base/random.h"

enum {
        /* Between two looks at a lock that somebody else has: soon at first, then rarely enough to cost
         * nothing. */
        LOCK_DOT_WAIT_MS = 50,
        LOCK_FILE_WAIT_MS = 20,
        /* Who makes a lock writes his name into it at once, and looks whether it is still there: one without
         * a name that is older than this was left by a process that was killed in between. */
        LOCK_NAMELESS_MS = 1500,
};

/* When a lock may be broken. */
struct rule {
        const char *host; /* this one */
        int64_t stale_ms;
        int64_t now;      /* in milliseconds since 1970 */
        const char *file; /* what the lock is for, when other programs lock it as well */
};

/* What a lock file says of its owner. */
struct owner {
        bool readable;
        bool has_host, here; /* "pid:host"; of this host */
        pid_t pid;           /* 0: none */
};

static struct owner read_owner(int dirfd, const char *path, const char *host)
{
        _cleanup_(buf_free) struct buf b = BUF_BOUNDED(256);
        struct owner o = {.readable = file_read_at(dirfd, path, &b) == 0};
        struct slice text = slice_trim(buf_slice(&b));
        size_t digits = 0;
        uint32_t pid;
        if (!o.readable)
                return o;
        while (digits < text.n && ascii_isdigit(text.p[digits]))
                digits++;
        o.has_host = slice_find(text, ':') < text.n;
        o.here = o.has_host && slice_eq(slice_from(text, digits + 1), slice_of(host));
        /* "12\0", "12\n" and a second line are all in use */
        bool ends = digits == text.n || strchr(o.has_host ? ":" : " \t\r\n", text.p[digits]);
        if (ends && slice_to_u32(slice_head(text, digits), &pid) == 0 && pid <= INT32_MAX)
                o.pid = (pid_t)pid;
        return o;
}

static bool is_dead(pid_t pid)
{
        return kill(pid, 0) < 0 && errno == ESRCH;
}

static int64_t mtime_ms(const struct stat *st)
{
        return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

/* An mbox's time is set back by programs that read mail, but not that of its inode. */
static int64_t file_age(int dirfd, const struct rule *rule)
{
        struct stat st;
        if (fstatat(dirfd, rule->file, &st, 0) < 0)
                return INT64_MAX;
        int64_t ctime_ms = (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
        return rule->now - MAX(ctime_ms, mtime_ms(&st));
}

/* Whether the lock that `st` describes may be broken: its owner is gone. */
static bool is_stale(int dirfd, const char *path, const struct stat *st, const struct rule *rule)
{
        const struct owner o = read_owner(dirfd, path, rule->host);
        int64_t age = rule->now - mtime_ms(st);
        if (o.here && o.pid > 0)
                return is_dead(o.pid);
        bool old = rule->stale_ms > 0 && age > rule->stale_ms;
        if (rule->file)
                return old && file_age(dirfd, rule) > rule->stale_ms &&
                       (o.has_host || o.pid == 0 || is_dead(o.pid));
        return o.readable && !o.has_host ? age > LOCK_NAMELESS_MS : old;
}

static bool is_there_stale(int dirfd, const char *path, const struct rule *rule, struct stat *ret)
{
        return fstatat(dirfd, path, ret, AT_SYMLINK_NOFOLLOW) == 0 && is_stale(dirfd, path, ret, rule);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
               a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool is_at(int dirfd, const char *path, const struct stat *ours)
{
        struct stat there;
        return fstatat(dirfd, path, &there, AT_SYMLINK_NOFOLLOW) == 0 && ours->st_dev == there.st_dev &&
               ours->st_ino == there.st_ino;
}

static bool is_ours(int dirfd, const char *path, int fd)
{
        struct stat ours;
        return fstat(fd, &ours) == 0 && is_at(dirfd, path, &ours);
}

/* Whether this process is the only one that looks at breaking the lock at path now, told by a lock on that
 * very file, which takes the right to write to it: who may no more than read it keeps nobody from breaking
 * it. Where it cannot be had (another user's) it goes by what break_stale() does besides. */
static bool may_break(int dirfd, const char *path, int *ret_fd)
{
        *ret_fd = openat(dirfd, path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
        if (*ret_fd < 0)
                return errno != ENOENT;
        return filelock_acquire(*ret_fd, deadline_in_ms(0), NULL) != -ETIMEDOUT &&
               is_ours(dirfd, path, *ret_fd);
}

/* Removes the lock at path if it is stale. Two waiters that both found it so must not remove two locks, the
 * second of them the first waiter's new one: who breaks a lock has that very file locked. Others than we do
 * not ask for that: the lock is renamed away, which only one can do, and put back when it turns out to be
 * another one than was judged. (One that is put back after its owner's release looked for it would stay for
 * as long as he lives, so this alone is not enough.) */
static bool break_stale(int dirfd, const char *path, const struct rule *rule)
{
        struct stat judged, taken;
        _cleanup_(fd_close_p) int fd = -1;
        /* a second time: what was stale may have been broken and made anew before it was locked */
        if (!is_there_stale(dirfd, path, rule, &judged) || !may_break(dirfd, path, &fd) ||
            !is_there_stale(dirfd, path, rule, &judged))
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

/* One with our number is of a process that died, or was left by a release that failed, as on a full disk; who
 * holds it does not ask for it again. It is ours as it is: nothing has to be made or removed for that. */
static int take_own(int dirfd, const char *path, const char *host, int *ret_fd)
{
        const struct owner o = read_owner(dirfd, path, host);
        if (!o.here || o.pid != getpid())
                return -EEXIST;
        _cleanup_(fd_close_p) int fd = openat(dirfd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || !is_ours(dirfd, path, fd))
                return -EEXIST;
        (void)!futimens(fd, NULL);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int dotlock_acquire(int dirfd, const char *name, int mode, deadline_t deadline, int64_t stale_ms,
                    const struct lock_waiter *waiter, struct dotlock *ret)
{
        _cleanup_(free_p) char *path = xasprintf("%s.lock", name);
        char host[256] = "";
        gethostname(host, sizeof(host) - 1);
        for (int wait_ms = 1;; wait_ms = MIN(wait_ms * 2, LOCK_DOT_WAIT_MS)) {
                int fd = -1, r = make_lock(dirfd, path, mode, host, &fd);
                if (r == -EEXIST)
                        r = take_own(dirfd, path, host, &fd);
                if (r == 0)
                        *ret = (struct dotlock){dirfd, TAKE_PTR(path), fd};
                if (r != -EEXIST)
                        return r;
                const struct rule rule = {host, stale_ms, clock_realtime_us() / 1000, NULL};
                if (break_stale(dirfd, path, &rule))
                        continue;
                int left = deadline_left(deadline);
                if (left == 0)
                        return -ETIMEDOUT;
                lock_waiter_tell(waiter);
                poll(NULL, 0, left < 0 ? wait_ms : MIN(wait_ms, left));
        }
}

/* Whether a file to be linked to was left by a process that was killed. A wrong guess does no harm: who finds
 * that the lock is not his file does not have it. */
static bool is_left(int dirfd, const char *name, const struct rule *rule)
{
        struct stat st;
        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return true;
        const struct owner o = read_owner(dirfd, name, rule->host);
        return rule->now - mtime_ms(&st) > LOCK_NAMELESS_MS ||
               (o.here && o.pid > 0 && (o.pid == getpid() || is_dead(o.pid)));
}

/* A file with our name in it, to be linked to. */
static int make_named(int dirfd, const char *name, int mode, const struct rule *rule, int *ret_fd)
{
        int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
        _cleanup_(fd_close_p) int fd = openat(dirfd, name, flags, (mode_t)mode);
        if (fd < 0 && errno == EEXIST) {
                if (!is_left(dirfd, name, rule))
                        return -EEXIST;
                unlinkat(dirfd, name, 0);
                fd = openat(dirfd, name, flags, (mode_t)mode);
        }
        if (fd < 0)
                return -errno;
        int r = write_owner(fd, rule->host);
        if (r < 0) {
                unlinkat(dirfd, name, 0);
                return r;
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* What is there afterwards decides: an answer that NFS lost and asked for again says "exists" of a link that
 * is ours, and the file that was linked may be somebody else's by now. */
static int link_lock(int dirfd, const char *from, const struct stat *ours, const char *path)
{
        int r = linkat(dirfd, from, dirfd, path, 0) < 0 ? -errno : 0;
        if (is_at(dirfd, path, ours))
                return 0;
        return r == 0 || r == -ENOENT ? -EEXIST : r;
}

/* One name for each host, so that what is left is found and replaced by the next who wants the lock. */
static int lock_by_link(int dirfd, const char *path, int mode, struct rule *rule, int *ret_fd)
{
        _cleanup_(free_p) char *name = xasprintf(".%s.%s", path, rule->host);
        _cleanup_(fd_close_p) int fd = -1;
        struct stat ours;
        int r = make_named(dirfd, name, mode, rule, &fd);
        if (r == 0 && fstat(fd, &ours) < 0)
                r = -errno;
        if (r < 0)
                return r;
        r = link_lock(dirfd, name, &ours, path);
        if (r == -EEXIST) {
                /* the clocks of this host and of the file system may differ */
                rule->now = MIN(rule->now, mtime_ms(&ours));
                if (break_stale(dirfd, path, rule))
                        r = link_lock(dirfd, name, &ours, path);
        }
        if (is_at(dirfd, name, &ours))
                unlinkat(dirfd, name, 0);
        if (r == 0)
                *ret_fd = TAKE_FD(fd);
        return r;
}

/* Of link(2), or of the longer name. */
static bool is_without_links(int r)
{
        return r == -EPERM || r == -EOPNOTSUPP || r == -ENOSYS || r == -EMLINK || r == -ENAMETOOLONG;
}

int dotlock_try(int dirfd, const char *name, int mode, int64_t stale_ms, struct dotlock *ret)
{
        _cleanup_(free_p) char *path = xasprintf("%s.lock", name);
        char host[256] = "";
        gethostname(host, sizeof(host) - 1);
        struct rule rule = {host, stale_ms, clock_realtime_us() / 1000, name};
        struct stat st;
        int fd = -1, r = -EEXIST;
        if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
                r = take_own(dirfd, path, host, &fd);
                /* who waits makes no files */
                if (r < 0 && !is_stale(dirfd, path, &st, &rule))
                        return -EAGAIN;
        }
        if (r < 0)
                r = lock_by_link(dirfd, path, mode, &rule, &fd);
        if (is_without_links(r))
                r = make_lock(dirfd, path, mode, host, &fd);
        if (r == 0)
                *ret = (struct dotlock){dirfd, TAKE_PTR(path), fd};
        return r == -EEXIST ? -EAGAIN : r;
}

pid_t dotlock_owner(int dirfd, const char *name)
{
        _cleanup_(free_p) char *path = xasprintf("%s.lock", name);
        return read_owner(dirfd, path, "").pid;
}

int dotlock_touch(const struct dotlock *l)
{
        return futimens(l->fd, NULL) < 0 ? -errno : 0;
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

static int try_file(int fd, bool shared)
{
        struct flock lock = {.l_type = shared ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};
        return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

static int try_dir(int fd, bool shared)
{
        return flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0 ? -errno : 0;
}

static int wait_for(int (*try)(int fd, bool shared), int fd, bool shared, deadline_t deadline,
                    const struct lock_waiter *waiter)
{
        for (int wait_ms = 1;; wait_ms = MIN(wait_ms * 2, LOCK_FILE_WAIT_MS)) {
                int r = try(fd, shared);
                if (r != -EAGAIN && r != -EACCES && r != -EINTR)
                        return r;
                if (deadline_left(deadline) == 0)
                        return -ETIMEDOUT;
                lock_waiter_tell(waiter);
                poll(NULL, 0, wait_ms);
        }
}

int filelock_acquire(int fd, deadline_t deadline, const struct lock_waiter *waiter)
{
        return wait_for(try_file, fd, false, deadline, waiter);
}

int dirlock_acquire(int fd, bool shared, deadline_t deadline, const struct lock_waiter *waiter)
{
        return wait_for(try_dir, fd, shared, deadline, waiter);
}

void filelock_release(int fd)
{
        struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
        if (fd >= 0)
                (void)!fcntl(fd, F_OFD_SETLK, &lock);
}
