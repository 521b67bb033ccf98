#include "priv/edge.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "priv/message.h"
#include "wire/relay.h"
#include "wire/tls.h"

bool edge_plaintext_allowed(const struct edge *e)
{
        return e->secured ||
               (!e->settings->disable_plaintext_auth && e->settings->ssl != SETTINGS_SSL_REQUIRED);
}

static struct slice tls_text(const struct edge *e, struct buf *b)
{
        if (e->conn.tls)
                tls_describe(e->conn.tls, b);
        return buf_slice(b);
}

/* Quits with a note for the log, under TLS with its close_notify. */
static _noreturn_ void end(struct edge *e, const char *reason, const char *note)
{
        const char *instead =
                e->gave_plaintext && e->attempts == 0 ? "tried to use disallowed plaintext auth" : "";
        conn_flush(&e->conn);
        _cleanup_(buf_free) struct buf tls = {0};
        struct role_message m = {.type = ROLE_QUIT,
                                 .field = {slice_of(reason), tls_text(e, &tls),
                                           slice_head(slice_of(note), 500), slice_of(instead)}};
        role_send(e->monitor_fd, &m);
        conn_linger(&e->conn);
        conn_free(&e->conn);
        shutdown(e->conn.out_fd, SHUT_RDWR);
        _exit(EXIT_SUCCESS);
}

void edge_start_tls(struct edge *e)
{
        const char *why = "";
        int r = tls_start(&e->conn, e->tls_context, e->deadline, &why);
        if (r < 0)
                end(e,
                    r == -ETIMEDOUT ? "Disconnected: Inactivity during TLS handshake"
                                    : "Disconnected: Connection closed: TLS handshake failed",
                    arena_printf(&e->arena, "TLS handshaking: %s", why));
        e->tls = true;
        e->secured = true;
}

enum edge_login edge_login(struct edge *e, const char *mechanism, const struct sasl_credentials *c,
                           const char **ret_text)
{
        struct role_message m = {.type = ROLE_LOGIN,
                                 .field = {slice_of(mechanism), c->authzid, c->user, c->password,
                                           e->tls ? SLICE("tls") : SLICE("")}};
        /* whatever waits for an answer should have it before a password hash and a delay are spent */
        conn_flush(&e->conn);
        e->attempts++;
        int r = role_send(e->monitor_fd, &m);
        if (r == -EMSGSIZE)
                return EDGE_LOGIN_FAILED; /* longer than any user name or password */
        _cleanup_(buf_free) struct buf in = {0};
        if (r == 0)
                r = role_receive(e->monitor_fd, SENT_BY_MONITOR, &in, &m);
        if (r < 0)
                end(e, "Disconnected: Internal error", "");
        if (m.field[1].n)
                *ret_text = arena_str(&e->arena, m.field[1]);
        static const enum edge_login results[] = {EDGE_LOGIN_OK, EDGE_LOGIN_FAILED, EDGE_LOGIN_DENIED,
                                                  EDGE_LOGIN_TEMPFAIL};
        size_t i = m.field[0].n == 1 ? (size_t)(unsigned char)m.field[0].p[0] - '0' : ARRAY_LEN(results);
        if (i < ARRAY_LEN(results))
                return results[i];
        end(e, "Disconnected: Internal error", "");
}

void edge_hand_over(struct edge *e, struct slice tag)
{
        conn_flush(&e->conn);
        _cleanup_(buf_free) struct buf tls = {0};
        /* under TLS what was read ahead goes through the relay like all that follows */
        struct slice unread = e->conn.tls ? SLICE("") : conn_unread(&e->conn);
        struct role_message m = {.type = ROLE_HAND_OVER, .field = {tag, unread, tls_text(e, &tls)}};
        if (role_send(e->monitor_fd, &m) < 0)
                end(e, "Disconnected: Internal error", "");
        close(e->monitor_fd);
        if (e->conn.tls) {
                relay_run(&e->conn, e->relay_fd);
                conn_free(&e->conn);
                shutdown(e->conn.out_fd, SHUT_RDWR);
        }
        _exit(EXIT_SUCCESS);
}

void edge_quit(struct edge *e, const char *reason)
{
        end(e, reason, "");
}

void edge_quit_error(struct edge *e, int error)
{
        switch (error) {
        case -ETIMEDOUT:
                edge_quit(e, "Disconnected: Inactivity");
        case -EPIPE:
        case -ECONNRESET:
                edge_quit(e, "Disconnected: Connection closed");
        default:
                edge_quit(e,
                          arena_printf(&e->arena, "Disconnected: Connection closed: %s", strerror(-error)));
        }
}
