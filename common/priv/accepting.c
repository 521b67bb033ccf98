#include "priv/accepting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>

#include "base/systemd.h"
#include "wire/tls.h"

enum { COMPLAIN_MS = 60 * 1000 /* how often the log hears of files that stay bad */ };

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
        return options_load(a->options, next->arena, &conf) == 0 && server_take_settings(next, conf) == 0 &&
               options_check_auth(&next->settings) && server_prepare_edge(next) == 0;
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
                server_load_tls(&next, &next.settings);
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
        *limits = (struct listen_limits){s->settings.default_client_limit,
                                         s->settings.mail_max_ip_connections, s->settings.listen_idle_exit};
        if (s->tls_context)
                tls_context_share_tickets(s->tls_context, s->settings.base_dir);
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

int accepting_run(struct server *s, const struct options *o, struct arena *arena,
                  const struct listener *listeners, size_t n)
{
        struct accepting a = {.server = s, .options = o, .arena = arena};
        if (server_prepare_edge(s) < 0)
                return EX_CONFIG;
        server_load_tls(s, &s->settings);
        server_check_tls(s);
        s->preloaded = true;
        const struct listen_owner owner = {&a, refresh, serve, refuse};
        systemd_notify(SLICE("READY=1"));
        int r = listen_run(listeners, n, &owner);
        tls_context_free(&s->tls_context);
        if (r < 0)
                log_error("accept loop: %s", strerror(-r));
        return r < 0 ? EX_OSERR : EXIT_SUCCESS;
}
