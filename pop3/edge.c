#include "pop3/edge.h"

#include <errno.h>

#include "pop3/capability.h"
#include "pop3/command.h"
#include "priv/edge_sasl.h"

enum {
        BAD_COMMANDS_MAX = 20, /* then it is not a mail program that is talking */
};

/* What the state keeps between commands. Lines may hold passwords: see conn_forget(). */
struct exchange {
        struct edge *edge;
        struct buf user; /* of USER, for the PASS that follows */
        unsigned bad;    /* commands that were none */
};

static void reply(struct exchange *x, const char *text)
{
        conn_printf(&x->edge->conn, "%s\r\n", text);
}

static void bad(struct exchange *x, const char *text)
{
        conn_printf(&x->edge->conn, "-ERR %s\r\n", text);
        x->bad++;
}

/* For the end: under TLS this process lives on as the relay. */
static void forget(struct exchange *x)
{
        buf_wipe(&x->user);
        conn_forget(&x->edge->conn);
}

static _noreturn_ void quit(struct exchange *x, const char *reason)
{
        forget(x);
        edge_quit(x->edge, reason);
}

static _noreturn_ void quit_on_error(struct exchange *x, int error)
{
        if (error == -ETIMEDOUT)
                reply(x, "-ERR Disconnected for inactivity.");
        forget(x);
        edge_quit_error(x->edge, error);
}

/* The next line; false when it was too long: it was skipped and the client told. */
static bool next_line(struct exchange *x, struct slice *ret)
{
        struct edge *e = x->edge;
        int r = conn_line(&e->conn, POP3_LINE_MAX, e->deadline, ret);
        if (r == -EMSGSIZE) {
                bad(x, "Input line too long.");
                r = conn_skip_line(&e->conn, e->deadline);
                if (r == 0)
                        return false;
        }
        if (r < 0)
                quit_on_error(x, r);
        return true;
}

static struct pop3_capability_state capability_state(const struct edge *e)
{
        return (struct pop3_capability_state){
                .settings = e->settings,
                .can_start_tls = edge_can_start_tls(e),
                .plaintext_allowed = edge_plaintext_allowed(e),
        };
}

static bool do_capa(struct exchange *x, const struct pop3_command *c)
{
        struct pop3_capability_state state = capability_state(x->edge);
        pop3_write_capabilities(&x->edge->conn, &state);
        return false;
}

static bool do_noop(struct exchange *x, const struct pop3_command *c)
{
        reply(x, "+OK");
        return false;
}

static bool do_quit(struct exchange *x, const struct pop3_command *c)
{
        reply(x, "+OK Logging out");
        quit(x, "Aborted login");
}

static bool do_stls(struct exchange *x, const struct pop3_command *c)
{
        struct edge *e = x->edge;
        if (!edge_can_start_tls(e)) {
                bad(x, e->tls ? "TLS is already active." : "TLS support isn't enabled.");
                return false;
        }
        reply(x, "+OK Begin TLS negotiation now.");
        int r = conn_flush(&e->conn);
        if (r < 0)
                quit_on_error(x, r);
        edge_start_tls(e);
        /* RFC 2595 section 4: nothing that was said in the clear counts any more */
        buf_wipe(&x->user);
        return false;
}

static bool plaintext_refused(struct exchange *x)
{
        if (edge_plaintext_allowed(x->edge))
                return false;
        x->edge->gave_plaintext = true;
        reply(x, "-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.");
        return true;
}

/* True when the user is logged in; otherwise the client has been told. Codes: RFC 2449 section 8, RFC 3206.
 */
static bool log_in(struct exchange *x, const char *mechanism, const struct sasl_credentials *credentials)
{
        struct edge *e = x->edge;
        const char *text = NULL;
        switch (edge_login(e, mechanism, credentials, &text)) {
        case EDGE_LOGIN_OK:
                return true;
        case EDGE_LOGIN_FAILED:
                reply(x, "-ERR [AUTH] Authentication failed.");
                return false;
        case EDGE_LOGIN_DENIED:
                text = text ? text : "This account may not log in.";
                conn_printf(&e->conn, "-ERR %s%s\r\n", text[0] == '[' ? "" : "[SYS/PERM] ", text);
                return false;
        case EDGE_LOGIN_TEMPFAIL:
                break;
        }
        conn_printf(&e->conn, "-ERR [SYS/TEMP] Temporary authentication failure. [%s]\r\n",
                    e->peer->session_id);
        return false;
}

static bool do_user(struct exchange *x, const struct pop3_command *c)
{
        if (plaintext_refused(x))
                return false;
        buf_wipe(&x->user);
        if (buf_append(&x->user, c->text) < 0) {
                x->user.error = 0;
                bad(x, "Username too long.");
                return false;
        }
        reply(x, "+OK");
        return false;
}

static bool do_pass(struct exchange *x, const struct pop3_command *c)
{
        if (plaintext_refused(x))
                return false;
        if (x->user.n == 0) {
                bad(x, "No username given.");
                return false;
        }
        if (c->text.n > SASL_TEXT_MAX) {
                bad(x, "Password too long.");
                return false;
        }
        struct sasl_credentials credentials = {.user = buf_slice(&x->user), .password = c->text};
        bool ok = log_in(x, "PLAIN", &credentials);
        buf_wipe(&x->user);
        return ok;
}

static bool do_auth(struct exchange *x, const struct pop3_command *c)
{
        struct edge *e = x->edge;
        struct pop3_capability_state state = capability_state(e);
        if (c->mechanism.n == 0) { /* not in RFC 5034, but asked by clients older than CAPA */
                conn_puts(&e->conn, "+OK\r\n");
                pop3_write_mechanisms(&e->conn, &state, "", "\r\n");
                conn_puts(&e->conn, ".\r\n");
                return false;
        }
        const struct sasl_mechanism *m = sasl_mechanism(c->mechanism, &e->settings->auth_mechanisms);
        if (!m) {
                bad(x, "Unsupported authentication mechanism.");
                return false;
        }
        if (m->plaintext && plaintext_refused(x))
                return false;
        _cleanup_(sasl_free) struct sasl sasl;
        sasl_init(&sasl, m);
        const char *text = "[AUTH] Authentication failed.";
        int r = edge_sasl(&e->conn, e->deadline, &sasl, c->has_initial, c->initial, &text);
        if (r == -EINVAL || r == -EACCES) {
                bad(x, text);
                return false;
        }
        if (r < 0) {
                sasl_free(&sasl); /* what comes now does not return */
                quit_on_error(x, r);
        }
        struct sasl_credentials credentials = sasl_credentials(&sasl);
        return log_in(x, m->name, &credentials);
}

/* The commands of this state. True: logged in. */
static bool (*const executors[POP3_COMMAND_COUNT])(struct exchange *x, const struct pop3_command *c) = {
        [POP3_AUTH] = do_auth, [POP3_CAPA] = do_capa, [POP3_NOOP] = do_noop, [POP3_PASS] = do_pass,
        [POP3_QUIT] = do_quit, [POP3_STLS] = do_stls, [POP3_USER] = do_user,
};

/* Reads and answers one command. True: logged in. */
static bool serve_one(struct exchange *x)
{
        struct slice line;
        if (!next_line(x, &line))
                return false;
        struct pop3_command command;
        struct pop3_error error;
        if (pop3_command_parse(line, POP3_AUTHORIZATION, &command, &error) < 0) {
                conn_printf(&x->edge->conn, "-ERR %s%.*s\r\n", error.text, SLICE_ARG(error.detail));
                x->bad++;
                return false;
        }
        return executors[command.id](x, &command);
}

void pop3_edge(struct edge *e)
{
        struct exchange x = {.edge = e, .user = BUF_BOUNDED(SASL_TEXT_MAX)};
        conn_printf(&e->conn, "+OK %s\r\n", e->settings->login_greeting);
        for (;;) {
                bool logged_in = serve_one(&x);
                conn_forget(&e->conn);
                if (logged_in) {
                        forget(&x);
                        edge_hand_over(e, SLICE_NULL);
                }
                if (edge_tried_enough(e)) {
                        reply(&x, "-ERR Too many failed logins.");
                        quit(&x, "Disconnected: Too many failed logins");
                }
                if (x.bad >= BAD_COMMANDS_MAX) {
                        reply(&x, "-ERR Too many invalid commands.");
                        quit(&x, "Disconnected: Too many bad commands");
                }
        }
}
