#include "pop3/edge.h"

#define STAGE_EDGE     pop3_edge
#define STAGE_GREETING "+OK mailsession ready.\r\n"
#define STAGE_PASSWORD "s3 cret"
#define STAGE_SECRET   "cret"
#define STAGE_DENIED   NULL
#include "../edge_stage.h"

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
