/* main() of pop3-session and imap-session. What runs as root: this file until a connection is there, then
 * monitor.c; the rest is dropped privileges (edge.c and the protocol's edge; the protocol's session). */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/systemd.h"
#include "priv/accepting.h"

enum { LISTEN_MAX = 32 };

static bool is_listening(int fd)
{
        int on = 0;
        socklen_t n = sizeof(on);
        return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) == 0 && on;
}

static int to_null(int fd)
{
        _cleanup_(fd_close_p) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        return null >= 0 && dup2(null, fd) >= 0 ? 0 : -errno;
}

/* inetd gives a listening socket as standard input, output and error. It gets a number that the children
 * close; whoever held another one could shut it down for everybody, or make a connection of it. */
static int take_listening_stdin(int *ret)
{
        _cleanup_(fd_close_p) int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, SYSTEMD_LISTEN_START);
        int r = fd < 0 ? -errno : 0;
        for (int i = STDIN_FILENO; r == 0 && i <= STDERR_FILENO; i++)
                if (is_listening(i))
                        r = to_null(i);
        if (r == 0)
                *ret = TAKE_FD(fd);
        return r;
}

/* The session under TLS has no business with the client's socket, and nothing prints to it. */
static int leave_stderr_if(int client)
{
        struct stat a, b;
        bool same = fstat(client, &a) == 0 && fstat(STDERR_FILENO, &b) == 0 && S_ISSOCK(a.st_mode) &&
                    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
        return same ? to_null(STDERR_FILENO) : 0;
}

/* What else the starter left open is nobody's here; numbers 0 to 2 exist, so that no file of ours becomes
 * standard error. */
static void tidy_descriptors(void)
{
        close_range((unsigned)(SYSTEMD_LISTEN_START + systemd_listen_fds()), ~0u, 0);
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0)
                        (void)!open("/dev/null", O_RDWR);
}

static uint16_t local_port(int fd)
{
        struct sockaddr_storage a = {0};
        socklen_t n = sizeof(a);
        if (getsockname(fd, (struct sockaddr *)&a, &n) < 0)
                return 0;
        /* the port is at the same place in both families */
        const struct sockaddr_in *in = (const void *)&a;
        return a.ss_family == AF_INET || a.ss_family == AF_INET6 ? ntohs(in->sin_port) : 0;
}

/* TLS from the first byte: by option, by port, or by the name the socket unit gives ("imaps",
 * FileDescriptorName=). */
static bool starts_with_tls(const struct server *s, const struct options *o, int fd, struct slice name)
{
        struct slice protocol = slice_of(s->protocol->name);
        return o->tls || local_port(fd) == s->protocol->tls_port ||
               (slice_starts(name, protocol) && slice_eq(slice_from(name, protocol.n), SLICE("s")));
}

static int run_one(struct server *s, const struct options *o, int in, int out, struct slice name)
{
        struct peer peer;
        int r = peer_of(in, &peer);
        if (r < 0)
                return EXIT_SUCCESS; /* the client is gone already */
        if (leave_stderr_if(in) < 0)
                return EX_OSERR;
        if (o->preauth) {
                if (peer.is_socket) {
                        log_error("--preauth serves pipes and local sockets only, not a network connection");
                        return EX_USAGE;
                }
                connection_preauth(s, in, out, &peer);
                return EXIT_SUCCESS;
        }
        if (server_prepare_edge(s) < 0)
                return EX_CONFIG;
        peer.implicit_tls = starts_with_tls(s, o, in, name);
        connection_serve(s, in, out, &peer);
        return EXIT_SUCCESS;
}

static int run(struct server *s, const struct options *o, struct arena *arena)
{
        int passed = systemd_listen_fds(), fds[LISTEN_MAX] = {0};
        if (passed > LISTEN_MAX) {
                log_error("systemd passed %d sockets; %d is the limit", passed, LISTEN_MAX);
                return EX_USAGE;
        }
        size_t n = 0;
        for (int i = 0; i < passed; i++)
                fds[n++] = SYSTEMD_LISTEN_START + i;
        if (n == 0 && is_listening(STDIN_FILENO)) {
                int r = take_listening_stdin(&fds[n++]);
                if (r < 0) {
                        log_error("cannot take the listening socket from standard input: %s", strerror(-r));
                        return EX_OSERR;
                }
        }
        if (n > 0 && is_listening(fds[0])) {
                if (o->preauth) {
                        log_error("--preauth never serves a listening socket");
                        return EX_USAGE;
                }
                struct listener listeners[LISTEN_MAX];
                for (size_t i = 0; i < n; i++)
                        listeners[i] = (struct listener){
                                fds[i],
                                starts_with_tls(s, o, fds[i],
                                                passed > 0 ? systemd_listen_name((int)i) : SLICE_NULL)};
                return accepting_run(s, o, arena, listeners, n);
        }
        if (n > 0) /* Accept=yes without StandardInput=socket */
                return run_one(s, o, fds[0], fds[0], systemd_listen_name(0));
        return run_one(s, o, STDIN_FILENO, STDOUT_FILENO, SLICE_NULL);
}

int start_main(const struct protocol *protocol, int argc, char **argv)
{
        struct options options = {.file = NULL};
        int status;
        if (!options_parse(protocol, argc, argv, &options, &status))
                return status;
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); /* a limit for files is like a full disk */
        tidy_descriptors();
        log_open(protocol->program, LOG_TO_AUTO);
        _cleanup_(arena_free) struct arena arena = {0};
        struct server server = {.protocol = protocol, .arena = &arena};
        struct conf *conf = NULL;
        if (options_load(&options, &arena, &conf) < 0) {
                log_error("the settings have errors: nobody is served until they are corrected");
                return EX_CONFIG;
        }
        if (server_take_settings(&server, conf) < 0)
                return EX_CONFIG;
        log_open(server.settings.instance_name, options_log_target(server.settings.log_path));
        if (!options.preauth && !options_check_auth(&server.settings))
                return EX_CONFIG;
        return run(&server, &options, &arena);
}
