#include "../unit.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "pop3/retrieve.h"

static void sent_as(struct slice raw, struct slice want)
{
        _cleanup_(fd_close_p) int fd = memfd_create("out", MFD_CLOEXEC);
        assert_true(fd >= 0);
        struct conn c;
        conn_init(&c, fd, fd);
        retrieve_write(&c, raw);
        assert_int_equal(conn_flush(&c), 0);
        conn_free(&c);
        _cleanup_(buf_free) struct buf got = {0};
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        off_t size = lseek(fd, 0, SEEK_END);
        char *to = buf_reserve(&got, (size_t)size + 1);
        assert_int_equal(pread(fd, to, (size_t)size, 0), size);
        got.n = (size_t)size;
        assert_slice_equal(buf_slice(&got), want);
}

static void test_line_ends(void **state)
{
        sent_as(SLICE(""), SLICE(""));
        sent_as(SLICE("a\n\nb\n"), SLICE("a\r\n\r\nb\r\n"));
        sent_as(SLICE("a\r\n\r\nb\r\n"), SLICE("a\r\n\r\nb\r\n"));
        sent_as(SLICE("a\r\nb\nc\r\n"), SLICE("a\r\nb\r\nc\r\n"));
        sent_as(SLICE("a\rb\n"), SLICE("a\rb\r\n"));
        sent_as(SLICE("a\nlast"), SLICE("a\r\nlast\r\n"));
        sent_as(SLICE("a\0b\n"), SLICE("a\0b\r\n"));
}

static void test_dots(void **state)
{
        sent_as(SLICE("."), SLICE("..\r\n"));
        sent_as(SLICE(".\n"), SLICE("..\r\n"));
        sent_as(SLICE("\n."), SLICE("\r\n..\r\n"));
        sent_as(SLICE(".\n.\n..\n"), SLICE("..\r\n..\r\n...\r\n"));
        sent_as(SLICE(".\r\n.\r\n"), SLICE("..\r\n..\r\n"));
        sent_as(SLICE("a.\n.b\r\n.c\n a .\n"), SLICE("a.\r\n..b\r\n..c\r\n a .\r\n"));
        /* what is no line end for POP3 starts no line */
        sent_as(SLICE("a\r.\n"), SLICE("a\r.\r\n"));
}

/* A dot in every place of a text, whatever the size of the pieces in which it is looked at. */
static void test_dot_places(void **state)
{
        for (size_t n = 60; n < 200; n += 7)
                for (size_t at = 0; at + 2 <= n; at++) {
                        char raw[200], want[204];
                        memset(raw, '.', n); /* dots that do not count */
                        raw[0] = at ? 'x' : '\n';
                        memcpy(raw + at, "\n.", 2);
                        raw[n - 1] = at + 2 == n ? '.' : '\n';
                        size_t w = 0;
                        for (size_t i = 0; i < n; i++) {
                                if (raw[i] == '\n')
                                        want[w++] = '\r';
                                want[w++] = raw[i];
                                if (raw[i] == '\n' && i + 1 < n)
                                        want[w++] = '.';
                        }
                        if (raw[n - 1] != '\n') {
                                want[w++] = '\r';
                                want[w++] = '\n';
                        }
                        sent_as(slice_make(raw, n), slice_make(want, w));
                }
}

static void test_large(void **state)
{
        _cleanup_(buf_free) struct buf raw = {0}, want = {0};
        for (int i = 0; i < 30000; i++) {
                buf_printf(&raw, "%sline %d\n", i % 7 ? "" : ".", i);
                buf_printf(&want, "%sline %d\r\n", i % 7 ? "" : "..", i);
        }
        sent_as(buf_slice(&raw), buf_slice(&want));
        /* what is stored with CRLF goes out as it is, but for the dots */
        _cleanup_(buf_free) struct buf again = {0};
        for (int i = 0; i < 30000; i++)
                buf_printf(&again, "%sline %d\r\n", i % 7 ? "" : "...", i);
        sent_as(buf_slice(&want), buf_slice(&again));
}

static void test_top(void **state)
{
        struct slice m = SLICE("A: 1\nB: 2\n\none\ntwo\nthree");
        assert_slice_equal(retrieve_top(m, 0), SLICE("A: 1\nB: 2\n\n"));
        assert_slice_equal(retrieve_top(m, 1), SLICE("A: 1\nB: 2\n\none\n"));
        assert_slice_equal(retrieve_top(m, 2), SLICE("A: 1\nB: 2\n\none\ntwo\n"));
        assert_slice_equal(retrieve_top(m, 3), m);
        assert_slice_equal(retrieve_top(m, UINT64_MAX), m);
        assert_slice_equal(retrieve_top(SLICE("A: 1\r\n\r\n\r\nx\r\n"), 1), SLICE("A: 1\r\n\r\n\r\n"));
        assert_slice_equal(retrieve_top(SLICE("\nbody\n"), 0), SLICE("\n"));
        assert_slice_equal(retrieve_top(SLICE("no end"), 0), SLICE("no end"));
        assert_slice_equal(retrieve_top(SLICE("A: 1\n"), 5), SLICE("A: 1\n"));
        assert_int_equal(retrieve_top(SLICE(""), 5).n, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_line_ends),  cmocka_unit_test(test_dots),
                cmocka_unit_test(test_dot_places), cmocka_unit_test(test_large),
                cmocka_unit_test(test_top),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
