#include "priv/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "conf/net.h"
#include "priv/drop.h"
#include "priv/edge.h"
#include "priv/listen.h"
#include "priv/monitor.h"
#include "priv/sandbox.h"
#include "wire/tls.h"

enum { EDGE_END_MS = 10 * 1000 /* how long a session waits for its relay to hand the last bytes over */ };

/* The pair of roles of one connection, and what both know. */
struct connection {
        struct server *server;
        struct settings settings;
        const struct peer *peer;
        struct arena arena;
        int in_fd, out_fd;
        int control[2]; /* edge, monitor */
        int relay[2];   /* edge, session */
};

static bool is_local(const struct connection *c)
{
        return !c->peer->is_socket || strcmp(c->peer->remote_ip, c->peer->local_ip) == 0 ||
               strcmp(c->peer->remote_ip, "::1") == 0 || strncmp(c->peer->remote_ip, "127.", 4) == 0 ||
               conf_net_matches(&c->settings.login_trusted_networks, c->peer->remote_ip);
}

static _noreturn_ void run_edge(struct connection *c)
{
        struct server *s = c->server;
        close(c->control[1]);
        close(c->relay[1]);
        if (!s->preloaded) {
                server_load_tls(s, &c->settings);
                server_try_tls(s, false);
        }
        _cleanup_(fd_close_p) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        int r = null < 0 ? -errno : drop_to_nobody(s->edge_uid, s->edge_gid, s->edge_root);
        if (r < 0) {
                log_error("cannot give up privileges before login (uid %ld, root %s): %s", (long)s->edge_uid,
                          s->edge_root, strerror(-r));
                _exit(EX_OSERR);
        }
        const int keep[] = {c->in_fd, c->out_fd, c->control[0], c->relay[0]};
        r = drop_standard(keep, ARRAY_LEN(keep), null);
        /* it shall not even hold a descriptor of the log */
        drop_others(keep, ARRAY_LEN(keep));
        if (r == 0)
                r = sandbox_edge();
        struct edge e = {.protocol = s->protocol,
                         .settings = &c->settings,
                         .peer = c->peer,
                         .tls_context = s->tls_context,
                         .secured = is_local(c),
                         .monitor_fd = c->control[0],
                         .relay_fd = c->relay[0],
                         .deadline = deadline_in_ms(c->settings.login_timeout)};
        conn_init(&e.conn, c->in_fd, c->out_fd);
        e.conn.ends = e.deadline;
        if (r < 0)
                edge_quit(&e,
                          arena_printf(&e.arena, "Disconnected: Internal error: no walls before login: %s",
                                       strerror(-r)));
        if (c->peer->implicit_tls) {
                if (!e.tls_context)
                        edge_quit(&e, "Disconnected: TLS is not available: ssl_cert and ssl_key are needed");
                edge_start_tls(&e);
        }
        s->protocol->edge(&e);
        edge_quit(&e, "Disconnected");
}

/* A message file that shrinks while it is mapped ends this session, with a line that says so. */
static _noreturn_ void message_cut(void)
{
        log_error("a message file was cut short by another program while it was being read");
        _exit(EX_IOERR);
}

static void on_bus_error(int sig _unused_)
{
        message_cut();
}

static int enter_sandbox(const struct session_start *start, const char *const *paths)
{
        tzset(); /* reads the zone now */
        const int keep[] = {start->in_fd, start->out_fd, log_is_on_stderr() ? STDERR_FILENO : -1};
        _cleanup_(fd_close_p) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        int r = null < 0 ? -errno : drop_standard(keep, ARRAY_LEN(keep), null);
        if (r == 0)
                r = sandbox_session(paths);
        return r < 0 ? r : 0;
}

static void run_session(struct connection *c, struct session_start *start)
{
        const struct log_fields fields = {c->server->protocol->name, start->user.name, c->peer->remote_ip,
                                          c->peer->session_id};
        log_set_fields(&fields);
        log_set_prefix("%s(%s)<%ld><%s>: ", c->server->protocol->name, start->user.name, (long)getpid(),
                       c->peer->session_id);
        signal(SIGBUS, on_bus_error);
        umask(0077);
        start->settings = &c->settings;
        start->peer = c->peer;
        start->arena = &c->arena;
        start->sandbox = enter_sandbox;
        start->message_cut = message_cut;
        start->user.service = c->server->protocol->name;
        start->user.local_ip = c->peer->local_ip;
        start->user.remote_ip = c->peer->remote_ip;
        start->user.session_id = c->peer->session_id;
        c->server->protocol->session(start);
}

/* The relay has the last word with the client: a service manager that ends what is left of a session after
 * its main process must not cut it off. */
static void wait_for_relay(int fd)
{
        char rest[512];
        deadline_t deadline = deadline_in_ms(EDGE_END_MS);
        shutdown(fd, SHUT_WR);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        while (deadline_left(deadline) > 0) {
                if (poll(&p, 1, deadline_left(deadline)) <= 0)
                        continue;
                ssize_t n = read(fd, rest, sizeof(rest));
                if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
                        return;
        }
}

static void run_monitor(struct connection *c, pid_t edge_pid)
{
        struct server *s = c->server;
        close(c->control[0]);
        close(c->relay[0]);
        const struct monitor m = {.settings = &c->settings,
                                  .peer = c->peer,
                                  .protocol = s->protocol->name,
                                  .edge_fd = c->control[1],
                                  .edge_pid = edge_pid,
                                  .arena = &c->arena};
        struct monitor_login login;
        if (!monitor_run(&m, &login))
                return;
        close(c->control[1]);
        int in = login.tls ? c->relay[1] : c->in_fd, out = login.tls ? c->relay[1] : c->out_fd;
        if (login.tls) {
                close(c->in_fd);
                if (c->out_fd != c->in_fd)
                        close(c->out_fd);
        } else {
                close(c->relay[1]);
        }
        struct session_start start = {.in_fd = in,
                                      .out_fd = out,
                                      .unread = login.unread,
                                      .tag = login.tag,
                                      .tls = login.tls,
                                      .user = {.name = login.user.name,
                                               .home = login.user.home,
                                               .mail_location = login.user.mail_location,
                                               .uid = login.user.uid,
                                               .gid = login.user.gid}};
        memcpy(start.user.quota_rule, login.user.quota_rule, sizeof(start.user.quota_rule));
        const char *why = "";
        int r = monitor_drop(&m, &login.user, &why);
        if (r < 0) {
                log_error("%s", why);
                start.broken = "This account cannot be served";
                /* the client is told so, but not by root */
                if (drop_to_nobody(s->edge_uid, s->edge_gid, s->edge_root) < 0)
                        _exit(EX_OSERR);
        }
        run_session(c, &start);
        if (login.tls)
                wait_for_relay(in);
}

static int prepare(struct connection *c)
{
        struct conf_filter filter = {.protocol = c->server->protocol->name,
                                     .local_ip = c->peer->is_socket ? c->peer->local_ip : NULL,
                                     .remote_ip = c->peer->is_socket ? c->peer->remote_ip : NULL};
        return conf_resolve(c->server->conf, &filter, &c->arena, &c->settings);
}

/* What edge and monitor are both started from. False, and logged, when it cannot be had. */
static bool open_connection(struct connection *c, struct server *s, int in_fd, int out_fd,
                            const struct peer *peer)
{
        *c = (struct connection){.server = s, .peer = peer, .in_fd = in_fd, .out_fd = out_fd};
        if (prepare(c) < 0)
                return false;
        if (peer->is_socket)
                fd_set_nonblocking(in_fd);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, c->control) < 0) {
                log_error("socketpair() failed: %s", strerror(errno));
                return false;
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, c->relay) < 0) {
                log_error("socketpair() failed: %s", strerror(errno));
                close(c->control[0]);
                close(c->control[1]);
                return false;
        }
        return true;
}

static void log_as_login(const struct connection *c)
{
        log_set_prefix("%s-login: ", c->server->protocol->name);
        const struct log_fields fields = {c->server->protocol->name, NULL, c->peer->remote_ip,
                                          c->peer->session_id};
        log_set_fields(&fields);
}

void connection_serve(struct server *s, int in_fd, int out_fd, const struct peer *peer)
{
        struct connection c;
        if (!open_connection(&c, s, in_fd, out_fd, peer))
                return;
        log_as_login(&c);
        pid_t pid = fork();
        if (pid < 0)
                log_error("fork() failed: %s", strerror(errno));
        else if (pid == 0)
                run_edge(&c);
        else
                run_monitor(&c, pid);
        arena_free(&c.arena);
}

void connection_fork(struct server *s, struct listen_loop *loop, int fd, const struct peer *peer)
{
        struct connection c;
        if (!open_connection(&c, s, fd, fd, peer))
                return;
        tls_context_hide(s->tls_context, false);
        pid_t edge = listen_fork(loop, peer, false);
        if (edge == 0) {
                log_as_login(&c);
                run_edge(&c);
        }
        tls_context_hide(s->tls_context, true);
        pid_t monitor = edge < 0 ? -1 : listen_fork(loop, peer, true);
        if (monitor == 0) {
                log_as_login(&c);
                s->tls_context = NULL; /* its memory is not here */
                run_monitor(&c, edge);
                /* exit handlers would touch, and so copy, pages of the parent for nothing */
                _exit(EXIT_SUCCESS);
        }
        if (monitor < 0)
                log_error("fork() failed: %s", strerror(errno));
        for (size_t i = 0; i < 2; i++) {
                close(c.control[i]);
                close(c.relay[i]);
        }
        arena_free(&c.arena);
}

void connection_preauth(struct server *s, int in_fd, int out_fd, const struct peer *peer)
{
        struct connection c = {.server = s, .peer = peer, .in_fd = in_fd, .out_fd = out_fd};
        struct passwd *p = getpwuid(geteuid());
        const char *home = getenv("HOME");
        if (prepare(&c) < 0)
                return;
        if (!p) {
                log_error("--preauth: uid %ld has no account", (long)geteuid());
                return;
        }
        struct session_start start = {.in_fd = in_fd,
                                      .out_fd = out_fd,
                                      .preauth = true,
                                      .user = {.name = arena_str(&c.arena, slice_of(p->pw_name)),
                                               .home = home ? home : arena_str(&c.arena, slice_of(p->pw_dir)),
                                               .uid = geteuid(),
                                               .gid = getegid()}};
        run_session(&c, &start);
        arena_free(&c.arena);
}
