#include "imap/edge.h"

#include <errno.h>

#include "imap/capability.h"
#include "imap/id.h"
#include "imap/reader.h"
#include "priv/edge_sasl.h"

enum {
        BAD_COMMANDS_MAX = 20, /* then it is not a mail program that is talking */
};

static const char log_in_first[] = "Please log in first.";

/* The client's current command. What it holds may be a password: see forget(). */
struct exchange {
        struct edge *edge;
        struct buf bytes;
        struct arena arena;
        unsigned bad; /* commands that were none */
};

static void reply(struct edge *e, struct slice tag, const char *text)
{
        if (tag.n == 0)
                tag = SLICE("*");
        conn_write(&e->conn, tag);
        conn_printf(&e->conn, " %s\r\n", text);
}

static void bad(struct exchange *x, struct slice tag, const char *text)
{
        conn_write(&x->edge->conn, tag.n ? tag : SLICE("*"));
        conn_printf(&x->edge->conn, " BAD %s\r\n", text);
        x->bad++;
}

/* Overwrites the command wherever it was: here, unquoted in the arena, and in the connection's buffer, where
 * it was the last that was read. Under TLS this process lives on as the relay. */
static void forget(struct exchange *x)
{
        buf_wipe(&x->bytes);
        arena_wipe(&x->arena);
        conn_forget(&x->edge->conn);
}

static _noreturn_ void quit_on_error(struct exchange *x, int error)
{
        forget(x);
        if (error == -ETIMEDOUT)
                reply(x->edge, SLICE_NULL, "BYE Disconnected for inactivity.");
        edge_quit_error(x->edge, error);
}

static _noreturn_ void quit_on_overflow(struct exchange *x, const char *text)
{
        conn_printf(&x->edge->conn, "* BYE %s\r\n", text);
        forget(x);
        edge_quit(x->edge, "Disconnected: Too long command");
}

static void write_capabilities(struct edge *e)
{
        struct imap_capability_state state = {
                .settings = e->settings,
                .can_start_tls = edge_can_start_tls(e),
                .plaintext_allowed = edge_plaintext_allowed(e),
        };
        conn_puts(&e->conn, "CAPABILITY ");
        imap_write_capabilities(&e->conn, &state);
}

static void greet(struct edge *e)
{
        conn_puts(&e->conn, "* OK [");
        write_capabilities(e);
        conn_printf(&e->conn, "] %s\r\n", e->settings->login_greeting);
}

static bool do_capability(struct exchange *x, const struct imap_command *c)
{
        conn_puts(&x->edge->conn, "* ");
        write_capabilities(x->edge);
        conn_puts(&x->edge->conn, "\r\n");
        reply(x->edge, c->tag, "OK Capability completed.");
        return false;
}

static bool do_noop(struct exchange *x, const struct imap_command *c)
{
        reply(x->edge, c->tag, "OK NOOP completed.");
        return false;
}

static bool do_id(struct exchange *x, const struct imap_command *c)
{
        imap_write_id(&x->edge->conn, x->edge->settings);
        reply(x->edge, c->tag, "OK ID completed.");
        return false;
}

static bool do_logout(struct exchange *x, const struct imap_command *c)
{
        reply(x->edge, SLICE_NULL, "BYE Logging out");
        reply(x->edge, c->tag, "OK Logout completed.");
        forget(x);
        edge_quit(x->edge, "Aborted login");
}

static bool do_starttls(struct exchange *x, const struct imap_command *c)
{
        struct edge *e = x->edge;
        if (!edge_can_start_tls(e)) {
                bad(x, c->tag, e->tls ? "TLS is already active." : "TLS support isn't enabled.");
                return false;
        }
        reply(e, c->tag, "OK Begin TLS negotiation now.");
        int r = conn_flush(&e->conn);
        if (r < 0)
                quit_on_error(x, r);
        edge_start_tls(e);
        return false;
}

/* The words that people find when they search for them. */
static void refuse_plaintext(struct edge *e, struct slice tag, bool exposed)
{
        e->gave_plaintext = true;
        if (exposed)
                reply(e, SLICE_NULL,
                      "BAD [ALERT] Plaintext authentication not allowed without SSL/TLS, but your client did "
                      "it "
                      "anyway. If anyone was listening, the password was exposed.");
        reply(e, tag,
              "NO [PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) "
              "connections.");
}

/* True when the user is logged in; otherwise the client has been told. */
static bool log_in(struct exchange *x, struct slice tag, const char *mechanism,
                   const struct sasl_credentials *credentials)
{
        struct edge *e = x->edge;
        const char *text = NULL;
        switch (edge_login(e, mechanism, credentials, &text)) {
        case EDGE_LOGIN_OK:
                return true;
        case EDGE_LOGIN_FAILED:
                reply(e, tag, "NO [AUTHENTICATIONFAILED] Authentication failed.");
                return false;
        case EDGE_LOGIN_DENIED:
                text = text ? text : "This account may not log in.";
                reply(e, tag,
                      arena_printf(&x->arena, "NO %s%s", text[0] == '[' ? "" : "[AUTHORIZATIONFAILED] ",
                                   text));
                return false;
        case EDGE_LOGIN_TEMPFAIL:
                break;
        }
        reply(e, tag,
              arena_printf(&x->arena, "NO [UNAVAILABLE] Temporary authentication failure. [%s]",
                           e->peer->session_id));
        return false;
}

static bool do_login(struct exchange *x, const struct imap_command *c)
{
        struct sasl_credentials credentials = {.user = c->login.user, .password = c->login.password};
        if (!edge_plaintext_allowed(x->edge)) {
                refuse_plaintext(x->edge, c->tag, true);
                return false;
        }
        if (credentials.user.n > SASL_TEXT_MAX || credentials.password.n > SASL_TEXT_MAX) {
                bad(x, c->tag, "User name or password too long.");
                return false;
        }
        return log_in(x, c->tag, "PLAIN", &credentials); /* as Dovecot calls it in the log */
}

static bool do_authenticate(struct exchange *x, const struct imap_command *c)
{
        const struct sasl_mechanism *m =
                sasl_mechanism(c->authenticate.mechanism, &x->edge->settings->auth_mechanisms);
        if (!m) {
                reply(x->edge, c->tag, "NO Unsupported authentication mechanism.");
                x->bad++;
                return false;
        }
        if (m->plaintext && !edge_plaintext_allowed(x->edge)) {
                refuse_plaintext(x->edge, c->tag, c->authenticate.initial.n > 0);
                return false;
        }
        _cleanup_(sasl_free) struct sasl sasl;
        sasl_init(&sasl, m);
        const char *text = "NO [AUTHENTICATIONFAILED] Invalid authentication response.";
        int r = edge_sasl(&x->edge->conn, x->edge->deadline, &sasl, c->authenticate.has_initial,
                          c->authenticate.initial, &text);
        if (r == -EINVAL) {
                bad(x, c->tag, text);
                return false;
        }
        if (r == -EACCES) {
                reply(x->edge, c->tag, text);
                x->bad++;
                return false;
        }
        if (r < 0) {
                sasl_free(&sasl); /* what comes now does not return */
                quit_on_error(x, r);
        }
        struct sasl_credentials credentials = sasl_credentials(&sasl);
        return log_in(x, c->tag, m->name, &credentials);
}

/* The commands of this state. True: logged in. */
static const struct {
        enum imap_command_id id;
        bool (*run)(struct exchange *x, const struct imap_command *c);
} commands[] = {
        {IMAP_CAPABILITY, do_capability}, {IMAP_NOOP, do_noop},
        {IMAP_LOGOUT, do_logout},         {IMAP_ID, do_id},
        {IMAP_STARTTLS, do_starttls},     {IMAP_AUTHENTICATE, do_authenticate},
        {IMAP_LOGIN, do_login},
};

static bool run(struct exchange *x, const struct imap_command *c)
{
        for (size_t i = 0; i < ARRAY_LEN(commands); i++)
                if (commands[i].id == c->id)
                        return commands[i].run(x, c);
        bad(x, c->tag, log_in_first);
        return false;
}

/* False when it was refused: the client has been told. */
static bool next_command(struct exchange *x, struct imap_command *ret)
{
        struct edge *e = x->edge;
        struct slice tag = SLICE_NULL;
        const char *text = NULL;
        struct imap_literal literal;
        int r = imap_read_command(&e->conn, &imap_reader_before_login, e->deadline, &x->bytes, &literal, &tag,
                                  &text);
        if (r == -EMSGSIZE || r == -EBADMSG) {
                bad(x, tag, text);
                return false;
        }
        if (r == -EOVERFLOW)
                quit_on_overflow(x, text);
        if (r < 0)
                quit_on_error(x, r);
        /* an APPEND, which nobody will serve here */
        r = imap_skip_command(&e->conn, &imap_reader_before_login, e->deadline, &literal);
        if (r == -EOVERFLOW)
                quit_on_overflow(x, "Command too long.");
        if (r < 0)
                quit_on_error(x, r);
        struct imap_parse_error error;
        if (imap_command_parse(&x->arena, buf_slice(&x->bytes), 0, ret, &error) == 0)
                return true;
        bool later = error.type && !(error.type->states & STATE_NOT_AUTHENTICATED);
        bad(x, error.tag, later ? log_in_first : error.text);
        return false;
}

void imap_edge(struct edge *e)
{
        struct exchange x = {.edge = e};
        greet(e);
        for (;;) {
                struct imap_command command;
                bool logged_in = next_command(&x, &command) && run(&x, &command);
                struct slice tag = logged_in ? arena_slice(&e->arena, command.tag) : SLICE_NULL;
                forget(&x);
                if (logged_in)
                        edge_hand_over(e, tag);
                if (edge_tried_enough(e)) {
                        reply(e, SLICE_NULL, "BYE Too many failed logins.");
                        edge_quit(e, "Disconnected: Too many failed logins");
                }
                if (x.bad >= BAD_COMMANDS_MAX) {
                        reply(e, SLICE_NULL, "BYE Too many bad commands.");
                        edge_quit(e, "Disconnected: Too many bad commands");
                }
        }
}
