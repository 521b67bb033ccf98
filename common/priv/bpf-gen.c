/* Build-time program: writes a role's system call filter as a C array, so that a session installs it with one
 * prctl and links no filter compiler. Usage: bpf-gen edge|session|spool [sanitized]; `spool` is a session
 * with mail_privileged_group.
 *
 * A call that is not listed fails with EPERM: the program goes on and can say so in the log. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What talking on open descriptors, memory and time need. */
static const char *const for_both[] = {"read",
                                       "write",
                                       "readv",
                                       "writev",
                                       "recvfrom",
                                       "poll",
                                       "ppoll",
                                       "close",
                                       "shutdown",
                                       "exit",
                                       "exit_group",
                                       "rt_sigreturn",
                                       "rt_sigprocmask",
                                       "restart_syscall",
                                       "clock_gettime",
                                       "gettimeofday",
                                       "time",
                                       "brk",
                                       "munmap",
                                       "mremap",
                                       "madvise",
                                       "futex",
                                       "getrandom",
                                       "getpid",
                                       "gettid",
                                       "clock_nanosleep",
                                       NULL};

/* What working in a Maildir needs besides. Landlock says where. */
static const char *const for_session[] = {"sendmsg", /* the journal */
                                          "pread64",
                                          "pwrite64",
                                          "lseek",
                                          "fstat",
                                          "newfstatat",
                                          "stat",
                                          "lstat",
                                          "statx",
                                          "fstatfs",
                                          "statfs",
                                          "getdents64",
                                          "rename",
                                          "renameat",
                                          "renameat2",
                                          "link",
                                          "linkat",
                                          "unlink",
                                          "unlinkat",
                                          "mkdir",
                                          "mkdirat",
                                          "rmdir",
                                          "fsync",
                                          "fdatasync",
                                          "ftruncate",
                                          "fallocate",
                                          "fadvise64",
                                          "utimensat",
                                          "fchown",
                                          "fchownat",
                                          "chown",
                                          "umask",
                                          "access",
                                          "faccessat",
                                          "faccessat2",
                                          "readlink",
                                          "readlinkat",
                                          "getcwd",
                                          "copy_file_range",
                                          "sendfile",
                                          "inotify_init1",
                                          "inotify_add_watch",
                                          "inotify_rm_watch",
                                          "getuid",
                                          "geteuid",
                                          "getgid",
                                          "getegid",
                                          "getgroups",
                                          "uname",
                                          "getrusage",
                                          "sysinfo",
                                          "msync",
                                          "rt_sigaction",
                                          "flock",
                                          NULL};

/* The sanitizers' runtime. */
static const char *const for_sanitizers[] = {"sigaltstack", "rt_sigaction", "sched_yield",
                                             "getrusage",   "prctl",        "getuid",
                                             "tgkill",      "getrlimit",    NULL};

static void must(int r, const char *what)
{
        if (r < 0) {
                fprintf(stderr, "bpf-gen: %s: %s\n", what, strerror(-r));
                exit(EXIT_FAILURE);
        }
}

static void allow_names(scmp_filter_ctx ctx, const char *const *names)
{
        for (; *names; names++) {
                int nr = seccomp_syscall_resolve_name(*names);
                if (nr == __NR_SCMP_ERROR || nr < 0) /* this architecture has a newer form only */
                        continue;
                int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
                must(r == -EEXIST ? 0 : r, *names);
        }
}

/* Memory is never both mapped anonymously and executable, nor made executable afterwards. */
static void allow_memory(scmp_filter_ctx ctx, bool libraries)
{
        must(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
             "mmap");
        if (libraries)
                must(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                                      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC),
                                      SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, 0)),
                     "mmap of libraries");
        must(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
             "mprotect");
}

/* To the other end of a socket, and nowhere else. */
static void allow_send(scmp_filter_ctx ctx)
{
        must(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1, SCMP_A4(SCMP_CMP_EQ, 0, 0)),
             "sendto");
}

/* Calls with a mode, of which number `argument` is the mode: never one that makes a program run as the user.
 */
static void allow_modes(scmp_filter_ctx ctx)
{
        static const struct {
                const char *name;
                unsigned argument;
        } calls[] = {{"open", 2}, {"openat", 3}, {"chmod", 1}, {"fchmod", 1}, {"fchmodat", 2}};
        for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
                int nr = seccomp_syscall_resolve_name(calls[i].name);
                if (nr == __NR_SCMP_ERROR || nr < 0)
                        continue;
                must(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 1,
                                      SCMP_CMP(calls[i].argument, SCMP_CMP_MASKED_EQ, S_ISUID, 0)),
                     calls[i].name);
        }
}

static void allow_fcntl(scmp_filter_ctx ctx, const int *commands, size_t n)
{
        for (size_t i = 0; i < n; i++)
                must(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                      SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)commands[i], 0)),
                     "fcntl");
}

/* The effective group id alone, to one of the ids that the process has; and to ask for them. */
static void allow_group(scmp_filter_ctx ctx)
{
        static const char *const asking[] = {"getresgid", "getresgid32", NULL};
        static const char *const changing[] = {"setresgid", "setresgid32"};
        allow_names(ctx, asking);
        for (size_t i = 0; i < sizeof(changing) / sizeof(*changing); i++) {
                int nr = seccomp_syscall_resolve_name(changing[i]);
                if (nr == __NR_SCMP_ERROR || nr < 0)
                        continue;
                must(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 2,
                                      SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, (gid_t)-1),
                                      SCMP_A2(SCMP_CMP_MASKED_EQ, UINT32_MAX, (gid_t)-1)),
                     changing[i]);
        }
}

static void print_array(int fd, const char *name)
{
        struct sock_filter f;
        printf("/* Written by bpf-gen. */\n#include <linux/filter.h>\nstatic const struct sock_filter "
               "bpf_%s[] = {\n",
               name);
        while (read(fd, &f, sizeof(f)) == (ssize_t)sizeof(f))
                printf("{0x%04x, %u, %u, 0x%08x},\n", f.code, f.jt, f.jf, f.k);
        printf("};\n");
}

int main(int argc, char **argv)
{
        const char *role = argc > 1 ? argv[1] : "edge";
        bool spool = strcmp(role, "spool") == 0, session = spool || strcmp(role, "session") == 0;
        bool sanitized = argc > 2 && strcmp(argv[2], "sanitized") == 0;
        scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        if (!ctx)
                return EXIT_FAILURE;
        /* no_new_privs is set by the caller; another architecture's calls (32 bit) end the process */
        must(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "architecture");
        must(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
        allow_names(ctx, for_both);
        allow_memory(ctx, session);
        allow_send(ctx);
        static const int edge_fcntl[] = {F_GETFL, F_SETFL};
        static const int session_fcntl[] = {F_GETFD,     F_SETFD,     F_SETLK,      F_SETLKW,       F_GETLK,
                                            F_OFD_SETLK, F_OFD_GETLK, F_OFD_SETLKW, F_DUPFD_CLOEXEC};
        allow_fcntl(ctx, edge_fcntl, sizeof(edge_fcntl) / sizeof(*edge_fcntl));
        if (session) {
                allow_names(ctx, for_session);
                allow_modes(ctx);
                allow_fcntl(ctx, session_fcntl, sizeof(session_fcntl) / sizeof(*session_fcntl));
                /* only to ask whether a lock's owner lives */
                must(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1, SCMP_A1(SCMP_CMP_EQ, 0, 0)),
                     "kill");
        }
        if (spool)
                allow_group(ctx);
        if (sanitized)
                allow_names(ctx, for_sanitizers);
        int fd = memfd_create("bpf", MFD_CLOEXEC);
        must(fd < 0 ? -errno : 0, "memfd_create");
        must(seccomp_export_bpf(ctx, fd), "export");
        lseek(fd, 0, SEEK_SET);
        print_array(fd, role);
        seccomp_release(ctx);
        return EXIT_SUCCESS;
}
