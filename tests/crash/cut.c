/* Runs a program and stops it, or lets a call of it fail, at a chosen system call that touches a directory.
 *
 *     cut -d DIRECTORY -r REPORT [-u UID] [-p CLASS:NUMBER -m MODE] -- PROGRAM [ARGUMENT...]
 *
 * The calls are numbered from 1 in their order, in two classes: w changes something, r only looks. REPORT
 * gets a line for each, "w 12 renameat cur/1:2,S" or "w 13 pwrite64 mbox at 4000+12" (r only when no point or
 * one of r is given), and
 * "cut w 12 renameat" when the point is met. MODE:
 * - kill: SIGKILL before the call is executed
 * - after: SIGKILL when it has been executed
 * - half: half of the bytes are written, then SIGKILL; as kill where nothing is written
 * - short: half of the bytes are written, and it goes on
 * - fail:ERRNO: the call is not executed and gives -ERRNO (a number)
 * - full:ERRNO: as fail, and so does every later one that needs room on the disk (not: to open or make what
 * is there, to write where the file has bytes)
 * - part:ERRNO: as full, but of the first one half of the bytes are written
 *
 * Exit: that of the program; 100 when it was killed here; 101 when nothing can be traced; 102 other trouble.
 *
 * A filter of the child's own hands just these calls to the tracer, so that all others cost nothing; the
 * program's own filter and landlock stay in force beside it. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "registers.h"

enum {
        EXIT_CUT = 100,
        EXIT_UNTRACEABLE = 101,
        EXIT_TROUBLE = 102,
        FILTER_MAX = 128, /* two instructions a call, and four */
};

enum mode { MODE_COUNT, MODE_KILL, MODE_AFTER, MODE_HALF, MODE_SHORT, MODE_FAIL, MODE_FULL, MODE_PART };

struct cut {
        const char *directory;
        size_t directory_n;
        int report;
        uid_t uid;
        char class; /* of the point */
        unsigned long number;
        enum mode mode;
        int error;
        unsigned long seen[2]; /* calls that look, calls that write */
        bool met;
        pid_t program;
};

static __attribute__((format(printf, 2, 3), noreturn)) void die(int code, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        fprintf(stderr, "cut: ");
        vfprintf(stderr, format, args);
        fprintf(stderr, ": %s\n", strerror(errno));
        va_end(args);
        _exit(code);
}

/* --- what a call touches */

/* The end of a string may lie just before a page that is not there: read page by page. */
static bool read_string(pid_t pid, uint64_t from, char *to, size_t room)
{
        size_t have = 0, page = (size_t)sysconf(_SC_PAGESIZE);
        while (have < room) {
                size_t n = page - (from + have) % page;
                if (n > room - have)
                        n = room - have;
                struct iovec here = {to + have, n};
                struct iovec there = {(char *)(uintptr_t)(from + have), n};
                if (process_vm_readv(pid, &here, 1, &there, 1, 0) != (ssize_t)n)
                        return false;
                if (memchr(to + have, '\0', n))
                        return true;
                have += n;
        }
        return false;
}

/* The path of a descriptor, or the current directory's. */
static bool read_fd(pid_t pid, int fd, char *to, size_t room)
{
        char link[64];
        if (fd == AT_FDCWD)
                snprintf(link, sizeof(link), "/proc/%d/cwd", (int)pid);
        else
                snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, fd);
        ssize_t n = readlink(link, to, room - 1);
        if (n < 0)
                return false;
        to[n] = '\0';
        return true;
}

/* Whether the file is below the directory; its path from there. */
static bool touches(const struct cut *c, pid_t pid, const struct call *call, const struct call_file *f,
                    char *ret, size_t room)
{
        char path[PATH_MAX] = "", whole[2 * PATH_MAX + 2];
        int fd = f->fd == CALL_NONE ? AT_FDCWD : (int)call->arguments[f->fd];
        if (f->fd == CALL_NONE && f->path == CALL_NONE)
                return false;
        if (f->path != CALL_NONE && call->arguments[f->path] &&
            !read_string(pid, call->arguments[f->path], path, sizeof(path)))
                return false;
        if (path[0] == '/') {
                snprintf(whole, sizeof(whole), "%s", path);
        } else {
                char base[PATH_MAX];
                if (!read_fd(pid, fd, base, sizeof(base)))
                        return false;
                snprintf(whole, sizeof(whole), "%s%s%s", base, path[0] ? "/" : "", path);
        }
        if (strncmp(whole, c->directory, c->directory_n) != 0 ||
            (whole[c->directory_n] != '/' && whole[c->directory_n] != '\0'))
                return false;
        snprintf(ret, room, "%s", whole[c->directory_n] ? whole + c->directory_n + 1 : ".");
        return true;
}

static __attribute__((format(printf, 2, 3))) void report(const struct cut *c, const char *format, ...)
{
        char line[2 * PATH_MAX];
        va_list args;
        va_start(args, format);
        int n = vsnprintf(line, sizeof(line), format, args);
        va_end(args);
        size_t length = n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1;
        if (write(c->report, line, length) != (ssize_t)length)
                die(EXIT_TROUBLE, "report");
}

static bool writes(const struct call_kind *k, const struct call *call)
{
        if (k->flags == CALL_NONE)
                return k->writes;
        uint64_t flags = call->arguments[k->flags];
        return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
}

/* Bytes that the file has are written over. */
static bool writes_over(pid_t pid, const struct call *call)
{
        char link[64];
        struct stat st;
        snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, (int)call->arguments[0]);
        return call->nr == SYS_pwrite64 && stat(link, &st) == 0 &&
               call->arguments[3] + call->arguments[2] <= (uint64_t)st.st_size;
}

static bool is_there(const struct cut *c, const char *path)
{
        char whole[2 * PATH_MAX];
        struct stat st;
        snprintf(whole, sizeof(whole), "%s/%s", c->directory, path);
        return lstat(whole, &st) == 0;
}

static bool needs_room(const struct cut *c, pid_t pid, const struct call_kind *k, const struct call *call,
                       const char *path)
{
        static const char *const free_of_charge[] = {"unlinkat", "unlink",    "rmdir",   "fchmod",
                                                     "fchmodat", "chmod",     "fchown",  "fchownat",
                                                     "chown",    "ftruncate", "truncate"};
        for (size_t i = 0; i < sizeof(free_of_charge) / sizeof(*free_of_charge); i++)
                if (strcmp(k->name, free_of_charge[i]) == 0)
                        return false;
        if (k->flags != CALL_NONE || strcmp(k->name, "mkdirat") == 0)
                return !is_there(c, path);
        return !writes_over(pid, call);
}

/* --- the tracer */

static void kill_all(const struct cut *c)
{
        kill(c->program, SIGKILL); /* its children go with the tracer (PTRACE_O_EXITKILL) */
        int status;
        while (waitpid(c->program, &status, __WALL) == c->program && !WIFSIGNALED(status) &&
               !WIFEXITED(status))
                kill(c->program, SIGKILL);
        _exit(EXIT_CUT);
}

/* How to go on: a ptrace request. */
static enum __ptrace_request at_point(struct cut *c, pid_t pid, const struct call_kind *k,
                                      const struct call *call)
{
        c->met = true;
        uint64_t length = k->length == CALL_NONE ? 0 : call->arguments[k->length];
        bool halves = (c->mode == MODE_HALF || c->mode == MODE_SHORT || c->mode == MODE_PART) && length > 1;
        report(c, "cut %c %lu %s\n", c->class, c->number, k->name);
        if (halves && !call_set_argument(pid, k->length, length / 2))
                return PTRACE_CONT;
        if (c->mode == MODE_KILL || (c->mode == MODE_HALF && !halves))
                kill_all(c);
        if (c->mode == MODE_FAIL || c->mode == MODE_FULL || (c->mode == MODE_PART && !halves))
                (void)!call_skip(pid, -c->error);
        return c->mode == MODE_AFTER || c->mode == MODE_HALF ? PTRACE_SYSCALL : PTRACE_CONT;
}

static enum __ptrace_request at_call(struct cut *c, pid_t pid)
{
        struct call call;
        char path[PATH_MAX];
        const struct call_kind *k = call_get(pid, &call) ? call_find(call.nr) : NULL;
        if (!k)
                return PTRACE_CONT;
        bool found = false;
        for (int i = 0; i < CALL_FILES && !found; i++)
                found = touches(c, pid, &call, &k->files[i], path, sizeof(path));
        if (!found)
                return PTRACE_CONT;
        bool w = writes(k, &call);
        unsigned long number = ++c->seen[w];
        char where[64] = "";
        if (k->nr == SYS_pwrite64)
                snprintf(where, sizeof(where), " at %llu+%llu", (unsigned long long)call.arguments[3],
                         (unsigned long long)call.arguments[2]);
        report(c, "%c %lu %s %s%s\n", w ? 'w' : 'r', number, k->name, path, where);
        if (c->mode != MODE_COUNT && c->class == (w ? 'w' : 'r') && c->number == number)
                return at_point(c, pid, k, &call);
        if ((c->mode == MODE_FULL || c->mode == MODE_PART) && c->met && w &&
            needs_room(c, pid, k, &call, path))
                (void)!call_skip(pid, -c->error);
        return PTRACE_CONT;
}

static int trace(struct cut *c)
{
        for (;;) {
                int status, signal = 0;
                enum __ptrace_request request = PTRACE_CONT;
                pid_t pid = waitpid(-1, &status, __WALL);
                if (pid < 0)
                        die(EXIT_TROUBLE, "wait");
                if (WIFEXITED(status) || WIFSIGNALED(status)) {
                        if (pid == c->program)
                                return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
                        continue;
                }
                int event = status >> 16;
                if (event == PTRACE_EVENT_SECCOMP)
                        request = at_call(c, pid);
                else if (WSTOPSIG(status) == (SIGTRAP | 0x80)) /* the end of the call of the point */
                        kill_all(c);
                else if (event == 0 && WSTOPSIG(status) != SIGSTOP) /* a new process begins with one */
                        signal = WSTOPSIG(status);
                if (ptrace(request, pid, 0, signal) < 0 && errno != ESRCH)
                        die(EXIT_TROUBLE, "ptrace");
        }
}

/* --- the child */

/* Stops cost time: calls that only look are let pass when the point cannot be one of them. */
static bool is_watched(const struct cut *c, const struct call_kind *k)
{
        return c->mode == MODE_COUNT || c->class == 'r' || k->writes || k->flags != CALL_NONE;
}

static int install_filter(const struct cut *c)
{
        struct sock_filter f[FILTER_MAX];
        unsigned short n = 0;
        f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
        for (size_t i = 0; i < call_kinds_n && n + 3 < FILTER_MAX; i++) {
                if (!is_watched(c, &call_kinds[i]))
                        continue;
                f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call_kinds[i].nr,
                                                      0, 1);
                f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
        }
        f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        struct sock_fprog program = {.len = n, .filter = f};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -1;
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static __attribute__((noreturn)) void child(const struct cut *c, char **command)
{
        close(c->report);
        if (c->uid != (uid_t)-1 &&
            (setgroups(0, NULL) < 0 || setgid((gid_t)c->uid) < 0 || setuid(c->uid) < 0))
                die(EXIT_TROUBLE, "uid %u", (unsigned)c->uid);
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
                die(EXIT_UNTRACEABLE, "ptrace");
        raise(SIGSTOP); /* until the options are set */
        if (install_filter(c) < 0)
                die(EXIT_UNTRACEABLE, "seccomp");
        execv(command[0], command);
        die(EXIT_TROUBLE, "%s", command[0]);
}

static void take_mode(struct cut *c, const char *text)
{
        static const char *const names[] = {"count", "kill",  "after", "half",
                                            "short", "fail:", "full:", "part:"};
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
                size_t n = strlen(names[i]);
                if (strncmp(text, names[i], n) != 0)
                        continue;
                c->mode = (enum mode)i;
                c->error = atoi(text + n);
        }
}

int main(int argc, char **argv)
{
        struct cut c = {.report = -1, .uid = (uid_t)-1};
        const char *point = "";
        for (int o; (o = getopt(argc, argv, "+d:r:u:p:m:")) != -1;) {
                if (o == 'd')
                        c.directory = optarg;
                else if (o == 'r')
                        c.report = open(optarg, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
                else if (o == 'u')
                        c.uid = (uid_t)strtoul(optarg, NULL, 10);
                else if (o == 'p')
                        point = optarg;
                else if (o == 'm')
                        take_mode(&c, optarg);
        }
        if (point[0] && point[1] == ':') {
                c.class = point[0];
                c.number = strtoul(point + 2, NULL, 10);
        }
        if (!c.directory || c.report < 0 || optind >= argc || (c.mode != MODE_COUNT && c.number == 0)) {
                fprintf(stderr,
                        "usage: cut -d DIRECTORY -r REPORT [-u UID] [-p w:N -m MODE] -- PROGRAM...\n");
                return EXIT_TROUBLE;
        }
        c.directory_n = strlen(c.directory);
        c.program = fork();
        if (c.program < 0)
                die(EXIT_TROUBLE, "fork");
        if (c.program == 0)
                child(&c, argv + optind);
        /* the program's end of the conversation is not kept open here */
        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        int status;
        if (waitpid(c.program, &status, __WALL) < 0)
                die(EXIT_TROUBLE, "wait");
        if (WIFEXITED(status))
                return WEXITSTATUS(status);
        if (ptrace(PTRACE_SETOPTIONS, c.program, 0,
                   PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL |
                           PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE) < 0 ||
            ptrace(PTRACE_CONT, c.program, 0, 0) < 0)
                die(EXIT_UNTRACEABLE, "ptrace");
        return trace(&c);
}
