/* Stands in for imap-session in the role tests: the same start, monitor, dropping and walls, but an edge and
 * a session that try to get out. They say "ok NAME" for an attempt that was refused and for what must stay
 * possible, "not ok NAME: why" for one that worked. $BREAKOUT_OWN and $BREAKOUT_OTHER are mail files, the
 * user's own and another user's. */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "priv/edge.h"
#include "report.h"

static long try_open(const char *path, int flags)
{
        _cleanup_(fd_close_p) int fd = open(path, flags | O_CLOEXEC, 0600);
        return fd;
}

static long try_connect(void)
{
        _cleanup_(fd_close_p) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -1;
        struct sockaddr_in a = {
                .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
        return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static long try_exec(void)
{
        char path[] = "/bin/true";
        char *const argv[] = {path, NULL};
        return execve(path, argv, NULL);
}

static long try_fork(void)
{
        pid_t pid = fork();
        if (pid == 0)
                _exit(0);
        return pid;
}

static long try_writable_code(void)
{
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return p == MAP_FAILED ? -1 : 0;
}

static long try_code_later(void)
{
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return p == MAP_FAILED ? 0 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static long try_more_files(void)
{
        struct rlimit l = {.rlim_cur = 1000, .rlim_max = 1000};
        return setrlimit(RLIMIT_NOFILE, &l);
}

/* A descriptor, packed: what a role could pass on to another one. */
static long try_sendmsg(int fd)
{
        char byte = 'x';
        struct iovec iov = {&byte, 1};
        return sendmsg(fd, &(struct msghdr){.msg_iov = &iov, .msg_iovlen = 1}, MSG_NOSIGNAL);
}

static long try_recvmsg(int fd)
{
        char byte;
        struct iovec iov = {&byte, 1};
        return recvmsg(fd, &(struct msghdr){.msg_iov = &iov, .msg_iovlen = 1}, MSG_DONTWAIT | MSG_PEEK);
}

static long try_sendto(int fd)
{
        struct sockaddr_in a = {
                .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
        return sendto(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&a, sizeof(a));
}

static void try_all(struct conn *c, const char *role)
{
        refused(c, role, "opens /etc/passwd", try_open("/etc/passwd", O_RDONLY));
        refused(c, role, "opens /proc/self/mem", try_open("/proc/self/mem", O_RDWR));
        refused(c, role, "opens another user's mail", try_open(getenv("BREAKOUT_OTHER"), O_RDONLY));
        refused(c, role, "makes a file in /tmp", try_open("/tmp/breakout", O_WRONLY | O_CREAT));
        refused(c, role, "connects", try_connect());
        refused(c, role, "makes a unix socket", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        refused(c, role, "runs a program", try_exec());
        refused(c, role, "forks", try_fork());
        refused(c, role, "traces its parent", ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
        refused(c, role, "signals its parent", kill(getppid(), SIGTERM));
        refused(c, role, "becomes root",
                setuid(0) == 0 && geteuid() == 0 && syscall(SYS_chroot, "/") == 0 ? 0 : (errno = EPERM, -1));
        refused(c, role, "maps writable code", try_writable_code());
        refused(c, role, "makes memory executable", try_code_later());
        refused(c, role, "raises its limits", try_more_files());
        refused(c, role, "receives descriptors", try_recvmsg(c->in_fd));
        refused(c, role, "sends to an address", try_sendto(c->in_fd));
        refused(c, role, "opens a name space", syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */));
        conn_flush(c);
}

static void edge(struct edge *e)
{
        try_all(&e->conn, "edge");
        refused(&e->conn, "edge", "opens its user's mail", try_open(getenv("BREAKOUT_OWN"), O_RDONLY));
        refused(&e->conn, "edge", "sends descriptors", try_sendmsg(e->conn.in_fd));
        refused(&e->conn, "edge", "opens the root directory", syscall(SYS_open, "/", O_RDONLY | O_DIRECTORY));
        const struct sasl_credentials credentials = {.user = SLICE("kevin"), .password = SLICE("secret")};
        const char *text = "";
        bool in = edge_login(e, "PLAIN", &credentials, &text) == EDGE_LOGIN_OK;
        report(&e->conn, "edge", "asks the monitor", in, "login failed");
        if (in)
                edge_hand_over(e, SLICE(""));
        edge_quit(e, "Disconnected");
}

static long try_read(const char *path)
{
        char byte;
        _cleanup_(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -1 : read(fd, &byte, 1);
}

/* A program that others could run as this user. */
static long try_setuid_file(const char *dir, bool at_once)
{
        char path[4200];
        snprintf(path, sizeof(path), "%s/breakout", dir);
        _cleanup_(fd_close_p) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, at_once ? 04755 : 0755);
        long r = fd < 0 || at_once ? fd : fchmod(fd, 04755);
        int e = errno;
        unlink(path);
        errno = e;
        return r;
}

static void session(const struct session_start *start)
{
        struct conn c;
        conn_init(&c, start->in_fd, start->out_fd);
        if (start->broken) {
                report(&c, "session", "starts", false, start->broken);
                conn_flush(&c);
                return;
        }
        const char *own = getenv("BREAKOUT_OWN");
        char dir[4096];
        size_t n = strlen(own) < sizeof(dir) ? slice_rfind(slice_of(own), '/') : 0;
        memcpy(dir, own, n);
        dir[n] = '\0';
        const char *const paths[] = {dir, NULL};
        int r = start->sandbox(start, paths);
        report(&c, "session", "enters its walls", r == 0, strerror(-r));
        try_all(&c, "session");
        refused(&c, "session", "makes a program that runs as its user", try_setuid_file(dir, true));
        refused(&c, "session", "makes a file such a program", try_setuid_file(dir, false));
        report(&c, "session", "is the user",
               geteuid() == start->user.uid && getuid() == start->user.uid && getegid() == start->user.gid,
               "other ids");
        report(&c, "session", "reads its own mail", try_read(own) == 1, strerror(errno));
        conn_puts(&c, "end\n");
        conn_flush(&c);
        conn_free(&c);
}

static const struct protocol breakout = {.name = "imap",
                                         .program = "imap-session",
                                         .tls_port = 993,
                                         .edge = edge,
                                         .session = session,
                                         .refusal = "not ok "};

int main(int argc, char **argv)
{
        return start_main(&breakout, argc, argv);
}
