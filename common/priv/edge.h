#ifndef PRIV_EDGE_H
#define PRIV_EDGE_H

/* The edge: the role that talks to a client that has not logged in. It has no privileges, no file system, and
 * one socket to the monitor. What POP3 and IMAP share of it is here; the commands are in pop3/edge.c and
 * imap/edge.c. */

#include "auth/sasl.h"
#include "priv/protocol.h"
#include "wire/conn.h"

struct tls_context;

enum { EDGE_LOGINS_MAX = 20 /* failed logins a connection may try; the monitor takes no more */ };

struct edge {
        const struct protocol *protocol;
        const struct settings *settings;
        const struct peer *peer;
        struct tls_context *tls_context; /* NULL: TLS is not offered */
        struct conn conn;
        struct arena arena; /* the edge's whole life */
        bool tls;           /* encrypted now */
        bool secured;       /* tls, or a local or trusted connection: plaintext authentication is allowed */
        int monitor_fd;
        int relay_fd;        /* the session's plain side after a login under TLS */
        unsigned attempts;   /* logins tried, all failed */
        bool gave_plaintext; /* tried to log in where it was not allowed */
        deadline_t deadline; /* of the whole time before login (setting login_timeout) */
};

/* True when STARTTLS/STLS can be offered now. */
static inline bool edge_can_start_tls(const struct edge *e)
{
        return e->tls_context && !e->tls;
}
/* True when plaintext mechanisms (and LOGIN, USER/PASS) are allowed now: see disable_plaintext_auth. */
bool edge_plaintext_allowed(const struct edge *e);

/* Does the handshake (the caller has said OK already). What the client sent before it is thrown away. On
 * failure the edge ends with a log line. */
void edge_start_tls(struct edge *e);

enum edge_login {
        EDGE_LOGIN_OK,       /* hand over now: edge_hand_over() */
        EDGE_LOGIN_FAILED,   /* unknown user or wrong password: the same words for both */
        EDGE_LOGIN_TEMPFAIL, /* an internal error: the log has it; tell the client the session id */
        EDGE_LOGIN_DENIED,   /* credentials are right but the account may not log in; *ret_text says why */
};

/* After this many the caller says so and quits. */
static inline bool edge_tried_enough(const struct edge *e)
{
        return e->attempts >= EDGE_LOGINS_MAX;
}

/* Asks the monitor. `mechanism` is for the log ("PLAIN", "LOGIN"). The secret is wiped by the caller. Failed
 * attempts are answered late (auth_failure_delay). *ret_text lives in the edge's arena; may be NULL. */
enum edge_login edge_login(struct edge *e, const char *mechanism, const struct sasl_credentials *credentials,
                           const char **ret_text);

/* After EDGE_LOGIN_OK: gives the monitor the unread input and the tag; in the clear the process ends here,
 * under TLS it relays until either side closes. */
_noreturn_ void edge_hand_over(struct edge *e, struct slice tag);

/* Flushes, closes, tells the monitor why for the log, ends the process. Reasons in Dovecot's words:
 * "Aborted login", "Disconnected: Inactivity", "Disconnected: Connection closed",
 * "Disconnected: Too many bad commands", and "... failed logins". The monitor adds "(auth failed, 2 attempts
 * in 5 secs): user=<...>,
 * ...". */
_noreturn_ void edge_quit(struct edge *e, const char *reason);

/* edge_quit() with the reason that fits a conn error (-EPIPE, -ETIMEDOUT, other). */
_noreturn_ void edge_quit_error(struct edge *e, int error);

#endif
