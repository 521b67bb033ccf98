#ifndef TESTS_UNIT_EDGE_STAGE_H
#define TESTS_UNIT_EDGE_STAGE_H

/* A stage for the commands before login: what priv/edge.h promises is played here, the edge runs in a child,
 * and how it ends is the exit status. Before including it, define STAGE_EDGE      the function under test
 *   STAGE_GREETING  what every scene starts with ("" when the scenes quote it)
 *   STAGE_PASSWORD  the right one; STAGE_SECRET is a part of it that no other input has
 *   STAGE_DENIED    what the monitor says of the user "denied", or NULL */

#include "unit.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "priv/edge.h"

enum { HANDED_OVER = 10, QUIT, QUIT_ERROR, QUIT_BAD_COMMANDS };

bool edge_plaintext_allowed(const struct edge *e)
{
        return e->secured || !e->settings->disable_plaintext_auth;
}

void edge_start_tls(struct edge *e)
{
        conn_discard(&e->conn);
        conn_puts(&e->conn, "[TLS]\r\n");
        e->tls = e->secured = true;
}

enum edge_login edge_login(struct edge *e, const char *mechanism, const struct sasl_credentials *credentials,
                           const char **ret_text)
{
        conn_printf(&e->conn, "[%s %.*s %.*s]\r\n", mechanism, SLICE_ARG(credentials->user),
                    SLICE_ARG(credentials->password));
        if (slice_eq(credentials->user, SLICE("denied"))) {
                *ret_text = STAGE_DENIED;
                return EDGE_LOGIN_DENIED;
        }
        if (slice_eq(credentials->user, SLICE("full"))) {
                *ret_text = "[IN-USE] Too many connections.";
                return EDGE_LOGIN_DENIED;
        }
        if (slice_eq(credentials->user, SLICE("broken")))
                return EDGE_LOGIN_TEMPFAIL;
        return slice_eq(credentials->password, SLICE(STAGE_PASSWORD)) ? EDGE_LOGIN_OK : EDGE_LOGIN_FAILED;
}

/* The password must be gone from the buffer that the relay will go on using. */
void edge_hand_over(struct edge *e, struct slice tag)
{
        struct slice before = slice_make(e->conn.in, e->conn.in_at);
        struct slice behind = slice_make(e->conn.in + e->conn.in_end, CONN_INPUT_MAX - e->conn.in_end);
        bool wiped = slice_find_slice(before, SLICE(STAGE_SECRET)) == before.n &&
                     slice_find_slice(behind, SLICE(STAGE_SECRET)) == behind.n;
        conn_printf(&e->conn, "[session%s%.*s, unread: %.*s%s]\r\n", tag.n ? " " : "", SLICE_ARG(tag),
                    SLICE_ARG(conn_unread(&e->conn)), wiped ? "" : ", PASSWORD LEFT");
        conn_flush(&e->conn);
        _exit(HANDED_OVER);
}

void edge_quit(struct edge *e, const char *reason)
{
        conn_flush(&e->conn);
        _exit(strcmp(reason, "Disconnected: Too many bad commands") == 0 ? QUIT_BAD_COMMANDS : QUIT);
}

void edge_quit_error(struct edge *e, int error)
{
        conn_flush(&e->conn);
        _exit(QUIT_ERROR);
}

static const char *const mechanisms[] = {"plain", "login"};
static const struct settings settings = {
        .login_greeting = "mailsession ready.",
        .imap_capability = "",
        .imap_id_capability = "",
        .imap_id_send = "name * vendor \"A \\ B\" os * version 2",
        .auth_mechanisms = {mechanisms, 2},
        .disable_plaintext_auth = true,
};
static const struct peer peer = {.session_id = "S1"};

struct scene {
        bool secured, offers_tls, stays; /* stays: the client keeps the connection open and silent */
        const char *says, *expected;
        int ends;
};

static void run_edge(const struct scene *scene, int fd)
{
        static char something;
        struct edge e = {
                .settings = &settings,
                .peer = &peer,
                .tls_context = scene->offers_tls ? (struct tls_context *)(void *)&something : NULL,
                .secured = scene->secured,
                .deadline = deadline_in_ms(scene->stays ? 20 : 10000),
        };
        conn_init(&e.conn, fd, fd);
        STAGE_EDGE(&e);
}

static void play(const struct scene *scene)
{
        const struct slice greeting = SLICE(STAGE_GREETING);
        int fds[2], status;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(fd_write_all(fds[0], slice_of(scene->says)), 0);
        if (!scene->stays)
                assert_int_equal(shutdown(fds[0], SHUT_WR), 0);
        pid_t child = fork();
        if (child == 0) {
                close(fds[0]);
                run_edge(scene, fds[1]);
                _exit(1);
        }
        close(fds[1]);
        char bytes[8192];
        ssize_t n = fd_read_all(fds[0], bytes, sizeof(bytes));
        close(fds[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(n >= 0);
        struct slice got = slice_make(bytes, (size_t)n);
        assert_slice_equal(slice_head(got, greeting.n), greeting);
        assert_slice_equal(slice_from(got, greeting.n), slice_of(scene->expected));
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), scene->ends);
}

#define PLAY(...) play(&(struct scene){__VA_ARGS__})

#endif
