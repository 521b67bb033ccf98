#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "wire/conn.h"

struct pair {
        struct conn conn;
        int client; /* the other end */
        int server;
};

static int set_up(void **state)
{
        struct pair *p = xcalloc(1, sizeof(*p));
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -1;
        p->server = fds[0];
        p->client = fds[1];
        fd_set_nonblocking(p->server);
        conn_init(&p->conn, p->server, p->server);
        *state = p;
        return 0;
}

static int tear_down(void **state)
{
        struct pair *p = *state;
        conn_free(&p->conn);
        fd_close_p(&p->client);
        fd_close_p(&p->server);
        free(p);
        return 0;
}

static void client_says(struct pair *p, struct slice s)
{
        assert_int_equal(fd_write_all(p->client, s), 0);
}

static deadline_t soon(void)
{
        return deadline_in_ms(5000);
}

static void ends_however_much_there_is_to_read_or_write(void **state)
{
        struct pair *p = *state;
        struct slice line;
        client_says(p, SLICE("one\r\ntwo\r\n"));
        p->conn.ends = deadline_in_ms(0);
        assert_int_equal(conn_line(&p->conn, 100, soon(), &line), -ETIMEDOUT);
        /* more than the socket takes: nobody reads */
        static char much[4 * 1024 * 1024];
        conn_write(&p->conn, slice_make(much, sizeof(much)));
        assert_int_equal(conn_error(&p->conn), -ETIMEDOUT);
}

static void lines_come_without_their_ends(void **state)
{
        struct pair *p = *state;
        struct slice line;
        client_says(p, SLICE("one\r\ntwo\n\r\nfour\rfive\r\n"));
        static const char *const want[] = {"one", "two", "", "four\rfive"};
        for (size_t i = 0; i < ARRAY_LEN(want); i++) {
                assert_int_equal(conn_line(&p->conn, 100, soon(), &line), 0);
                assert_slice_equal(line, slice_of(want[i]));
        }
        client_says(p, SLICE("cut"));
        close(TAKE_FD(p->client));
        assert_int_equal(conn_line(&p->conn, 100, soon(), &line), -EPIPE);
}

static void long_lines_are_refused_and_skipped(void **state)
{
        struct pair *p = *state;
        struct slice line;
        client_says(p, SLICE("0123456789\r\n01234567890\r\nnext\r\n"));
        assert_int_equal(conn_line(&p->conn, 10, soon(), &line), 0);
        assert_int_equal(conn_line(&p->conn, 10, soon(), &line), -EMSGSIZE);
        assert_int_equal(conn_skip_line(&p->conn, soon()), 0);
        assert_int_equal(conn_line(&p->conn, 10, soon(), &line), 0);
        assert_slice_equal(line, SLICE("next"));
}

static void *write_a_megabyte_line(void *arg)
{
        struct pair *p = arg;
        _cleanup_(free_p) char *mb = xmalloc(1 << 20);
        memset(mb, 'x', 1 << 20);
        fd_write_all(p->client, slice_make(mb, 1 << 20));
        fd_write_all(p->client, SLICE("\r\nafter\r\n"));
        return NULL;
}

static void a_line_longer_than_the_buffer_costs_no_memory(void **state)
{
        struct pair *p = *state;
        struct slice line;
        pthread_t writer;
        assert_int_equal(pthread_create(&writer, NULL, write_a_megabyte_line, p), 0);
        assert_int_equal(conn_line(&p->conn, CONN_INPUT_MAX * 2, soon(), &line), -EMSGSIZE);
        assert_int_equal(conn_skip_line(&p->conn, soon()), 0);
        assert_int_equal(conn_line(&p->conn, 100, soon(), &line), 0);
        assert_slice_equal(line, SLICE("after"));
        pthread_join(writer, NULL);
}

static void silence_times_out(void **state)
{
        struct pair *p = *state;
        struct slice line;
        client_says(p, SLICE("no end"));
        assert_int_equal(conn_line(&p->conn, 100, deadline_in_ms(20), &line), -ETIMEDOUT);
        assert_int_equal(conn_error(&p->conn), 0);
}

static void what_another_role_read_comes_first(void **state)
{
        struct pair *p = *state;
        struct slice line;
        client_says(p, SLICE("b\r\n"));
        assert_int_equal(conn_unshift(&p->conn, SLICE("a\r\n")), 0);
        assert_int_equal(conn_line(&p->conn, 100, soon(), &line), 0);
        assert_slice_equal(line, SLICE("a"));
        assert_int_equal(conn_line(&p->conn, 100, soon(), &line), 0);
        assert_slice_equal(line, SLICE("b"));
        _cleanup_(free_p) char *large = xcalloc(1, CONN_INPUT_MAX + 1);
        assert_int_equal(conn_unshift(&p->conn, slice_make(large, CONN_INPUT_MAX + 1)), -E2BIG);
}

static void literals_are_taken_exactly(void **state)
{
        struct pair *p = *state;
        _cleanup_(buf_free) struct buf got = {0};
        struct slice line;
        client_says(p, SLICE("12345drop!rest\r\n"));
        assert_int_equal(conn_take_exact(&p->conn, 5, soon(), &got), 0);
        assert_slice_equal(buf_slice(&got), SLICE("12345"));
        assert_int_equal(conn_skip(&p->conn, 5, soon()), 0);
        assert_int_equal(conn_line(&p->conn, 100, soon(), &line), 0);
        assert_slice_equal(line, SLICE("rest"));
        close(TAKE_FD(p->client));
        assert_int_equal(conn_take_exact(&p->conn, 1, soon(), &got), -EPIPE);
}

static void check_crlf(struct pair *p, const struct slice *chunks, size_t n, struct slice want)
{
        char got[256], last = 0;
        for (size_t i = 0; i < n; i++)
                conn_write_crlf(&p->conn, chunks[i], &last);
        assert_int_equal(conn_flush(&p->conn), 0);
        assert_int_equal(fd_read_all(p->client, got, want.n), (ssize_t)want.n);
        assert_slice_equal(slice_make(got, want.n), want);
        assert_int_equal(recv(p->client, got, 1, MSG_DONTWAIT), -1);
}

static void bare_line_feeds_become_crlf(void **state)
{
        struct pair *p = *state;
        check_crlf(p, &SLICE("a\nb\r\nc\n\n"), 1, SLICE("a\r\nb\r\nc\r\n\r\n"));
        check_crlf(p, &SLICE("\r\n\r\nx\r\r\n"), 1, SLICE("\r\n\r\nx\r\r\n"));
        const struct slice cut[] = {SLICE("a\r"), SLICE("\nb"), SLICE("\n"), SLICE("\n")};
        check_crlf(p, cut, ARRAY_LEN(cut), SLICE("a\r\nb\r\n\r\n"));
        assert_int_equal(p->conn.bytes_out, 11 + 8 + 8);
}

/* Texts larger than every buffer, with LF, with CRLF and with both. */
static void large_texts_become_crlf(void **state)
{
        enum { LINES = 4000, SIZE = LINES * 70 };
        _cleanup_(fd_close_p) int fd = memfd_create("sent", MFD_CLOEXEC);
        _cleanup_(buf_free) struct buf text = {0}, want = {0}, got = {0};
        for (int kind = 0; kind < 3; kind++) {
                struct conn c;
                char last = 0;
                conn_init(&c, -1, fd);
                text.n = want.n = 0;
                assert_int_equal(ftruncate(fd, 0), 0);
                assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
                for (int i = 0; i < LINES; i++) {
                        bool crlf = kind == 1 || (kind == 2 && i % 977 == 0);
                        buf_printf(&text, "%0*d%s", i % 67, i, crlf ? "\r\n" : "\n");
                        buf_printf(&want, "%0*d\r\n", i % 67, i);
                }
                conn_puts(&c, "before ");
                conn_write_crlf(&c, slice_head(buf_slice(&text), 10000), &last);
                conn_write_crlf(&c, slice_from(buf_slice(&text), 10000), &last);
                memcpy(conn_room(&c, 6), " after", 6);
                conn_sent(&c, conn_room(&c, 6) + 6);
                assert_int_equal(conn_flush(&c), 0);
                assert_int_equal(c.bytes_out, want.n + 13);
                char *p = buf_reserve(&got, want.n + 13);
                assert_int_equal(pread(fd, p, want.n + 13, 0), want.n + 13);
                assert_slice_equal(slice_make(p, 7), SLICE("before "));
                assert_slice_equal(slice_make(p + 7, want.n), buf_slice(&want));
                assert_slice_equal(slice_make(p + 7 + want.n, 6), SLICE(" after"));
                conn_free(&c);
        }
}

static void a_client_that_is_gone_makes_a_sticky_error(void **state)
{
        struct pair *p = *state;
        close(TAKE_FD(p->client));
        for (int i = 0; i < 3; i++)
                conn_printf(&p->conn, "%0*d", CONN_OUTPUT_FLUSH, i);
        assert_int_equal(conn_flush(&p->conn), -EPIPE);
        assert_int_equal(conn_error(&p->conn), -EPIPE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* A line that is refused is read to its end, or the client's own end, before the descriptor may be closed. */
static void lingers_while_a_refused_line_is_on_its_way(void **state)
{
        struct pair *p = *state;
        struct slice line;
        char byte;
        client_says(p, SLICE("0123456789abcdef"));
        assert_int_equal(conn_line(&p->conn, 8, soon(), &line), -EMSGSIZE);
        client_says(p, SLICE(" and more"));
        shutdown(p->client, SHUT_WR);
        conn_linger(&p->conn);
        assert_int_equal(read(p->server, &byte, 1), 0);
}

static void lingers_for_what_nobody_will_read(void **state)
{
        struct pair *p = *state;
        char byte;
        client_says(p, SLICE("QUIT\r\nand more"));
        shutdown(p->client, SHUT_WR);
        conn_linger(&p->conn);
        assert_int_equal(read(p->server, &byte, 1), 0);
}

int main(void)
{
        signal(SIGPIPE, SIG_IGN);
        const struct CMUnitTest tests[] = {
                TEST(lines_come_without_their_ends),
                TEST(long_lines_are_refused_and_skipped),
                TEST(a_line_longer_than_the_buffer_costs_no_memory),
                TEST(silence_times_out),
                TEST(ends_however_much_there_is_to_read_or_write),
                TEST(what_another_role_read_comes_first),
                TEST(literals_are_taken_exactly),
                TEST(bare_line_feeds_become_crlf),
                cmocka_unit_test(large_texts_become_crlf),
                TEST(a_client_that_is_gone_makes_a_sticky_error),
                TEST(lingers_while_a_refused_line_is_on_its_way),
                TEST(lingers_for_what_nobody_will_read),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
