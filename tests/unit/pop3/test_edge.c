#include "../unit.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "pop3/edge.h"

/* The commands before login against what priv/edge.h promises, played here: the edge runs in a child, and how
 * it ends is the exit status. */

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
        if (slice_eq(credentials->user, SLICE("denied")))
                return EDGE_LOGIN_DENIED;
        if (slice_eq(credentials->user, SLICE("full"))) {
                *ret_text = "[IN-USE] Too many connections.";
                return EDGE_LOGIN_DENIED;
        }
        if (slice_eq(credentials->user, SLICE("broken")))
                return EDGE_LOGIN_TEMPFAIL;
        return slice_eq(credentials->password, SLICE("s3 cret")) ? EDGE_LOGIN_OK : EDGE_LOGIN_FAILED;
}

/* The password must be gone from the buffer that the relay will go on using. */
void edge_hand_over(struct edge *e, struct slice tag)
{
        struct slice before = slice_make(e->conn.in, e->conn.in_at);
        struct slice behind = slice_make(e->conn.in + e->conn.in_end, CONN_INPUT_MAX - e->conn.in_end);
        bool wiped = slice_find_slice(before, SLICE("cret")) == before.n &&
                     slice_find_slice(behind, SLICE("cret")) == behind.n;
        conn_printf(&e->conn, "[session%.*s, unread: %.*s%s]\r\n", SLICE_ARG(tag),
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
        pop3_edge(&e);
}

static void play(const struct scene *scene)
{
        static const struct slice greeting = {"+OK mailsession ready.\r\n", 24};
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

#define CAPA_START "+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\n"
#define CAPA_END   "EXPIRE NEVER\r\nIMPLEMENTATION mailsession\r\n.\r\n"
#define NO_PLAINTEXT                                                                                         \
        "-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.\r\n"

static void test_capabilities(void **state)
{
        PLAY(.offers_tls = true, .says = "capa\r\nNOOP\r\nQUIT\r\nCAPA\r\n",
             .expected = CAPA_START "STLS\r\nSASL\r\n" CAPA_END "+OK\r\n+OK Logging out\r\n", .ends = QUIT);
        PLAY(.offers_tls = true, .secured = true, .says = "CAPA\r\n",
             .expected = CAPA_START "STLS\r\nUSER\r\nSASL PLAIN LOGIN\r\n" CAPA_END, .ends = QUIT_ERROR);
        PLAY(.secured = true, .says = "CAPA\r\nSTLS\r\n",
             .expected =
                     CAPA_START "USER\r\nSASL PLAIN LOGIN\r\n" CAPA_END "-ERR TLS support isn't enabled.\r\n",
             .ends = QUIT_ERROR);
        PLAY(.secured = true, .says = "AUTH\r\n", .expected = "+OK\r\nPLAIN\r\nLOGIN\r\n.\r\n",
             .ends = QUIT_ERROR);
        PLAY(.says = "AUTH\r\n", .expected = "+OK\r\n.\r\n", .ends = QUIT_ERROR);
}

static void test_starttls(void **state)
{
        /* what came with it in the clear is never run */
        PLAY(.offers_tls = true, .says = "STLS\r\nUSER kevin\r\nPASS s3 cret\r\n",
             .expected = "+OK Begin TLS negotiation now.\r\n[TLS]\r\n", .ends = QUIT_ERROR);
}

static void test_user_pass(void **state)
{
        PLAY(.secured = true, .says = "USER kevin\r\nPASS s3 cret\r\nSTAT\r\nQUIT\r\n",
             .expected = "+OK\r\n[PLAIN kevin s3 cret]\r\n[session, unread: STAT\r\nQUIT\r\n]\r\n",
             .ends = HANDED_OVER);
        PLAY(.secured = true, .says = "PASS s3 cret\r\nUSER kevin\r\nPASS wrong\r\nPASS s3 cret\r\n",
             .expected = "-ERR No username given.\r\n+OK\r\n[PLAIN kevin wrong]\r\n-ERR [AUTH] "
                         "Authentication failed.\r\n"
                         "-ERR No username given.\r\n",
             .ends = QUIT_ERROR);
        PLAY(.secured = true, .says = "USER a\r\nUSER kevin\r\nCAPA\r\nPASS s3 cret\r\n",
             .expected = "+OK\r\n+OK\r\n" CAPA_START "USER\r\nSASL PLAIN LOGIN\r\n" CAPA_END
                         "[PLAIN kevin s3 cret]\r\n[session, unread: ]\r\n",
             .ends = HANDED_OVER);
        PLAY(.says = "USER kevin\r\nPASS s3 cret\r\nAUTH PLAIN AGsAcA==\r\n",
             .expected = NO_PLAINTEXT NO_PLAINTEXT NO_PLAINTEXT, .ends = QUIT_ERROR);
}

static void test_answers(void **state)
{
        PLAY(.secured = true,
             .says = "USER denied\r\nPASS x\r\nUSER full\r\nPASS x\r\nUSER broken\r\nPASS x\r\n",
             .expected =
                     "+OK\r\n[PLAIN denied x]\r\n-ERR [SYS/PERM] This account may not log in.\r\n"
                     "+OK\r\n[PLAIN full x]\r\n-ERR [IN-USE] Too many connections.\r\n"
                     "+OK\r\n[PLAIN broken x]\r\n-ERR [SYS/TEMP] Temporary authentication failure. [S1]\r\n",
             .ends = QUIT_ERROR);
}

static void test_auth(void **state)
{
        PLAY(.secured = true, .says = "AUTH PLAIN AGtldmluAHMzIGNyZXQ=\r\nSTAT\r\n",
             .expected = "[PLAIN kevin s3 cret]\r\n[session, unread: STAT\r\n]\r\n", .ends = HANDED_OVER);
        PLAY(.secured = true, .says = "AUTH plain\r\nAGtldmluAHMzIGNyZXQ=\r\n",
             .expected = "+ \r\n[PLAIN kevin s3 cret]\r\n[session, unread: ]\r\n", .ends = HANDED_OVER);
        PLAY(.secured = true, .says = "AUTH LOGIN\r\na2V2aW4=\r\nczMgY3JldA==\r\n",
             .expected =
                     "+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n[LOGIN kevin s3 cret]\r\n[session, unread: ]\r\n",
             .ends = HANDED_OVER);
        PLAY(.secured = true,
             .says = "AUTH LOGIN =\r\n*\r\nAUTH PLAIN\r\nno base 64\r\nAUTH PLAIN x\r\nAUTH PLAIN eHh4\r\n"
                     "AUTH CRAM-MD5\r\n",
             .expected = "+ VXNlcm5hbWU6\r\n-ERR Authentication aborted by client.\r\n"
                         "+ \r\n-ERR Invalid base64 data in response.\r\n"
                         "-ERR Invalid base64 data in initial response.\r\n"
                         "-ERR [AUTH] Authentication failed.\r\n"
                         "-ERR Unsupported authentication mechanism.\r\n",
             .ends = QUIT_ERROR);
}

static void test_bad_input(void **state)
{
        PLAY(.says = "FOO\r\n\r\nSTAT\r\nLIST\n",
             .expected = "-ERR Unknown command: FOO\r\n-ERR Unknown command.\r\n"
                         "-ERR Log in first.\r\n-ERR Log in first.\r\n",
             .ends = QUIT_ERROR);
        _cleanup_(buf_free) struct buf says = {0}, expected = {0};
        memset(buf_reserve(&says, 100000), 'x', 100000);
        says.n = 100000;
        buf_str(&says, "\r\nNOOP\r\n");
        PLAY(.says = buf_cstr(&says), .expected = "-ERR Input line too long.\r\n+OK\r\n", .ends = QUIT_ERROR);
        says.n = 0;
        for (int i = 0; i < 20; i++) {
                buf_str(&says, "GET / HTTP/1.1\r\n");
                buf_str(&expected, "-ERR Unknown command: GET\r\n");
        }
        buf_str(&says, "USER kevin\r\n");
        buf_str(&expected, "-ERR Too many invalid commands.\r\n");
        PLAY(.secured = true, .says = buf_cstr(&says), .expected = buf_cstr(&expected),
             .ends = QUIT_BAD_COMMANDS);
        PLAY(.stays = true, .says = "", .expected = "-ERR Disconnected for inactivity.\r\n",
             .ends = QUIT_ERROR);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_capabilities), cmocka_unit_test(test_starttls),
                cmocka_unit_test(test_user_pass),    cmocka_unit_test(test_answers),
                cmocka_unit_test(test_auth),         cmocka_unit_test(test_bad_input),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
