#include "priv/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#ifdef HAVE_SECCOMP
#include "priv/bpf-edge.h"
#include "priv/bpf-session.h"
#include "priv/bpf-spool.h"
#endif

enum {
        EDGE_DATA_MAX = 64 * 1024 * 1024,
        SESSION_DATA_MAX = 512 * 1024 * 1024,
        SESSION_FILES_MAX = 128,
};

/* Access rights by the kernel's landlock version (linux/landlock.h); the names of later ones may be missing
 * from the header this is built with. */
enum {
        FS_READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
        FS_VERSION_1 = (1 << 13) - 1, /* EXECUTE to MAKE_SYM */
        FS_REFER = 1 << 13,           /* version 2: rename and link between directories */
        FS_TRUNCATE = 1 << 14,        /* version 3 */
        FS_IOCTL_DEV = 1 << 15,       /* version 5 */
        NET_ALL = 3,                  /* version 4: bind and connect TCP */
        SCOPE_ALL = 3,                /* version 6: abstract sockets and signals */
        LANDLOCK_MIN = 2,             /* Maildir renames between new/ and cur/: version 1 forbids that */
};

/* struct landlock_ruleset_attr of version 6; older kernels take its beginning. */
struct ruleset {
        uint64_t fs, net, scoped;
};

static int landlock_version(void)
{
        long v = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        return v < 0 ? 0 : (int)v;
}

static uint64_t landlock_fs_rights(int version)
{
        return (uint64_t)FS_VERSION_1 | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) |
               (version >= 5 ? FS_IOCTL_DEV : 0);
}

static int landlock_allow(int ruleset, const char *path, uint64_t rights)
{
        _cleanup_(fd_close_p) int fd = open(path, O_PATH | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT || errno == EACCES || errno == ENOTDIR ? 0 : -errno;
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode))
                rights &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;
        struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
        return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

/* 1 in force, 0 the kernel has none that would do, -errno. */
static int landlock_enter(const char *const *writable, const char *const *readable)
{
        int version = landlock_version();
        if (version < LANDLOCK_MIN)
                return 0;
        struct ruleset attr = {.fs = landlock_fs_rights(version), .net = NET_ALL, .scoped = SCOPE_ALL};
        size_t size = version >= 6 ? sizeof(attr) : version >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
        _cleanup_(fd_close_p) int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
        if (fd < 0)
                return -errno;
        uint64_t write_rights =
                attr.fs & ~(uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                      LANDLOCK_ACCESS_FS_MAKE_BLOCK | FS_IOCTL_DEV);
        int r = 0;
        for (; r == 0 && writable && *writable; writable++)
                r = landlock_allow(fd, *writable, write_rights);
        for (; r == 0 && readable && *readable; readable++)
                r = landlock_allow(fd, *readable, FS_READ);
        if (r == 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
                r = -errno;
        return r < 0 ? r : 1;
}

#ifdef HAVE_SECCOMP
static bool has_privileged_group(void)
{
        gid_t real, effective, saved;
        return getresgid(&real, &effective, &saved) == 0 && saved != effective;
}
#endif

/* 1 in force, 0 not built in or not in the kernel, -errno. */
static int seccomp_enter(const struct sock_filter *filter, size_t n)
{
        if (n == 0)
                return 0;
        struct sock_fprog program = {.len = (unsigned short)n,
                                     .filter = (struct sock_filter *)(uintptr_t)filter};
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
                return errno == EINVAL ? 0 : -errno;
        return 1;
}

static int limit(int resource, rlim_t value)
{
        struct rlimit l = {value, value};
        if (setrlimit((__rlimit_resource_t)resource, &l) == 0)
                return 0;
        /* lower already, and only root may raise it */
        if (errno != EPERM || getrlimit((__rlimit_resource_t)resource, &l) < 0)
                return -errno;
        l.rlim_cur = l.rlim_max;
        return setrlimit((__rlimit_resource_t)resource, &l) < 0 ? -errno : 0;
}

static int common_limits(rlim_t data)
{
        int r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
        /* no process of the same uid looks into this one; changing the uid had that effect, without root
         * nothing had */
        if (r == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                r = -errno;
        if (r == 0)
                r = limit(RLIMIT_CORE, 0); /* a core could hold somebody's mail or password */
        if (r == 0)
                r = limit(RLIMIT_NPROC, 0);
#ifndef MAILSESSION_SANITIZED
        if (r == 0)
                r = limit(RLIMIT_DATA, data);
#endif
        return r;
}

static int parts_of(int landlock, int seccomp)
{
        if (landlock < 0 || seccomp < 0)
                return landlock < 0 ? landlock : seccomp;
        return (landlock ? SANDBOX_LANDLOCK : 0) | (seccomp ? SANDBOX_SECCOMP : 0);
}

int sandbox_edge(void)
{
        int r = common_limits(EDGE_DATA_MAX);
        if (r < 0)
                return r;
        int landlock = landlock_enter(NULL, NULL);
        if (landlock < 0)
                return landlock;
        /* what is open stays open; nothing can be opened, accepted or duplicated (the limit is about new
         * descriptors; poll() knows it too, and is asked for three at most) */
        r = limit(RLIMIT_NOFILE, 3);
        if (r < 0)
                return r;
#ifdef HAVE_SECCOMP
        return parts_of(landlock, seccomp_enter(bpf_edge, ARRAY_LEN(bpf_edge)));
#else
        return parts_of(landlock, seccomp_enter(NULL, 0));
#endif
}

int sandbox_session(const char *const *paths)
{
        /* iconv loads its converters when a message needs them; localtime() looks at the zone */
        static const char *const readable[] = {
                "/usr/lib",       "/usr/lib64",          "/lib", "/lib64", "/etc/ld.so.cache",
                "/etc/localtime", "/usr/share/zoneinfo", NULL};
        int r = common_limits(SESSION_DATA_MAX);
        if (r == 0)
                r = limit(RLIMIT_NOFILE, SESSION_FILES_MAX);
        if (r < 0)
                return r;
        int landlock = landlock_enter(paths, readable);
        if (landlock < 0)
                return landlock;
#ifdef HAVE_SECCOMP
        return parts_of(landlock, has_privileged_group()
                                          ? seccomp_enter(bpf_spool, ARRAY_LEN(bpf_spool))
                                          : seccomp_enter(bpf_session, ARRAY_LEN(bpf_session)));
#else
        return parts_of(landlock, seccomp_enter(NULL, 0));
#endif
}
