#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"

void fd_close_p(int *fd)
{
        int saved = errno;
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
        errno = saved;
}

void dir_close_p(void *dirp)
{
        DIR *d = *(DIR **)dirp;
        if (d)
                closedir(d);
}

struct dirent *dir_next(DIR *d, int *ret_error)
{
        errno = 0;
        struct dirent *e = readdir(d);
        if (!e && errno)
                *ret_error = -errno;
        return e;
}

int fd_set_nonblocking(int fd)
{
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0)
                return -errno;
        return flags & O_NONBLOCK || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

int fd_wait(int fd, short events, deadline_t deadline)
{
        for (;;) {
                struct pollfd p = {.fd = fd, .events = events};
                int r = poll(&p, 1, deadline_left(deadline));
                if (r > 0)
                        return 0;
                if (r == 0)
                        return -ETIMEDOUT;
                if (errno != EINTR)
                        return -errno;
        }
}

int fd_write_all(int fd, struct slice s)
{
        while (s.n) {
                ssize_t n = write(fd, s.p, s.n);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                s = slice_from(s, (size_t)n);
        }
        return 0;
}

ssize_t fd_read_all(int fd, void *to, size_t n)
{
        size_t got = 0;
        while (got < n) {
                ssize_t r = read(fd, (char *)to + got, n - got);
                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0)
                        return -errno;
                if (r == 0)
                        break;
                got += (size_t)r;
        }
        return (ssize_t)got;
}

static int read_whole(int fd, struct buf *to)
{
        for (;;) {
                size_t want = 4096;
                if (to->max) {
                        /* one byte more than fits tells a full file from one too large */
                        char extra;
                        want = MIN(want, to->max - to->n);
                        if (want == 0) {
                                ssize_t r = fd_read_all(fd, &extra, 1);
                                return r < 0 ? (int)r : r == 0 ? 0 : -E2BIG;
                        }
                }
                char *p = buf_reserve(to, want);
                if (!p)
                        return to->error;
                ssize_t r = fd_read_all(fd, p, want);
                if (r < 0)
                        return (int)r;
                to->n += (size_t)r;
                if ((size_t)r < want)
                        return 0;
        }
}

int file_read_at(int dirfd, const char *name, struct buf *to)
{
        _cleanup_(fd_close_p) int fd =
                openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        return fd < 0 ? -errno : read_whole(fd, to);
}

int file_read(const char *path, struct buf *to)
{
        _cleanup_(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return fd < 0 ? -errno : read_whole(fd, to);
}

int file_replace_by(int dirfd, const char *tmp, const char *name, struct slice content, mode_t mode,
                    bool fsync_it)
{
        _cleanup_(fd_close_p) int fd =
                openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return -errno;
        int r = fd_write_all(fd, content);
        if (r == 0 && fsync_it && fsync(fd) < 0)
                r = -errno;
        if (r == 0 && renameat(dirfd, tmp, dirfd, name) < 0)
                r = -errno;
        if (r < 0)
                unlinkat(dirfd, tmp, 0);
        return r;
}

int file_replace_at(int dirfd, const char *name, struct slice content, mode_t mode, bool fsync_it)
{
        static unsigned counter;
        _cleanup_(free_p) char *tmp = xasprintf("%s.tmp.%ld.%u", name, (long)getpid(), counter++);
        return file_replace_by(dirfd, tmp, name, content, mode, fsync_it);
}

int dir_make_all(int dirfd, const char *path, mode_t mode)
{
        _cleanup_(free_p) char *p = xstrdup(path);
        for (char *slash = strchr(p + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                /* a parent that exists but lies in a directory we may not write is no error */
                if (mkdirat(dirfd, p, mode) < 0 && errno != EEXIST && errno != EACCES && errno != EROFS)
                        return -errno;
                *slash = '/';
        }
        return mkdirat(dirfd, p, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int fd_fsync_dir(int dirfd)
{
        return fsync(dirfd) < 0 ? -errno : 0;
}
