#include "edge_stage.h"

#include <setjmp.h>

#include "priv/edge.h"

static const char secret[] = "secret";

/* Where the edge's process would end. */
static struct {
        jmp_buf left;
        bool handed_over;
} stage_end;

static _noreturn_ void leave(struct edge *e, bool handed_over)
{
        conn_flush(&e->conn);
        stage_end.handed_over = handed_over;
        longjmp(stage_end.left, 1);
}

bool edge_plaintext_allowed(const struct edge *e)
{
        return e->secured || !e->settings->disable_plaintext_auth;
}

/* The rest of the input is what the client says under TLS. */
void edge_start_tls(struct edge *e)
{
        e->tls = e->secured = true;
}

enum edge_login edge_login(struct edge *e, const char *mechanism, const struct sasl_credentials *credentials,
                           const char **ret_text)
{
        if (credentials->user.n > SASL_TEXT_MAX || credentials->password.n > SASL_TEXT_MAX)
                stage_fail("more than the monitor takes", credentials->user);
        if (slice_eq(credentials->user, SLICE("denied"))) {
                *ret_text = "[IN-USE] Too many connections.";
                return EDGE_LOGIN_DENIED;
        }
        if (slice_eq(credentials->user, SLICE("broken")))
                return EDGE_LOGIN_TEMPFAIL;
        if (slice_eq(credentials->user, SLICE("kevin")) && slice_eq(credentials->password, slice_of(secret)))
                return EDGE_LOGIN_OK;
        e->attempts++;
        return EDGE_LOGIN_FAILED;
}

/* The password must be gone from the buffer that the relay goes on using. */
void edge_hand_over(struct edge *e, struct slice tag)
{
        struct slice consumed = slice_make(e->conn.in, e->conn.in_at);
        for (size_t i = 0; i < consumed.n; i++)
                if (consumed.p[i])
                        stage_fail("a consumed command is still there", consumed);
        leave(e, true);
}

void edge_quit(struct edge *e, const char *reason)
{
        leave(e, false);
}

void edge_quit_error(struct edge *e, int error)
{
        leave(e, false);
}

bool edge_stage(void (*edge)(struct edge *e), bool secured, struct slice input, struct buf *told)
{
        static const char *const mechanisms[] = {"plain", "login"};
        static const struct settings settings = {
                .login_greeting = "ready.",
                .imap_capability = "",
                .imap_id_send = "name * version 2",
                .auth_mechanisms = {mechanisms, ARRAY_LEN(mechanisms)},
                .disable_plaintext_auth = true,
        };
        static const struct peer peer = {.session_id = "S1"};
        static char something;
        struct stage stage;
        stage_open(&stage, input);
        struct edge e = {
                .settings = &settings,
                .peer = &peer,
                .tls_context = secured ? NULL : (struct tls_context *)(void *)&something,
                .secured = secured,
                .deadline = DEADLINE_NEVER,
        };
        conn_init(&e.conn, stage.in_fd, stage.out_fd);
        if (setjmp(stage_end.left) == 0)
                edge(&e);
        conn_free(&e.conn);
        arena_free(&e.arena);
        stage_output(&stage, told);
        stage_close(&stage);
        return stage_end.handed_over;
}
