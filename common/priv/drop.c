#include "priv/drop.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/macro.h"

enum { GROUPS_MAX = 256 };

/* Also what a service manager gave to a process that is not root (AmbientCapabilities=). */
static int drop_capabilities(void)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}}, now[_LINUX_CAPABILITY_U32S_3];
        if (syscall(SYS_capset, &header, none) < 0 || syscall(SYS_capget, &header, now) < 0)
                return -errno;
        for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
                if (now[i].permitted || now[i].effective || now[i].inheritable)
                        return -EPERM;
        return 0;
}

static int become(uid_t uid, gid_t gid, gid_t saved_gid)
{
        if (uid == 0 || gid == 0 || saved_gid == 0)
                return -EPERM; /* nobody is served, and no client talked to, as root */
        if (setresgid(gid, gid, saved_gid) < 0 || setresuid(uid, uid, uid) < 0)
                return -errno;
        uid_t r, e, s;
        gid_t rg, eg, sg;
        if (getresuid(&r, &e, &s) < 0 || getresgid(&rg, &eg, &sg) < 0)
                return -errno;
        if (r != uid || e != uid || s != uid || rg != gid || eg != gid || sg != saved_gid)
                return -EPERM;
        /* the way back must be closed */
        if (setuid(0) == 0 || seteuid(0) == 0)
                return -EPERM;
        return drop_capabilities();
}

int drop_to_nobody(uid_t uid, gid_t gid, const char *empty_dir)
{
        if (geteuid() != 0)
                return drop_capabilities();
        if (chroot(empty_dir) < 0 || chdir("/") < 0)
                return -errno;
        if (setgroups(0, NULL) < 0)
                return -errno;
        return become(uid, gid, gid);
}

int drop_to_user(const char *name, uid_t uid, gid_t gid, gid_t privileged, const gid_t *extra, size_t extra_n)
{
        if (geteuid() != 0)
                return geteuid() == uid && getuid() == uid ? drop_capabilities() : -EPERM;
        gid_t groups[GROUPS_MAX] = {gid};
        int n = 1;
        if (name) {
                n = GROUPS_MAX;
                if (getgrouplist(name, gid, groups, &n) < 0)
                        n = GROUPS_MAX; /* more than we can hold: the first ones */
        }
        for (size_t i = 0; i < extra_n && n < GROUPS_MAX; i++)
                groups[n++] = extra[i];
        if (setgroups((size_t)n, groups) < 0)
                return -errno;
        return become(uid, gid, privileged == (gid_t)-1 ? gid : privileged);
}

int drop_standard(const int *keep, size_t n, int null)
{
#ifndef MAILSESSION_SANITIZED /* the sanitizers' reports go there */
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
                bool kept = false;
                for (size_t i = 0; i < n; i++)
                        kept = kept || keep[i] == fd;
                if (!kept && dup2(null, fd) < 0)
                        return -errno;
        }
#endif
        return 0;
}

void drop_others(const int *keep, size_t n)
{
        unsigned from = STDERR_FILENO + 1;
        for (bool again = true; again;) {
                unsigned next = ~0u;
                for (size_t i = 0; i < n; i++)
                        if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
                                next = (unsigned)keep[i];
                if (next > from)
                        close_range(from, next == ~0u ? ~0u : next - 1, 0);
                again = next != ~0u;
                from = next + 1;
        }
}
