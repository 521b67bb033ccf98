#include "../unit.h"

#include <errno.h>

#include "pop3/uidl.h"

/* Dovecot's and Courier's formats, byte for byte: a client that sees another id downloads everything again.
 */
static void test_formats(void **state)
{
        static const struct {
                const char *format, *id;
        } cases[] = {
                {"%08Xu%08Xv", "00003039499602d2"}, /* Dovecot's default */
                {"%g", "1700000001.M1P2.host"},
                {"%f", "1700000001.M1P2.host"},
                {"UID%u-%v", "UID12345-1234567890"}, /* Courier 0.43 and later */
                {"%v-%u", "1234567890-12345"},       /* Courier up to 0.42 */
                {"%Xv%Xu", "499602d23039"},          /* Dovecot 0.99 */
                {"%v.%u", "1234567890.12345"},       /* UW ipop3d */
                {"a%%b", "a%b"},
        };
        static const struct uidl_source source = {
                .uid = 12345, .uidvalidity = 1234567890, .base_name = "1700000001.M1P2.host"};
        _cleanup_(arena_free) struct arena arena = {0};
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const char *id = NULL, *why = "";
                if (uidl_make(&source, cases[i].format, &arena, &id, &why) < 0)
                        fail_msg("%s: %s", cases[i].format, why);
                assert_string_equal(id, cases[i].id);
        }
}

static void test_bad_formats(void **state)
{
        static const char *const bad[] = {"%q", "%m", "%"};
        static const struct uidl_source source = {.uid = 1, .uidvalidity = 2, .base_name = "x"};
        _cleanup_(arena_free) struct arena arena = {0};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                const char *id = NULL, *why = NULL;
                assert_int_equal(uidl_make(&source, bad[i], &arena, &id, &why), -EINVAL);
                assert_null(id);
                assert_non_null(why);
        }
}

static void test_stored(void **state)
{
        struct uidl_source source = {.uid = 1, .uidvalidity = 2, .base_name = "file", .stored = "old-id"};
        _cleanup_(arena_free) struct arena arena = {0};
        const char *id, *why;
        assert_int_equal(uidl_make(&source, "%u", &arena, &id, &why), 0);
        assert_string_equal(id, "old-id");
        source.stored = ""; /* an empty P field: the file's name was the id */
        assert_int_equal(uidl_make(&source, "%u", &arena, &id, &why), 0);
        assert_string_equal(id, "file");
}

static void test_made_fit(void **state)
{
        char name[UIDL_MAX + 2];
        memset(name, 'x', sizeof(name));
        name[UIDL_MAX] = '\0';
        struct uidl_source source = {.uid = 0x1a, .uidvalidity = 0x2b, .base_name = name};
        _cleanup_(arena_free) struct arena arena = {0};
        const char *id, *why;
        assert_int_equal(uidl_make(&source, "%f", &arena, &id, &why), 0);
        assert_string_equal(id, name); /* as long as may be */
        name[UIDL_MAX] = 'x';
        name[UIDL_MAX + 1] = '\0';
        assert_int_equal(uidl_make(&source, "%f", &arena, &id, &why), 0);
        assert_int_equal(strlen(id), UIDL_MAX);
        assert_string_equal(id + UIDL_MAX - 17, ".0000001a0000002b");
        source.base_name = "a b\xc3\xa9";
        assert_int_equal(uidl_make(&source, "%f", &arena, &id, &why), 0);
        assert_string_equal(id, "a_b__.0000001a0000002b");
        source.stored = "a b";
        assert_int_equal(uidl_make(&source, "%f", &arena, &id, &why), 0);
        assert_string_equal(id, "a_b.0000001a0000002b");
}

static void test_header(void **state)
{
        assert_slice_equal(uidl_of_header(SLICE("A: 1\r\nx-uidl:  abc \r\n\r\n")), SLICE("abc"));
        assert_slice_equal(uidl_of_header(SLICE("X-UIDL: abc")), SLICE("abc"));
        assert_int_equal(uidl_of_header(SLICE("A: 1\n\nX-UIDL: abc\n")).n, 0);
        assert_int_equal(uidl_of_header(SLICE("A: 1\n X-UIDL: abc\n\n")).n, 0);
        assert_int_equal(uidl_of_header(SLICE("X-UIDL:\n\n")).n, 0);
        assert_int_equal(uidl_of_header(SLICE("")).n, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_formats), cmocka_unit_test(test_bad_formats),
                cmocka_unit_test(test_stored),  cmocka_unit_test(test_made_fit),
                cmocka_unit_test(test_header),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
