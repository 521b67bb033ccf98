/* A connection under COMPRESS: both directions, what is flushed when, what is kept, hostile input. */

#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "wire/conn.h"
#include "wire/deflate.h"

struct pair {
        struct conn conn;
        int client, server;
        z_stream pack, unpack; /* the client's */
};

static int set_up(void **state)
{
        struct pair *p = xcalloc(1, sizeof(*p));
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
                return -1;
        p->server = fds[0];
        p->client = fds[1];
        conn_init(&p->conn, p->server, p->server);
        deflateInit2(&p->pack, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
        inflateInit2(&p->unpack, -15);
        *state = p;
        return conn_compress(&p->conn);
}

static int tear_down(void **state)
{
        struct pair *p = *state;
        conn_free(&p->conn);
        deflateEnd(&p->pack);
        inflateEnd(&p->unpack);
        fd_close_p(&p->client);
        fd_close_p(&p->server);
        free(p);
        return 0;
}

static deadline_t soon(void)
{
        return deadline_in_ms(5000);
}

static size_t client_packs(struct pair *p, struct slice s, int flush, char *to, size_t room)
{
        p->pack.next_in = (Bytef *)(uintptr_t)s.p;
        p->pack.avail_in = (uInt)s.n;
        p->pack.next_out = (Bytef *)to;
        p->pack.avail_out = (uInt)room;
        deflate(&p->pack, flush);
        assert_int_equal(p->pack.avail_in, 0);
        return room - p->pack.avail_out;
}

static void client_says(struct pair *p, const char *text, int flush)
{
        char packed[4096];
        size_t n = client_packs(p, slice_of(text), flush, packed, sizeof(packed));
        assert_int_equal(fd_write_all(p->client, slice_make(packed, n)), 0);
}

/* What the client makes of all that has arrived. */
static size_t client_hears(struct pair *p, char *to, size_t room)
{
        char packed[65536];
        ssize_t n = read(p->client, packed, sizeof(packed));
        p->unpack.next_in = (Bytef *)packed;
        p->unpack.avail_in = n > 0 ? (uInt)n : 0;
        p->unpack.next_out = (Bytef *)to;
        p->unpack.avail_out = (uInt)room;
        if (n > 0)
                assert_true(inflate(&p->unpack, Z_SYNC_FLUSH) >= 0);
        return room - p->unpack.avail_out;
}

static void a_flush_lets_everything_out(void **state)
{
        struct pair *p = *state;
        char text[256];
        for (int i = 0; i < 3; i++) {
                conn_puts(&p->conn, "* OK Still here\r\n");
                assert_int_equal(client_hears(p, text, sizeof(text)), 0);
                assert_int_equal(conn_flush(&p->conn), 0);
                assert_slice_equal(slice_make(text, client_hears(p, text, sizeof(text))),
                                   SLICE("* OK Still here\r\n"));
        }
        assert_int_equal(p->conn.bytes_out, 3 * 17);
        assert_int_equal(conn_flush(&p->conn), 0);
        assert_int_equal(read(p->client, text, 1), -1); /* nothing new, nothing sent */
}

/* The size of an answer on the wire does not tell whether an earlier one said the same. */
static void answers_do_not_shape_each_other(void **state)
{
        struct pair *p = *state;
        char packed[256];
        ssize_t sizes[2];
        for (int i = 0; i < 2; i++) {
                conn_puts(&p->conn, "Your code is 4711-0815-4242\r\n");
                conn_flush(&p->conn);
                sizes[i] = read(p->client, packed, sizeof(packed));
        }
        assert_true(sizes[0] > 0);
        assert_int_equal(sizes[0], sizes[1]);
}

static void much_output_becomes_little(void **state)
{
        struct pair *p = *state;
        static char text[300000], heard[300001];
        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = "* 1 FETCH (FLAGS (\\Seen))\r\n"[i % 27];
        conn_write(&p->conn, slice_make(text, 1000));
        conn_write(&p->conn, slice_make(text + 1000, sizeof(text) - 1000));
        assert_int_equal(conn_flush(&p->conn), 0);
        assert_int_equal(client_hears(p, heard, sizeof(heard)), sizeof(text));
        assert_memory_equal(text, heard, sizeof(text));
        assert_int_equal(p->conn.bytes_out, sizeof(text));
}

static void lines_come_in_pieces(void **state)
{
        struct pair *p = *state;
        struct slice line;
        client_says(p, "a NO", Z_SYNC_FLUSH);
        client_says(p, "OP\r\nb NOOP\r\n", Z_SYNC_FLUSH);
        assert_int_equal(conn_line(&p->conn, 100, soon(), &line), 0);
        assert_slice_equal(line, SLICE("a NOOP"));
        assert_int_equal(conn_line(&p->conn, 100, soon(), &line), 0);
        assert_slice_equal(line, SLICE("b NOOP"));
        assert_false(conn_input_pending(&p->conn));
        assert_int_equal(p->conn.bytes_in, 16);
}

/* Half of a flush is no input: who idles goes on idling. */
static void an_empty_block_is_no_input(void **state)
{
        struct pair *p = *state;
        struct slice line;
        client_says(p, "", Z_SYNC_FLUSH);
        assert_false(conn_input_pending(&p->conn));
        client_says(p, "DONE\r\n", Z_SYNC_FLUSH);
        assert_true(conn_input_pending(&p->conn));
        assert_int_equal(conn_line(&p->conn, 100, soon(), &line), 0);
        assert_slice_equal(line, SLICE("DONE"));
        assert_int_equal(conn_fill(&p->conn, deadline_in_ms(0)), -ETIMEDOUT);
}

/* Ten megabytes of one letter in ten kilobytes: never more than the buffer at a time. */
static void a_bomb_is_bounded(void **state)
{
        struct pair *p = *state;
        static char zeros[10 << 20], packed[65536];
        struct slice line;
        memset(zeros, 'x', sizeof(zeros));
        size_t n = client_packs(p, slice_make(zeros, sizeof(zeros)), Z_SYNC_FLUSH, packed, sizeof(packed));
        assert_true(n < 20000);
        assert_int_equal(fd_write_all(p->client, slice_make(packed, n)), 0);
        client_says(p, "\r\nnext\r\n", Z_SYNC_FLUSH);
        assert_int_equal(conn_line(&p->conn, 8192, soon(), &line), -EMSGSIZE);
        assert_int_equal(conn_skip_line(&p->conn, soon()), 0);
        assert_int_equal(conn_line(&p->conn, 8192, soon(), &line), 0);
        assert_slice_equal(line, SLICE("next"));
        assert_int_equal(p->conn.bytes_in, sizeof(zeros) + 8);
}

static void literals_of_any_size(void **state)
{
        struct pair *p = *state;
        _cleanup_(buf_free) struct buf got = {0};
        char text[3001];
        for (size_t i = 0; i < 3000; i++)
                text[i] = (char)('a' + i * i % 26);
        text[3000] = '\0';
        for (int i = 0; i < 40; i++)
                client_says(p, text, Z_SYNC_FLUSH);
        assert_int_equal(conn_take_exact(&p->conn, 40 * 3000, soon(), &got), 0);
        for (size_t i = 0; i < 40; i++)
                assert_memory_equal(got.p + i * 3000, text, 3000);
}

static void ends_with_its_stream(void **state)
{
        struct pair *p = *state;
        struct slice line;
        client_says(p, "a LOGOUT\r\n", Z_FINISH);
        assert_int_equal(conn_line(&p->conn, 100, soon(), &line), 0);
        assert_slice_equal(line, SLICE("a LOGOUT"));
        assert_int_equal(fd_write_all(p->client, SLICE("more")), 0);
        assert_int_equal(conn_line(&p->conn, 100, soon(), &line), -EPIPE);
}

static void no_stream_is_an_error(void **state)
{
        struct pair *p = *state;
        struct slice line;
        assert_int_equal(fd_write_all(p->client, SLICE("\xff\xff\xff\xff")), 0);
        assert_int_equal(conn_line(&p->conn, 100, soon(), &line), -EPROTO);
        assert_int_equal(conn_error(&p->conn), -EPROTO);
        assert_true(conn_input_pending(&p->conn)); /* who idles finds out */
}

static void an_idle_one_keeps_no_compressor(void **state)
{
        _cleanup_(deflate_free) struct deflate *d = deflate_new();
        struct slice plain = SLICE("* OK The quick brown fox jumps over the lazy dog\r\n");
        char packed[16];
        bool more = true;
        assert_false(deflate_unflushed(d));
        for (size_t n = 0; more; n++) {
                assert_true(n < 10);
                assert_true(deflate_pack(d, &plain, true, packed, sizeof(packed), &more) >= 0);
                assert_int_equal(deflate_unflushed(d), more);
        }
}

/* Who holds a lock must not wait for what is still in the compressor. */
static void it_takes_no_more_before_a_flush(void **state)
{
        struct pair *p = *state;
        _cleanup_(buf_free) struct buf much = {0};
        memset(buf_reserve(&much, CONN_OUTPUT_FLUSH), 'x', CONN_OUTPUT_FLUSH);
        much.n = CONN_OUTPUT_FLUSH;
        assert_true(conn_takes_more(&p->conn));
        conn_write(&p->conn, buf_slice(&much));
        assert_int_equal(p->conn.out.n, 0);
        assert_false(conn_takes_more(&p->conn));
        assert_int_equal(conn_flush(&p->conn), 0);
        assert_true(conn_takes_more(&p->conn));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_flush_lets_everything_out, set_up, tear_down),
                cmocka_unit_test_setup_teardown(answers_do_not_shape_each_other, set_up, tear_down),
                cmocka_unit_test_setup_teardown(much_output_becomes_little, set_up, tear_down),
                cmocka_unit_test_setup_teardown(lines_come_in_pieces, set_up, tear_down),
                cmocka_unit_test_setup_teardown(an_empty_block_is_no_input, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_bomb_is_bounded, set_up, tear_down),
                cmocka_unit_test_setup_teardown(literals_of_any_size, set_up, tear_down),
                cmocka_unit_test_setup_teardown(ends_with_its_stream, set_up, tear_down),
                cmocka_unit_test_setup_teardown(no_stream_is_an_error, set_up, tear_down),
                cmocka_unit_test_setup_teardown(it_takes_no_more_before_a_flush, set_up, tear_down),
                cmocka_unit_test(an_idle_one_keeps_no_compressor),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
