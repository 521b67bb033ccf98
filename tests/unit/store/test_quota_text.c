/* The texts of quota and annotations: rules, maildirsize, the file of annotations. */

#include "../unit.h"

#include <errno.h>

#include "store/annotation_text.h"
#include "store/maildirsize.h"

static void test_root(void **state)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct quota_root root;
        assert_null(quota_root_parse(&a, "maildir:User quota:noenforcing:ns=INBOX.", &root));
        assert_int_equal(root.backend, QUOTA_MAILDIR);
        assert_string_equal(root.name, "User quota");
        assert_true(root.no_enforcing && !root.hidden);
        assert_string_equal(root.ns, "INBOX.");
        assert_null(quota_root_parse(&a, "count", &root));
        assert_int_equal(root.backend, QUOTA_COUNT);
        assert_string_equal(root.name, "");
        assert_null(quota_root_parse(&a, "", &root));
        assert_int_equal(root.backend, QUOTA_NONE);
        assert_non_null(quota_root_parse(&a, "dict:User quota::file:x", &root));
        assert_non_null(quota_root_parse(&a, "maildir:x:nonsense", &root));
}

static void test_rules(void **state)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct quota_root root = {.backend = QUOTA_MAILDIR};
        struct quota_limits got;
        static const char *const good[] = {"*:storage=1000:messages=10",
                                           "Trash:storage=+10%%",
                                           "Sent*:bytes=-24",
                                           "Spam:ignore",
                                           "a?:messages=+5",
                                           "low:storage=-2M"};
        static const char *const bad[] = {"",
                                          "*",
                                          "*:",
                                          ":storage=1",
                                          "*:storage=",
                                          "*:storage=1x",
                                          "*:pages=1",
                                          "*:storage=+1",
                                          "*:storage=10%",
                                          "x:storage=-100%",
                                          "*:storage=99999999999999999999"};
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                assert_null(quota_rule_add(&a, &root, good[i]));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_non_null(quota_rule_add(&a, &root, bad[i]));
        assert_true(root.fixed);
        assert_true(quota_limits_for(&root, &root.limits, "INBOX", &got));
        assert_int_equal(got.bytes, 1024000);
        assert_int_equal(got.messages, 10);
        assert_true(quota_limits_for(&root, &root.limits, "Trash", &got));
        assert_int_equal(got.bytes, 1126400);
        assert_true(quota_limits_for(&root, &root.limits, "Sent.2023", &got));
        assert_int_equal(got.bytes, 1023976);
        assert_true(quota_limits_for(&root, &root.limits, "ab", &got));
        assert_int_equal(got.messages, 15);
        assert_false(quota_limits_for(&root, &root.limits, "Spam", &got));
        /* less than nothing is not "no limit" */
        assert_true(quota_limits_for(&root, &root.limits, "low", &got));
        assert_int_equal(got.bytes, 1);
}

static void test_maildirsize(void **state)
{
        static const struct {
                const char *text;
                int result;
                uint64_t bytes_limit, messages_limit, bytes, messages;
        } rows[] = {
                {"1000S,100C\n10 1\n5 1\n", 0, 1000, 100, 15, 2},
                {"1000S\n  100    2\n   -40   -1\n", 0, 1000, 0, 60, 1}, /* Courier's padding */
                {"0S\n0 0\n", 0, 0, 0, 0, 0},
                {"7C,x,9S\n1 1\n5", 0, 9, 7, 1, 1}, /* the last line is being written */
                {"", -EINVAL},
                {"10S", -EINVAL},
                {"10S\n", -EINVAL, 10},
                {"10S\n5\n", -EINVAL, 10},
                {"10S\n5 1 2\n", -EINVAL, 10},
                {"10S\n5 -1\n", -EINVAL, 10},
                {"10S\n99999999999999999999 1\n", -EINVAL, 10},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct maildirsize m;
                assert_int_equal(maildirsize_parse(slice_of(rows[i].text), &m), rows[i].result);
                assert_int_equal(m.limits.bytes, rows[i].bytes_limit);
                assert_int_equal(m.limits.messages, rows[i].messages_limit);
                if (rows[i].result == 0) {
                        assert_int_equal(m.bytes, rows[i].bytes);
                        assert_int_equal(m.messages, rows[i].messages);
                }
        }
        _cleanup_(buf_free) struct buf text = {0};
        maildirsize_put(&text, &(struct maildirsize){.limits = {.messages = 5}, .bytes = 3, .messages = 1});
        maildirsize_put_line(&text, -3, -1);
        assert_string_equal(buf_cstr(&text), "5C\n3 1\n-3 -1\n");
}

static void test_annotations(void **state)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(buf_free) struct buf text = {0}, again = {0};
        struct annotation list[8] = {{SLICE("/private/b"), SLICE("x\ny")}}, *read;
        const struct annotation changes[] = {{SLICE("/shared/a"), SLICE("1")},
                                             {SLICE("/private/a"), {"\0", 1}},
                                             {SLICE("/private/b"), SLICE("")},
                                             {SLICE("/shared/a"), SLICE_NULL},
                                             {SLICE("/shared/none"), SLICE_NULL}};
        size_t n = annotation_merge(list, 1, changes, ARRAY_LEN(changes));
        assert_int_equal(n, 2);
        annotation_text_put(&text, list, n);
        size_t got = 0;
        assert_int_equal(annotation_text_parse(buf_slice(&text), &a, &read, &got), 0);
        assert_int_equal(got, 2);
        assert_slice_equal(annotation_find(read, got, SLICE("/private/a"))->value, slice_make("\0", 1));
        assert_int_equal(annotation_find(read, got, SLICE("/private/b"))->value.n, 0);
        assert_null(annotation_find(read, got, SLICE("/shared/a")));
        annotation_text_put(&again, read, got);
        assert_slice_equal(buf_slice(&again), buf_slice(&text));
        for (size_t i = 0; i < text.n; i++)
                if (annotation_text_parse(slice_head(buf_slice(&text), i), &a, &read, &got) == 0)
                        assert_true(got < 2); /* cut between two */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_root),
                cmocka_unit_test(test_rules),
                cmocka_unit_test(test_maildirsize),
                cmocka_unit_test(test_annotations),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
