#include "../unit.h"

#include <errno.h>
#include <stdio.h>

#include "pop3/command.h"

static struct pop3_command parse(const char *line, unsigned state)
{
        struct pop3_command c;
        struct pop3_error error = {"", SLICE_NULL};
        if (pop3_command_parse(slice_of(line), state, &c, &error) < 0)
                fail_msg("%s: -ERR %s%.*s", line, error.text, SLICE_ARG(error.detail));
        return c;
}

static void refused(struct slice line, unsigned state, const char *text)
{
        struct pop3_command c = {.message = 77};
        struct pop3_error error = {NULL, SLICE_NULL};
        assert_int_equal(pop3_command_parse(line, state, &c, &error), -EINVAL);
        char got[200];
        snprintf(got, sizeof(got), "%s%.*s", error.text, SLICE_ARG(error.detail));
        assert_string_equal(got, text);
        assert_int_equal(c.message, 77); /* untouched */
}

static void test_names(void **state)
{
        assert_int_equal(parse("STAT", POP3_TRANSACTION).id, POP3_STAT);
        assert_int_equal(parse("sTaT", POP3_TRANSACTION).id, POP3_STAT);
        assert_int_equal(parse("quit ", POP3_AUTHORIZATION).id, POP3_QUIT);
        assert_int_equal(parse("capa", POP3_AUTHORIZATION).id, POP3_CAPA);
        refused(SLICE(""), POP3_TRANSACTION, "Unknown command.");
        refused(SLICE(" STAT"), POP3_TRANSACTION, "Unknown command.");
        refused(SLICE("STA"), POP3_TRANSACTION, "Unknown command: STA");
        refused(SLICE("STATS 1"), POP3_TRANSACTION, "Unknown command: STATS");
        refused(SLICE("APOP kevin 0123"), POP3_AUTHORIZATION, "Unknown command: APOP");
        /* nothing that could confuse a client or a terminal comes back */
        refused(SLICE("\x1b[31m"), POP3_TRANSACTION, "Unknown command.");
        refused(SLICE("ST\0AT"), POP3_TRANSACTION, "Unknown command.");
        refused(SLICE("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), POP3_TRANSACTION, "Unknown command.");
}

static void test_states(void **state)
{
        static const char *const before[] = {"USER a", "PASS a", "AUTH", "STLS"};
        static const char *const after[] = {"STAT", "LIST",    "RETR 1", "DELE 1",
                                            "RSET", "TOP 1 1", "UIDL",   "LAST"};
        for (size_t i = 0; i < ARRAY_LEN(before); i++) {
                parse(before[i], POP3_AUTHORIZATION);
                refused(slice_of(before[i]), POP3_TRANSACTION, "Already logged in.");
        }
        for (size_t i = 0; i < ARRAY_LEN(after); i++) {
                parse(after[i], POP3_TRANSACTION);
                refused(slice_of(after[i]), POP3_AUTHORIZATION, "Log in first.");
        }
}

static void test_messages(void **state)
{
        struct pop3_command c = parse("RETR 12", POP3_TRANSACTION);
        assert_true(c.has_message);
        assert_int_equal(c.message, 12);
        assert_int_equal(parse("DELE   4294967295  ", POP3_TRANSACTION).message, UINT32_MAX);
        assert_true(parse("LIST 0", POP3_TRANSACTION).has_message);
        assert_false(parse("LIST", POP3_TRANSACTION).has_message);
        assert_false(parse("UIDL  ", POP3_TRANSACTION).has_message);
        refused(SLICE("RETR"), POP3_TRANSACTION, "Missing message number.");
        refused(SLICE("RETR 4294967296"), POP3_TRANSACTION, "Message number too large: 4294967296");
        refused(SLICE("RETR -1"), POP3_TRANSACTION, "Invalid message number: -1");
        refused(SLICE("RETR +1"), POP3_TRANSACTION, "Invalid message number: +1");
        refused(SLICE("RETR 0x1"), POP3_TRANSACTION, "Invalid message number: 0x1");
        refused(SLICE("RETR 1 2"), POP3_TRANSACTION, "Noise after message number: 2");
        refused(SLICE("LIST x"), POP3_TRANSACTION, "Invalid message number: x");
        refused(SLICE("LIST 1 x"), POP3_TRANSACTION, "Noise after message number: x");
        refused(SLICE("STAT 1"), POP3_TRANSACTION, "Noise after command: 1");
        refused(SLICE("RETR 1\t"), POP3_TRANSACTION, "Argument is not printable ASCII.");
        refused(SLICE("RETR 1\0"), POP3_TRANSACTION, "Line with NUL or bare CR.");
}

static void test_top(void **state)
{
        struct pop3_command c = parse("TOP 3 18446744073709551615", POP3_TRANSACTION);
        assert_int_equal(c.message, 3);
        assert_true(c.lines == UINT64_MAX);
        assert_true(parse("top 3  0", POP3_TRANSACTION).lines == 0);
        refused(SLICE("TOP"), POP3_TRANSACTION, "Missing message number.");
        refused(SLICE("TOP 1"), POP3_TRANSACTION, "Missing number of lines.");
        refused(SLICE("TOP 1 -1"), POP3_TRANSACTION, "Invalid size: -1");
        refused(SLICE("TOP 1 18446744073709551616"), POP3_TRANSACTION,
                "Size too large: 18446744073709551616");
        refused(SLICE("TOP 1 1 1"), POP3_TRANSACTION, "Noise after size: 1");
}

static void test_login(void **state)
{
        assert_slice_equal(parse("USER  kevin ", POP3_AUTHORIZATION).text, SLICE("kevin"));
        assert_slice_equal(parse("user kévin", POP3_AUTHORIZATION).text, SLICE("kévin"));
        assert_slice_equal(parse("PASS  two  spaces ", POP3_AUTHORIZATION).text, SLICE(" two  spaces "));
        assert_slice_equal(parse("PASS t\tb", POP3_AUTHORIZATION).text, SLICE("t\tb"));
        refused(SLICE("USER"), POP3_AUTHORIZATION, "No username given.");
        refused(SLICE("USER  "), POP3_AUTHORIZATION, "No username given.");
        refused(SLICE("PASS"), POP3_AUTHORIZATION, "No password given.");
        refused(SLICE("PASS "), POP3_AUTHORIZATION, "No password given.");
        refused(SLICE("USER ke\0vin"), POP3_AUTHORIZATION, "Line with NUL or bare CR.");
        refused(SLICE("PASS se\rcret"), POP3_AUTHORIZATION, "Line with NUL or bare CR.");
}

static void test_auth(void **state)
{
        struct pop3_command c = parse("AUTH", POP3_AUTHORIZATION);
        assert_int_equal(c.mechanism.n, 0);
        c = parse("AUTH PLAIN", POP3_AUTHORIZATION);
        assert_slice_equal(c.mechanism, SLICE("PLAIN"));
        assert_false(c.has_initial);
        c = parse("AUTH PLAIN AGEAYg==", POP3_AUTHORIZATION);
        assert_true(c.has_initial);
        assert_slice_equal(c.initial, SLICE("AGEAYg=="));
        c = parse("AUTH LOGIN =", POP3_AUTHORIZATION);
        assert_true(c.has_initial);
        assert_int_equal(c.initial.n, 0);
        refused(SLICE("AUTH PLAIN AGEAYg== x"), POP3_AUTHORIZATION, "Noise after initial response.");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names), cmocka_unit_test(test_states), cmocka_unit_test(test_messages),
                cmocka_unit_test(test_top),   cmocka_unit_test(test_login),  cmocka_unit_test(test_auth),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
