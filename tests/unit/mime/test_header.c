#include "../unit.h"

#include "mime/header.h"

static struct slice make_repeated(struct arena *a, const char *line, size_t times)
{
        size_t n = strlen(line);
        char *p = arena_alloc(a, n * times);
        for (size_t i = 0; i < times; i++)
                memcpy(p + i * n, line, n);
        return slice_make(p, n * times);
}

static void test_fields(void **state)
{
        struct slice h = SLICE(
                "From: a@b\r\nSubject:  one\r\n two\r\n\tthree\r\nX-Empty:\nOld : blank\r\n\r\nBody: x\r\n");
        struct header_iter it = header_iter(h);
        struct header_field f;
        assert_true(header_next(&it, &f));
        assert_slice_equal(f.name, SLICE("From"));
        assert_slice_equal(f.value, SLICE(" a@b"));
        assert_slice_equal(f.raw, SLICE("From: a@b\r\n"));
        assert_true(header_next(&it, &f));
        assert_slice_equal(f.value, SLICE("  one\r\n two\r\n\tthree"));
        assert_slice_equal(f.raw, SLICE("Subject:  one\r\n two\r\n\tthree\r\n"));
        assert_int_equal(f.offset, 11);
        assert_true(header_next(&it, &f));
        assert_slice_equal(f.name, SLICE("X-Empty"));
        assert_slice_equal(f.value, SLICE(""));
        assert_true(header_next(&it, &f));
        assert_slice_equal(f.name, SLICE("Old"));
        assert_slice_equal(f.value, SLICE(" blank"));
        assert_false(header_next(&it, &f));
        assert_false(header_next(&it, &f));
        assert_slice_equal(f.name, SLICE("Old")); /* untouched */
        assert_int_equal(header_size(h), slice_find_slice(h, SLICE("Body")));
}

static void test_header_size(void **state)
{
        assert_int_equal(header_size(SLICE("")), 0);
        assert_int_equal(header_size(SLICE("\n")), 1);
        assert_int_equal(header_size(SLICE("\r\nbody")), 2);
        assert_int_equal(header_size(SLICE("A: b\n\nbody")), 6);
        assert_int_equal(header_size(SLICE("A: b\r\n\nbody")), 7);
        assert_int_equal(header_size(SLICE("A: b\r\n")), 6);
        assert_int_equal(header_size(SLICE("A: b")), 4);
        /* neither a blank line nor a bare CR is an empty line */
        assert_int_equal(header_size(SLICE("A: b\n \nC: d\n\r\rx\n\nbody")), 17);
}

static void test_lines_that_are_no_fields(void **state)
{
        struct slice h = SLICE(
                "From kevin Sat Nov 21 10:00:00 2026\r\n fold\nno colon\na b: c\n: empty\nX: y\n\x80y: z\n");
        struct header_iter it = header_iter(h);
        static const char *const names[] = {"", "", "", "", "X", ""};
        size_t sum = 0;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                struct header_field f;
                assert_true(header_next(&it, &f));
                assert_slice_equal(f.name, slice_of(names[i]));
                assert_int_equal(f.offset, sum);
                sum += f.raw.n;
        }
        assert_int_equal(sum, h.n);
}

static void test_find(void **state)
{
        struct slice h = SLICE("Received: 1\nSUBJECT: s\nreceived: 2\n\nReceived: 3\n");
        struct header_field f;
        assert_true(header_find(h, SLICE("Subject"), &f));
        assert_slice_equal(f.value, SLICE(" s"));
        assert_true(header_find_nth(h, SLICE("Received"), 1, &f));
        assert_slice_equal(f.value, SLICE(" 2"));
        assert_false(header_find_nth(h, SLICE("Received"), 2, &f));
        assert_false(header_find(h, SLICE(""), &f));
        assert_false(header_find(SLICE(""), SLICE("x"), &f));
}

static void test_unfold(void **state)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct slice plain = SLICE("  plain \t");
        struct slice got = header_unfold(&a, plain);
        assert_slice_equal(got, SLICE("plain"));
        assert_ptr_equal(got.p, plain.p + 2);
        assert_slice_equal(header_unfold(&a, SLICE(" a\r\n b\n\tc\r\n  d")), SLICE("a b\tc  d"));
        assert_slice_equal(header_unfold(&a, SLICE("a\rb\nc\r\r\n d")), SLICE("a b c  d"));
        assert_slice_equal(header_unfold(&a, SLICE("\r\n ")), SLICE(""));
        assert_slice_equal(header_unfold(&a, SLICE("")), SLICE(""));
}

static void test_limits(void **state)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct header_field f;
        struct slice many = make_repeated(&a, "A: b\n", HEADER_MAX_FIELDS + 5);
        struct header_iter it = header_iter(many);
        unsigned count = 0;
        while (header_next(&it, &f))
                count++;
        assert_int_equal(count, HEADER_MAX_FIELDS);
        it = header_iter(many);
        it.everything = true;
        for (count = 0; header_next(&it, &f);)
                count++;
        assert_int_equal(count, HEADER_MAX_FIELDS + 5);

        struct slice big = make_repeated(&a, " xxxxxxxxxxxxxxx\n", HEADER_MAX_BYTES / 16);
        it = header_iter(big);
        assert_false(header_next(&it, &f));
        it.everything = true;
        assert_true(header_next(&it, &f));
        assert_int_equal(f.raw.n, big.n);

        struct slice name = make_repeated(&a, "n", HEADER_MAX_NAME + 1);
        char *long_name = arena_printf(&a, "%.*s: x\n", SLICE_ARG(name));
        assert_false(header_find(slice_of(long_name), name, &f));
        assert_true(header_find(slice_of(long_name + 1), slice_from(name, 1), &f));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fields),
                cmocka_unit_test(test_header_size),
                cmocka_unit_test(test_lines_that_are_no_fields),
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_unfold),
                cmocka_unit_test(test_limits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
