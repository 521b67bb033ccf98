/* main() of pop3-session and imap-session. What runs as root: this file until a connection is there, then
 * monitor.c; the rest is dropped privileges (edge.c and the protocol's edge; the protocol's session). */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/log.h"
#include "conf/conf.h"
#include "priv/connection.h"
#include "priv/listen.h"
#include "wire/tls.h"

enum {
        OVERRIDES_MAX = 256,
        LISTEN_MAX = 32,
        COMPLAIN_MS = 60 * 1000, /* how often the log hears of files that stay bad */
};

struct options {
        const char *file; /* -c; NULL: the default one if it is there */
        const char *overrides[OVERRIDES_MAX];
        size_t override_count;
        bool tls, preauth;
};

#define DEFAULT_FILE MAILSESSION_SYSCONFDIR "/mailsession.conf"

static void print_help(const struct protocol *p)
{
        printf("usage: %s [-c FILE] [-o KEY=VALUE]... [--tls] [--preauth]\n"
               "\n"
               "Serves one connection on standard input and output, or accepts connections when standard\n"
               "input (or a socket that systemd passes) is a listening socket. See %s(8).\n"
               "\n"
               "  -c FILE        read settings from FILE (default: %s)\n"
               "  -o KEY=VALUE   override a setting; sections as section/name/key=value\n"
               "  --tls          the connection starts with TLS (port %u does by itself)\n"
               "  --preauth      no login: serve the user who calls; never on a network socket\n"
               "  --help         this text\n"
               "  --version      the version\n",
               p->program, p->program, DEFAULT_FILE, p->tls_port);
}

/* False when the program is done, with *ret_status. */
static bool parse_options(const struct protocol *p, int argc, char **argv, struct options *ret,
                          int *ret_status)
{
        static const struct option names[] = {{"tls", no_argument, NULL, 't'},
                                              {"preauth", no_argument, NULL, 'p'},
                                              {"help", no_argument, NULL, 'h'},
                                              {"version", no_argument, NULL, 'V'},
                                              {NULL, 0, NULL, 0}};
        *ret_status = EXIT_SUCCESS;
        for (int c; (c = getopt_long(argc, argv, "c:o:", names, NULL)) != -1;) {
                switch (c) {
                case 'c':
                        ret->file = optarg;
                        break;
                case 'o':
                        if (ret->override_count == OVERRIDES_MAX) {
                                fprintf(stderr, "%s: more than %d -o options\n", p->program, OVERRIDES_MAX);
                                *ret_status = EX_USAGE;
                                return false;
                        }
                        ret->overrides[ret->override_count++] = optarg;
                        break;
                case 't':
                        ret->tls = true;
                        break;
                case 'p':
                        ret->preauth = true;
                        break;
                case 'h':
                        print_help(p);
                        return false;
                case 'V':
                        printf("%s %s\n", p->program, MAILSESSION_VERSION);
                        return false;
                default:
                        *ret_status = EX_USAGE;
                        return false;
                }
        }
        if (optind < argc) {
                fprintf(stderr, "%s: unexpected argument '%s'\n", p->program, argv[optind]);
                *ret_status = EX_USAGE;
                return false;
        }
        return true;
}

static int load_settings(const struct options *o, struct arena *arena, struct conf **ret)
{
        struct conf_source source = {o->file, o->overrides, o->override_count};
        if (!source.path && access(DEFAULT_FILE, F_OK) == 0)
                source.path = DEFAULT_FILE;
        _cleanup_(buf_free) struct buf messages = {0};
        int r = conf_load(&source, arena, ret, &messages);
        struct slice rest = buf_slice(&messages), line;
        while (slice_split(&rest, '\n', &line))
                log_msg(r < 0 ? LOG_ERR : LOG_WARNING, "%.*s", SLICE_ARG(line));
        return r;
}

/* A database that cannot be asked would only show at the first login. */
static bool check_auth(const struct settings *settings)
{
        _cleanup_(buf_free) struct buf messages = {0};
        int r = auth_check_settings(settings, &messages);
        struct slice rest = buf_slice(&messages), line;
        while (slice_split(&rest, '\n', &line))
                log_msg(r < 0 ? LOG_ERR : LOG_WARNING, "%.*s", SLICE_ARG(line));
        return r == 0;
}

static enum log_target log_target_of(const char *log_path)
{
        if (strcmp(log_path, "syslog") == 0)
                return LOG_TO_SYSLOG;
        return strcmp(log_path, "/dev/stderr") == 0 ? LOG_TO_STDERR : LOG_TO_AUTO;
}

/* The accept loop's side: settings and certificates again when their files changed; a bad edit keeps the old
 * ones. */
struct accepting {
        struct server *server;
        const struct options *options;
        struct arena *arena; /* of the settings in use */
        bool complained;     /* about the files as they are now */
        int64_t next_complaint;
};

/* Everything that keeps the program from starting keeps new settings from taking effect. */
static bool load_next(const struct accepting *a, struct server *next)
{
        struct conf *conf = NULL;
        struct settings settings;
        struct conf_filter filter = {.protocol = next->protocol->name};
        if (load_settings(a->options, next->arena, &conf) < 0 ||
            conf_resolve(conf, &filter, next->arena, &settings) < 0 || !check_auth(&settings))
                return false;
        next->conf = conf;
        return server_prepare_edge(next) == 0;
}

/* Reads everything again. What is wrong, a certificate that does not fit its key yet among it, leaves what is
 * in force. */
static bool read_again(struct accepting *a)
{
        struct server *s = a->server;
        struct arena fresh = {0};
        struct server next = *s;
        next.tls_context = NULL;
        next.arena = &fresh;
        bool good = load_next(a, &next);
        if (good) {
                server_load_tls(&next);
                server_check_tls(&next);
                good = next.tls_context || !s->tls_context || next.without_tls;
        }
        if (!good) {
                tls_context_free(&next.tls_context);
                arena_free(&fresh);
                return false;
        }
        tls_context_free(&s->tls_context);
        arena_free(a->arena);
        *a->arena = fresh;
        next.arena = a->arena;
        *s = next;
        return true;
}

static void refresh(void *context, struct listen_limits *limits)
{
        struct accepting *a = context;
        struct server *s = a->server;
        if (conf_changed(s->conf)) {
                log_hush(a->complained && clock_ms() < a->next_complaint);
                if (read_again(a)) {
                        log_hush(false);
                        log_info("settings and certificates were read again");
                        a->complained = false;
                } else {
                        log_error("the settings that were read before stay in force");
                        if (!a->complained || clock_ms() >= a->next_complaint)
                                a->next_complaint = clock_ms() + COMPLAIN_MS;
                        a->complained = true;
                }
                log_hush(false);
        }
        struct arena scratch = {0};
        struct settings settings;
        struct conf_filter filter = {.protocol = s->protocol->name};
        if (conf_resolve(s->conf, &filter, &scratch, &settings) == 0) {
                *limits = (struct listen_limits){settings.default_client_limit,
                                                 settings.mail_max_ip_connections, settings.listen_idle_exit};
                if (s->tls_context)
                        tls_context_share_tickets(s->tls_context, settings.base_dir);
        }
        arena_free(&scratch);
}

static void serve(void *context, struct listen_loop *loop, int fd, const struct peer *peer)
{
        struct accepting *a = context;
        connection_fork(a->server, loop, fd, peer);
}

static void refuse(void *context, int fd, const struct peer *peer, const char *why)
{
        struct accepting *a = context;
        char line[256];
        if (peer->implicit_tls)
                return; /* it would have to be encrypted: closing is all that can be said */
        int n = snprintf(line, sizeof(line), "%s%s.\r\n", a->server->protocol->refusal, why);
        send(fd, line, MIN((size_t)n, sizeof(line) - 1), MSG_DONTWAIT | MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
}

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
        _cleanup_(fd_close_p) int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, SD_LISTEN_FDS_START);
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
        int passed = sd_listen_fds(0);
        close_range((unsigned)(SD_LISTEN_FDS_START + MAX(passed, 0)), ~0u, 0);
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
static bool starts_with_tls(const struct server *s, const struct options *o, int fd, const char *name)
{
        size_t n = strlen(s->protocol->name);
        return o->tls || local_port(fd) == s->protocol->tls_port ||
               (name && strncmp(name, s->protocol->name, n) == 0 && strcmp(name + n, "s") == 0);
}

static int run_accept_loop(struct server *s, const struct options *o, struct arena *arena, const int *fds,
                           char *const *names, size_t n)
{
        struct listener listeners[LISTEN_MAX];
        for (size_t i = 0; i < n; i++)
                listeners[i] =
                        (struct listener){fds[i], starts_with_tls(s, o, fds[i], names ? names[i] : NULL)};
        struct accepting a = {.server = s, .options = o, .arena = arena};
        if (server_prepare_edge(s) < 0)
                return EX_CONFIG;
        server_load_tls(s);
        server_check_tls(s);
        s->preloaded = true;
        const struct listen_owner owner = {&a, refresh, serve, refuse};
        sd_notify(0, "READY=1");
        int r = listen_run(listeners, n, &owner);
        tls_context_free(&s->tls_context);
        if (r < 0)
                log_error("accept loop: %s", strerror(-r));
        return r < 0 ? EX_OSERR : EXIT_SUCCESS;
}

static int run_one(struct server *s, const struct options *o, int in, int out, const char *name)
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

static void free_strings(char ***list)
{
        for (char **p = *list; p && *p; p++)
                free(*p);
        free(*list);
}

static int run(struct server *s, const struct options *o, struct arena *arena)
{
        _cleanup_(free_strings) char **names = NULL;
        int passed = sd_listen_fds_with_names(1, &names), fds[LISTEN_MAX] = {0};
        if (passed > LISTEN_MAX) {
                log_error("systemd passed %d sockets; %d is the limit", passed, LISTEN_MAX);
                return EX_USAGE;
        }
        size_t n = 0;
        for (int i = 0; i < passed; i++)
                fds[n++] = SD_LISTEN_FDS_START + i;
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
                return run_accept_loop(s, o, arena, fds, passed > 0 ? names : NULL, n);
        }
        if (n > 0) /* Accept=yes without StandardInput=socket */
                return run_one(s, o, fds[0], fds[0], names[0]);
        return run_one(s, o, STDIN_FILENO, STDOUT_FILENO, NULL);
}

int start_main(const struct protocol *protocol, int argc, char **argv)
{
        struct options options = {.file = NULL};
        int status;
        if (!parse_options(protocol, argc, argv, &options, &status))
                return status;
        signal(SIGPIPE, SIG_IGN);
        tidy_descriptors();
        log_open(protocol->program, LOG_TO_AUTO);
        _cleanup_(arena_free) struct arena arena = {0};
        struct server server = {.protocol = protocol, .arena = &arena};
        struct conf *conf = NULL;
        if (load_settings(&options, &arena, &conf) < 0) {
                log_error("the settings have errors: nobody is served until they are corrected");
                return EX_CONFIG;
        }
        server.conf = conf;
        struct settings settings;
        struct conf_filter filter = {.protocol = protocol->name};
        if (conf_resolve(conf, &filter, &arena, &settings) < 0)
                return EX_CONFIG;
        log_open(settings.instance_name, log_target_of(settings.log_path));
        if (!options.preauth && !check_auth(&settings))
                return EX_CONFIG;
        return run(&server, &options, &arena);
}
