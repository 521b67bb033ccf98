#include "imap/edge.h"

#define STAGE_EDGE     imap_edge
#define STAGE_GREETING ""
#define STAGE_PASSWORD "sec\"ret"
#define STAGE_SECRET   "ret"
#define STAGE_DENIED   "Too many connections."
#include "../edge_stage.h"

#define GREETING_TLS                                                                                         \
        "* OK [CAPABILITY IMAP4rev1 IMAP4rev2 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS "     \
        "LOGINDISABLED] mailsession "                                                                        \
        "ready.\r\n"
#define GREETING_LOCAL                                                                                       \
        "* OK [CAPABILITY IMAP4rev1 IMAP4rev2 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN "   \
        "AUTH=LOGIN] mailsession "                                                                           \
        "ready.\r\n"

static void the_state_shows_in_the_capabilities(void **state)
{
        PLAY(.offers_tls = true, .says = "a capability\r\nb NOOP\r\nc LOGOUT\r\n",
             .expected = GREETING_TLS "* CAPABILITY IMAP4rev1 IMAP4rev2 SASL-IR LOGIN-REFERRALS ID ENABLE "
                                      "IDLE LITERAL+ STARTTLS LOGINDISABLED\r\n"
                                      "a OK Capability completed.\r\nb OK NOOP completed.\r\n"
                                      "* BYE Logging out\r\nc OK Logout completed.\r\n",
             .ends = QUIT);
        PLAY(.offers_tls = true, .says = "a STARTTLS\r\nb LOGIN kevin sec\"ret\r\n",
             .expected = GREETING_TLS "a OK Begin TLS negotiation now.\r\n[TLS]\r\n", .ends = QUIT_ERROR);
        PLAY(.secured = true, .says = "a STARTTLS\r\n",
             .expected = GREETING_LOCAL "a BAD TLS support isn't enabled.\r\n", .ends = QUIT_ERROR);
}

#define ALERT                                                                                                \
        "* BAD [ALERT] Plaintext authentication not allowed without SSL/TLS, but your client did it "        \
        "anyway. If "                                                                                        \
        "anyone was listening, the password was exposed.\r\n"
#define PRIVACY                                                                                              \
        " NO [PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.\r\n"

static void plaintext_needs_tls(void **state)
{
        PLAY(.offers_tls = true, .says = ". login toto@mondomaine.local pw\r\n. logout\r\n",
             .expected = GREETING_TLS ALERT "." PRIVACY "* BYE Logging out\r\n. OK Logout completed.\r\n",
             .ends = QUIT);
        PLAY(.offers_tls = true, .says = "a AUTHENTICATE PLAIN\r\nb AUTHENTICATE PLAIN AGEAYg==\r\n",
             .expected = GREETING_TLS "a" PRIVACY ALERT "b" PRIVACY, .ends = QUIT_ERROR);
}

static void login(void **state)
{
        PLAY(.secured = true, .says = "a LOGIN kevin {7+}\r\nsec\"ret\r\nb SELECT INBOX\r\n",
             .expected =
                     GREETING_LOCAL "[PLAIN kevin sec\"ret]\r\n[session a, unread: b SELECT INBOX\r\n]\r\n",
             .ends = HANDED_OVER);
        PLAY(.secured = true, .says = "a LOGIN kevin \"sec\\\"ret\"\r\n",
             .expected = GREETING_LOCAL "[PLAIN kevin sec\"ret]\r\n[session a, unread: ]\r\n",
             .ends = HANDED_OVER);
        PLAY(.secured = true, .says = "a LOGIN kevin no\r\nb LOGIN denied x\r\nc LOGIN broken x\r\n",
             .expected = GREETING_LOCAL
             "[PLAIN kevin no]\r\na NO [AUTHENTICATIONFAILED] Authentication failed.\r\n"
             "[PLAIN denied x]\r\nb NO [AUTHORIZATIONFAILED] Too many connections.\r\n"
             "[PLAIN broken x]\r\nc NO [UNAVAILABLE] Temporary authentication failure. [S1]\r\n",
             .ends = QUIT_ERROR);
}

static void authenticate(void **state)
{
        PLAY(.secured = true, .says = "a AUTHENTICATE PLAIN AGtldmluAHNlYyJyZXQ=\r\n",
             .expected = GREETING_LOCAL "[PLAIN kevin sec\"ret]\r\n[session a, unread: ]\r\n",
             .ends = HANDED_OVER);
        PLAY(.secured = true, .says = "a authenticate plain\r\nAGtldmluAHNlYyJyZXQ=\r\nx",
             .expected = GREETING_LOCAL "+ \r\n[PLAIN kevin sec\"ret]\r\n[session a, unread: x]\r\n",
             .ends = HANDED_OVER);
        PLAY(.secured = true, .says = "a AUTHENTICATE LOGIN\r\na2V2aW4=\r\nc2VjInJldA==\r\n",
             .expected = GREETING_LOCAL "+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n[LOGIN kevin sec\"ret]\r\n"
                                        "[session a, unread: ]\r\n",
             .ends = HANDED_OVER);
        PLAY(.secured = true,
             .says = "a AUTHENTICATE PLAIN\r\n*\r\nb AUTHENTICATE PLAIN\r\n!!\r\nc AUTHENTICATE PLAIN x\r\n"
                     "d AUTHENTICATE X\r\ne AUTHENTICATE PLAIN Zm9v\r\nf AUTHENTICATE PLAIN =\r\n",
             .expected = GREETING_LOCAL "+ \r\na BAD Authentication aborted by client.\r\n"
                                        "+ \r\nb BAD Invalid base64 data in response.\r\n"
                                        "c BAD Invalid base64 data in initial response.\r\n"
                                        "d NO Unsupported authentication mechanism.\r\n"
                                        "e NO [AUTHENTICATIONFAILED] Invalid authentication response.\r\n"
                                        "f NO [AUTHENTICATIONFAILED] Invalid authentication response.\r\n",
             .ends = QUIT_ERROR);
}

static void an_overlong_response_is_refused(void **state)
{
        _cleanup_(buf_free) struct buf says = {0};
        buf_str(&says, "a AUTHENTICATE PLAIN\r\n");
        for (int i = 0; i < 20000; i++)
                buf_char(&says, 'A');
        buf_str(&says, "\r\nb NOOP\r\n");
        PLAY(.secured = true, .says = buf_cstr(&says),
             .expected = GREETING_LOCAL
             "+ \r\na BAD Invalid base64 data in response.\r\nb OK NOOP completed.\r\n",
             .ends = QUIT_ERROR);
}

static void other_commands_wait_for_login(void **state)
{
        PLAY(.secured = true,
             .says = "a SELECT INBOX\r\nb FETCH x\r\nc APPEND INBOX {10+}\r\nz LOGOUT\r\n\r\nd APPEND INBOX "
                     "{10}\r\n"
                     "e FOO\r\n\r\nf ID NIL\r\n",
             .expected = GREETING_LOCAL
             "a BAD Please log in first.\r\nb BAD Please log in first.\r\n"
             "c BAD Please log in first.\r\nd BAD Please log in first.\r\n"
             "e BAD Error in IMAP command FOO: Unknown command.\r\n"
             "* BAD Error in IMAP command: Invalid tag.\r\n"
             "* ID (\"name\" \"mailsession\" \"vendor\" \"A \\\\ B\" \"os\" NIL \"version\" \"2\")\r\n"
             "f OK ID completed.\r\n",
             .ends = QUIT_ERROR);
        PLAY(.secured = true, .says = "a APPEND INBOX {100000+}\r\nz LOGOUT\r\n",
             .expected = GREETING_LOCAL "* BYE Command too long.\r\n", .ends = QUIT);
}

static void nonsense_has_an_end(void **state)
{
        _cleanup_(buf_free) struct buf says = {0}, expected = {0};
        buf_str(&expected, GREETING_LOCAL);
        for (int i = 0; i < 100; i++)
                buf_str(&says, "GET / HTTP/1.1\r\n");
        for (int i = 0; i < 20; i++)
                buf_str(&expected, "GET BAD Error in IMAP command: Unknown command.\r\n");
        buf_str(&expected, "* BYE Too many bad commands.\r\n");
        PLAY(.secured = true, .says = buf_cstr(&says), .expected = buf_cstr(&expected),
             .ends = QUIT_BAD_COMMANDS);
}

static void silence_has_an_end(void **state)
{
        PLAY(.secured = true, .stays = true, .says = "a NOOP\r\n",
             .expected = GREETING_LOCAL "a OK NOOP completed.\r\n* BYE Disconnected for inactivity.\r\n",
             .ends = QUIT_ERROR);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_state_shows_in_the_capabilities),
                cmocka_unit_test(plaintext_needs_tls),
                cmocka_unit_test(login),
                cmocka_unit_test(authenticate),
                cmocka_unit_test(an_overlong_response_is_refused),
                cmocka_unit_test(other_commands_wait_for_login),
                cmocka_unit_test(nonsense_has_an_end),
                cmocka_unit_test(silence_has_an_end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
