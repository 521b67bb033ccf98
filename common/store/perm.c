#include "store/perm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"

int perm_of(int dirfd, struct perm *ret)
{
        struct stat st;
        if (fstat(dirfd, &st) < 0)
                return -errno;
        *ret = (struct perm){.dir = st.st_mode & 07777, .file = st.st_mode & 0666, .gid = (gid_t)-1};
        /* a group that may do what others may not, and that new files would not get by themselves */
        bool group_differs = (st.st_mode >> 3 & 7) != (st.st_mode & 7);
        if (group_differs && !(st.st_mode & S_ISGID) && st.st_gid != getegid())
                ret->gid = st.st_gid;
        return 0;
}

/* Not being allowed to give the group away must not keep mail from being stored: then the group gets nothing.
 */
static void adjust(int fd, mode_t want, gid_t gid)
{
        struct stat st;
        bool given = gid == (gid_t)-1 || fchown(fd, (uid_t)-1, gid) == 0;
        if (!given)
                want &= ~(mode_t)070;
        if (fstat(fd, &st) == 0 && (st.st_mode & 07777) != want)
                (void)!fchmod(fd, want);
}

int perm_mkdir(int at, const char *name, const struct perm *p)
{
        if (mkdirat(at, name, p->dir & 0777) < 0)
                return -errno;
        _cleanup_(fd_close_p) int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0)
                adjust(fd, p->dir, p->gid);
        return 0;
}

int perm_create(int at, const char *name, const struct perm *p, int *ret_fd)
{
        int fd = openat(at, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, p->file);
        if (fd < 0)
                return -errno;
        adjust(fd, p->file, p->gid);
        *ret_fd = fd;
        return 0;
}

int perm_replace_begin(int at, const char *name, const struct perm *p, int *ret_fd)
{
        _cleanup_(free_p) char *tmp = xasprintf("%s.tmp", name);
        /* whoever replaces a file holds its lock: a .tmp is what a killed process left */
        if (unlinkat(at, tmp, 0) < 0 && errno != ENOENT)
                return -errno;
        return perm_create(at, tmp, p, ret_fd);
}

int perm_replace_end(int at, const char *name, int fd, int r, bool sync)
{
        _cleanup_(free_p) char *tmp = xasprintf("%s.tmp", name);
        if (r == 0 && sync && fdatasync(fd) < 0)
                r = -errno;
        if (r == 0 && renameat(at, tmp, at, name) < 0)
                r = -errno;
        if (r < 0)
                unlinkat(at, tmp, 0);
        return r;
}

int perm_replace(int at, const char *name, struct slice content, const struct perm *p, bool sync)
{
        _cleanup_(fd_close_p) int fd = -1;
        int r = perm_replace_begin(at, name, p, &fd);
        return r < 0 ? r : perm_replace_end(at, name, fd, fd_write_all(fd, content), sync);
}

/* Outside of such a session the filter of system calls refuses to tell: then there is none. */
static bool group_ids(gid_t *ret_own, gid_t *ret_privileged)
{
        gid_t real;
        return getresgid(&real, ret_own, ret_privileged) == 0 && *ret_own != *ret_privileged;
}

bool perm_has_privilege(void)
{
        gid_t own, privileged;
        return group_ids(&own, &privileged);
}

int perm_privilege_begin(struct perm_privilege *p)
{
        gid_t own, privileged;
        if (!group_ids(&own, &privileged))
                return -EACCES;
        if (setresgid((gid_t)-1, privileged, (gid_t)-1) < 0)
                return -errno;
        p->own = own;
        return 0;
}

void perm_privilege_end(struct perm_privilege *p)
{
        int e = errno;
        if (p->own != (gid_t)-1 && (setresgid((gid_t)-1, p->own, (gid_t)-1) < 0 || getegid() != p->own))
                abort();
        *p = PERM_PRIVILEGE_NONE;
        errno = e;
}
