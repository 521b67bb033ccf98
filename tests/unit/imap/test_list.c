/* Wildcards of LIST, and what a name may be. */

#include "../unit.h"

#include <errno.h>

#include "imap/list_match.h"

static bool matches(const char *reference, const char *pattern, const char *name)
{
        struct arena arena = {};
        struct list_pattern made;
        bool found;

        assert_int_equal(list_pattern_make(&arena, slice_of(reference), slice_of(pattern), &made), 0);
        found = list_pattern_match(&made, '.', slice_of(name));
        arena_free(&arena);
        return found;
}

static void test_list_wildcards(void **state)
{
        static const struct {
                const char *reference, *pattern, *name;
                bool match;
        } rows[] = {
                {"", "*", "foo", true},
                {"", "*", "foo.bar.baz", true},
                {"", "%", "foo", true},
                {"", "%", "foo.bar", false},
                {"", "%.%", "foo.bar", true},
                {"", "%.%", "foo", false},
                {"", "%.%", "foo.bar.baz", false},
                {"", "foo.%", "foo.bar", true},
                {"", "foo.*", "foo.bar.baz", true},
                {"", "foo.*", "foo", false},
                {"", "foo*", "foo", true},
                {"", "*z", "foo.bar.baz", true},
                {"", "*z", "foo.bar", false},
                {"", "%z", "foo.bar.baz", false},
                {"", "foo*%baz", "foo.bar.baz", true},
                {"", "%*", "foo.bar", true},
                {"", "*%", "foo.bar", true},
                {"", "*a%b%c", "xx.ya1b2c", true},
                {"", "*a%b%c", "xa.yb.zc", false},
                {"", "a%b*c%d", "a1b.2c3d", true},
                {"", "foo", "foo", true},
                {"", "foo", "Foo", false},
                {"", "foo.", "foo", false},
                {"", "%.", "foo", false},
                {"", "", "foo", false},
                {"", "", "", true},
                {"", "%", "", true},
                /* reference and pattern are one text */
                {"foo.", "%", "foo.bar", true},
                {"foo", ".%", "foo.bar", true},
                {"foo", "%", "foo", true},
                {"foo", "%", "foo.bar", false},
                {"foo.", ".%", "foo.bar", false},
                {"foo.bar", "baz", "foo.bar.baz", false},
                {"%", "*", "foo.bar", true},
                /* UTF-8 */
                {"", "\xc3\xa9%", "\xc3\xa9t\xc3\xa9", true},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                if (matches(rows[i].reference, rows[i].pattern, rows[i].name) != rows[i].match)
                        fail_msg("\"%s\" \"%s\" and %s", rows[i].reference, rows[i].pattern, rows[i].name);
}

static void test_list_inbox_in_any_case(void **state)
{
        assert_true(matches("", "inbox", "INBOX"));
        assert_true(matches("", "InB%", "INBOX"));
        assert_true(matches("", "iNbOx.%", "INBOX.kid"));
        assert_true(matches("in", "box.*", "INBOX.kid"));
        assert_false(matches("", "inbox.KID", "INBOX.kid"));
        assert_false(matches("", "inboxes", "INBOXES"));
        assert_false(matches("", "x.inbox", "x.INBOX"));
}

/* What takes a backtracking matcher longer than the universe lasts. */
static void test_list_no_blow_up(void **state)
{
        struct arena arena = {};
        struct list_pattern made;
        char pattern[2001], name[1001];

        for (size_t i = 0; i + 1 < sizeof(pattern); i += 2) {
                pattern[i] = i % 4 ? '*' : '%';
                pattern[i + 1] = 'a';
        }
        pattern[sizeof(pattern) - 2] = 'b';
        memset(name, 'a', sizeof(name));
        assert_int_equal(
                list_pattern_make(&arena, SLICE_NULL, slice_make(pattern, sizeof(pattern) - 1), &made), 0);
        for (int i = 0; i < 20; i++)
                assert_false(list_pattern_match(&made, '.', slice_make(name, sizeof(name) - 1)));
        assert_false(list_pattern_match(&made, '.', slice_make(name, 10)));
        arena_free(&arena);
}

static void test_list_pattern_limit(void **state)
{
        static char text[100000];
        struct arena arena = {};
        struct list_pattern made;

        memset(text, 'a', sizeof(text));
        assert_int_equal(list_pattern_make(&arena, SLICE_NULL, slice_make(text, LIST_MAX_PATTERN), &made), 0);
        assert_int_equal(list_pattern_make(&arena, SLICE("b"), slice_make(text, LIST_MAX_PATTERN), &made),
                         -E2BIG);
        /* wildcards side by side are one */
        memset(text, '%', sizeof(text));
        text[5000] = '*';
        assert_int_equal(list_pattern_make(&arena, SLICE_NULL, slice_make(text, sizeof(text)), &made), 0);
        assert_slice_equal(made.text, SLICE("*"));
        arena_free(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_list_wildcards),
                cmocka_unit_test(test_list_inbox_in_any_case),
                cmocka_unit_test(test_list_no_blow_up),
                cmocka_unit_test(test_list_pattern_limit),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
