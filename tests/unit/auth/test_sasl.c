#include "../unit.h"

#include <stdlib.h>

#include "auth/sasl.h"

static const char *const names[] = {"plain", "login"};
static const struct settings_list list = {names, 2}, only_login = {names + 1, 1};
static const struct settings_list *const both = &list;

static void test_mechanisms(void **state)
{
        assert_string_equal(sasl_mechanism(SLICE("pLaIn"), both)->name, "PLAIN");
        assert_true(sasl_mechanism(SLICE("LOGIN"), both)->plaintext);
        assert_null(sasl_mechanism(SLICE("PLAIN"), &only_login));
        assert_null(sasl_mechanism(SLICE("PLAINER"), both));
        assert_null(sasl_mechanism(SLICE(""), both));
        assert_string_equal(sasl_mechanism_at(0)->name, "PLAIN");
        assert_string_equal(sasl_mechanism_at(1)->name, "LOGIN");
        assert_null(sasl_mechanism_at(2));
}

static void begin(struct sasl *s, const char *name)
{
        sasl_init(s, sasl_mechanism(slice_of(name), both));
}

static void test_plain_initial(void **state)
{
        _cleanup_(sasl_free) struct sasl s;
        struct slice challenge = SLICE("untouched");
        begin(&s, "PLAIN");
        assert_int_equal(sasl_step(&s, true, SLICE("as\0kevin\0 s e\tcret "), &challenge), SASL_DONE);
        struct sasl_credentials c = sasl_credentials(&s);
        assert_slice_equal(c.authzid, SLICE("as"));
        assert_slice_equal(c.user, SLICE("kevin"));
        assert_slice_equal(c.password, SLICE(" s e\tcret "));
        assert_slice_equal(challenge, SLICE("untouched"));
        /* an exchange that is over takes nothing more */
        assert_int_equal(sasl_step(&s, true, SLICE("\0a\0b"), &challenge), SASL_INVALID);
}

static void test_plain_prompted(void **state)
{
        _cleanup_(sasl_free) struct sasl s;
        struct slice challenge;
        begin(&s, "PLAIN");
        assert_int_equal(sasl_step(&s, false, SLICE_NULL, &challenge), SASL_CONTINUE);
        assert_int_equal(challenge.n, 0);
        assert_int_equal(sasl_step(&s, true, SLICE("\0kevin\0secret"), &challenge), SASL_DONE);
        assert_int_equal(sasl_credentials(&s).authzid.n, 0);
        assert_slice_equal(sasl_credentials(&s).user, SLICE("kevin"));
}

static void test_plain_malformed(void **state)
{
        static const struct slice bad[] = {
                {"", 0}, {"kevin", 5}, {"\0kevin", 6}, {"\0kevin\0secret\0", 14}, {"\0kevin\0se\0cret", 14},
        };
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                _cleanup_(sasl_free) struct sasl s;
                struct slice challenge;
                begin(&s, "PLAIN");
                assert_int_equal(sasl_step(&s, true, bad[i], &challenge), SASL_INVALID);
                assert_int_equal(sasl_credentials(&s).user.n, 0);
        }
}

static void test_plain_limits(void **state)
{
        for (size_t n = SASL_TEXT_MAX; n <= SASL_TEXT_MAX + 1; n++)
                for (int which = 0; which < 3; which++) {
                        _cleanup_(buf_free) struct buf b = {0};
                        for (int part = 0; part < 3; part++) {
                                for (size_t i = 0; i < (part == which ? n : 5); i++)
                                        buf_char(&b, 'x');
                                if (part < 2)
                                        buf_char(&b, '\0');
                        }
                        _cleanup_(sasl_free) struct sasl s;
                        struct slice challenge;
                        begin(&s, "PLAIN");
                        assert_int_equal(sasl_step(&s, true, buf_slice(&b), &challenge),
                                         n > SASL_TEXT_MAX ? SASL_INVALID : SASL_DONE);
                }
}

static void test_login(void **state)
{
        _cleanup_(sasl_free) struct sasl s;
        struct slice challenge;
        begin(&s, "LOGIN");
        assert_int_equal(sasl_step(&s, false, SLICE_NULL, &challenge), SASL_CONTINUE);
        assert_slice_equal(challenge, SLICE("Username:"));
        assert_int_equal(sasl_step(&s, true, SLICE("kevin"), &challenge), SASL_CONTINUE);
        assert_slice_equal(challenge, SLICE("Password:"));
        assert_int_equal(sasl_credentials(&s).user.n, 0);
        assert_int_equal(sasl_step(&s, true, SLICE("secret"), &challenge), SASL_DONE);
        assert_slice_equal(sasl_credentials(&s).user, SLICE("kevin"));
        assert_slice_equal(sasl_credentials(&s).password, SLICE("secret"));
        assert_int_equal(sasl_credentials(&s).authzid.n, 0);
}

static void test_login_initial(void **state)
{
        _cleanup_(sasl_free) struct sasl s;
        struct slice challenge;
        begin(&s, "LOGIN");
        assert_int_equal(sasl_step(&s, true, SLICE("kevin"), &challenge), SASL_CONTINUE);
        assert_slice_equal(challenge, SLICE("Password:"));

        /* "=": an initial response that is empty asks for the prompt */
        _cleanup_(sasl_free) struct sasl t;
        begin(&t, "LOGIN");
        assert_int_equal(sasl_step(&t, true, SLICE(""), &challenge), SASL_CONTINUE);
        assert_slice_equal(challenge, SLICE("Username:"));
}

static void test_login_malformed(void **state)
{
        _cleanup_(sasl_free) struct sasl s;
        struct slice challenge;
        begin(&s, "LOGIN");
        assert_int_equal(sasl_step(&s, true, SLICE("ke\0vin"), &challenge), SASL_INVALID);

        static char long_name[SASL_TEXT_MAX + 1];
        memset(long_name, 'x', sizeof(long_name));
        _cleanup_(sasl_free) struct sasl t;
        begin(&t, "LOGIN");
        assert_int_equal(sasl_step(&t, true, slice_make(long_name, sizeof(long_name)), &challenge),
                         SASL_INVALID);
        assert_int_equal(sasl_step(&t, true, SLICE("kevin"), &challenge), SASL_CONTINUE);
        assert_int_equal(sasl_step(&t, true, slice_make(long_name, sizeof(long_name)), &challenge),
                         SASL_INVALID);
        assert_int_equal(sasl_step(&t, true, slice_make(long_name, SASL_TEXT_MAX), &challenge), SASL_DONE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_mechanisms),     cmocka_unit_test(test_plain_initial),
                cmocka_unit_test(test_plain_prompted), cmocka_unit_test(test_plain_malformed),
                cmocka_unit_test(test_plain_limits),   cmocka_unit_test(test_login),
                cmocka_unit_test(test_login_initial),  cmocka_unit_test(test_login_malformed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
