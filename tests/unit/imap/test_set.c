#include "../unit.h"

#include "base/buf.h"
#include "imap/command.h"

static void normalised(const char *what, const struct imap_range *ranges, size_t n, uint32_t last,
                       const char *want)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(buf_free) struct buf got = {0};
        struct imap_range copy[8];
        memcpy(copy, ranges, n * sizeof(*ranges));
        struct imap_set made = imap_set_normalise(&a, &(struct imap_set){copy, n}, last);
        for (size_t i = 0; i < made.n; i++)
                buf_printf(&got, "%s%u:%u", i ? "," : "", made.ranges[i].low, made.ranges[i].high);
        if (!slice_eq(buf_slice(&got), slice_of(want)))
                fail_msg("%s: got %s, want %s", what, buf_cstr(&got), want);
}

#define SET(...)                                                                                             \
        (const struct imap_range[]){__VA_ARGS__},                                                            \
                sizeof((struct imap_range[]){__VA_ARGS__}) / sizeof(struct imap_range)

static void ranges_become_ascending_and_apart(void **state)
{
        normalised("4:2,1", SET({4, 2}, {1, 1}), 9, "1:1,2:4");
        normalised("5:7,1:9,3", SET({5, 7}, {1, 9}, {3, 3}), 9, "1:9");
        normalised("*", SET({IMAP_STAR, IMAP_STAR}), 9, "9:9");
        normalised("*:3", SET({IMAP_STAR, 3}), 9, "3:9");
        /* beyond the end, "*" is still the last message (RFC 3501 section 6.4.8) */
        normalised("12:*", SET({12, IMAP_STAR}), 9, "9:12");
        /* the largest number is a number, not "*" */
        normalised("4294967295", SET({UINT32_MAX, UINT32_MAX}), 9, "4294967295:4294967295");
        normalised("1:4294967295", SET({1, UINT32_MAX}), 9, "1:4294967295");
        normalised("1:* of nothing", SET({1, IMAP_STAR}), 0, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(ranges_become_ascending_and_apart)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
