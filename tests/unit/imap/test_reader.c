#include "../unit.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "imap/reader.h"

/* Small, so that a test line shows what it is about. */
static const struct imap_reader_limits small = {.line = 40, .literal = 20, .total = 60, .skip = 200};

struct pair {
        int client;
        int server;
        struct conn conn;
        struct buf command;
        struct imap_literal literal;
        struct slice tag;
        const char *text;
};

static void pair_open(struct pair *p)
{
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        *p = (struct pair){.client = fds[0], .server = fds[1]};
        conn_init(&p->conn, fds[1], fds[1]);
}

static void pair_close(struct pair *p)
{
        conn_free(&p->conn);
        buf_free(&p->command);
        close(p->client);
        close(p->server);
}

/* Everything the client will ever say. */
static void pair_say(struct pair *p, struct slice s)
{
        assert_int_equal(fd_write_all(p->client, s), 0);
        assert_int_equal(shutdown(p->client, SHUT_WR), 0);
}

static int pair_read(struct pair *p, const struct imap_reader_limits *limits)
{
        p->tag = SLICE("unset");
        p->text = "unset";
        return imap_read_command(&p->conn, limits, deadline_in_ms(5000), &p->command, &p->literal, &p->tag,
                                 &p->text);
}

static void pair_expect_sent(struct pair *p, const char *want)
{
        char got[512];
        conn_flush(&p->conn);
        ssize_t n = recv(p->client, got, sizeof(got), 0);
        assert_slice_equal(slice_make(got, n > 0 ? (size_t)n : 0), slice_of(want));
}

/* One input: the results of the reads until the end, as text: the commands, or the refusals with their tag.
 * Also what was sent to the client. */
static void check(const struct imap_reader_limits *limits, struct slice input, const char *want,
                  const char *want_sent)
{
        struct pair p;
        _cleanup_(buf_free) struct buf got = {0};
        pair_open(&p);
        pair_say(&p, input);
        int r;
        do {
                r = pair_read(&p, limits);
                if (r == 0)
                        buf_append(&got, buf_slice(&p.command));
                else if (r == -EMSGSIZE || r == -EBADMSG || r == -EOVERFLOW)
                        buf_printf(&got, "<%.*s> %s%s", SLICE_ARG(p.tag), r == -EOVERFLOW ? "BYE " : "",
                                   p.text);
                else
                        buf_str(&got, r == -EPIPE ? "EOF" : "?");
                buf_char(&got, '\n');
        } while (r == 0 || r == -EMSGSIZE || r == -EBADMSG);
        assert_slice_equal(buf_slice(&got), slice_of(want));
        pair_expect_sent(&p, want_sent);
        pair_close(&p);
}
#define CHECK(input, want, want_sent) check(&small, SLICE(input), want, want_sent)

static void lines_come_one_by_one(void **state)
{
        CHECK("a NOOP\r\nb NOOP\nc\r", "a NOOP\nb NOOP\nEOF\n", "");
        CHECK("\r\n\n", "\n\nEOF\n", "");
        CHECK("a x\ry\r\n", "a x\ry\nEOF\n", "");
}

static void literals_are_joined(void **state)
{
        CHECK("a LOGIN {5}\r\nkevin {3+}\r\n\r\nx\r\nb NOOP\r\n",
              "a LOGIN {5}\r\nkevin {3+}\r\n\r\nx\nb NOOP\nEOF\n", "+ OK\r\n");
        CHECK("a X {0}\n{0+}\n\r\nb\r\n", "a X {0}\r\n{0+}\r\n\nb\nEOF\n", "+ OK\r\n");
        CHECK("a X {007+}\r\nb NOOP\n\r\n", "a X {007+}\r\nb NOOP\n\nEOF\n", "");
        CHECK("a X {}\r\nb {+}\r\nc {1x}\r\nd {-1}\r\n", "a X {}\nb {+}\nc {1x}\nd {-1}\nEOF\n", "");
}

static void the_message_of_an_append_is_left(void **state)
{
        CHECK("a APPEND x {3}\r\nb NOOP\r\n", "a APPEND x {3}\nb NOOP\nEOF\n", "");
        CHECK("a APPEND {1}\r\nx {5000000}\r\n", "a APPEND {1}\r\nx {5000000}\nEOF\n", "+ OK\r\n");
        CHECK("a uid  replace 5 x ~{5000000}\r\n", "a uid  replace 5 x ~{5000000}\nEOF\n", "");
        /* a URL is no message, whatever it looks like */
        CHECK("a APPEND x CATENATE (URL {4+}\r\n{5+}\r\nb NOOP\r\n",
              "a APPEND x CATENATE (URL {4+}\r\n{5+}\nb NOOP\nEOF\n", "");
        CHECK("a APPEND URL {3}\r\nb NOOP\r\n", "a APPEND URL {3}\nb NOOP\nEOF\n", "");
}

/* Each content looks like a command; none may come out as one. */
static void refused_literals_are_not_commands(void **state)
{
        static const char large[] = "<a> Literal too large.\nb NOOP\nEOF\n";
        static const char line[] = "<a> Command line too long.\nb NOOP\nEOF\n";
        /* the client waits for "+" and gets BAD */
        CHECK("a X {21}\r\nb NOOP\r\n", large, "");
        CHECK("a X {21+}\r\nz LOGOUT\r\nz LOGOUT\r\n.\r\nb NOOP\r\n", large, "");
        CHECK("a X {20+}\r\nz LOGOUT\r\nz LOGOUT\r\n {21+}\r\nz LOGOUT\r\nz LOGOUT\r\n.\r\nb NOOP\r\n", large,
              "");
        CHECK("a X {21+}\r\nz LOGOUT\r\nz LOGOUT\r\n.{10}\r\nb NOOP\r\n", large, "");
        CHECK("a 34567890123456789012345678901234567890123 {10+}\r\nz LOGOUT\r\n\r\nb NOOP\r\n", line, "");
        CHECK("a 34567890123456789012345678901234567890123 {10}\r\nb NOOP\r\n", line, "");
        CHECK("a APPEND 90123456789012345678901234567890123 {10+}\r\nz LOGOUT\r\n\r\nb NOOP\r\n", line, "");
        CHECK("a X\0Y {10+}\r\nz LOGOUT\r\n\r\nb NOOP\r\n", "<a> NUL character in command.\nb NOOP\nEOF\n",
              "");
}

static void what_cannot_be_skipped_ends_it(void **state)
{
        static const char bye[] = "<a> BYE Command too long.\n";
        CHECK("a X {4294967295+}\r\nz LOGOUT\r\n", bye, "");
        CHECK("a X {18446744073709551999+}\r\nz LOGOUT\r\n", bye, "");
        CHECK("a X {0000000000000000000000000000000000010+}\r\nz LOGOUT\r\n", bye, "");
        CHECK("a 3456789012345678901234567890 {000000000000000000000000000000000000000010+}\r\nz LOGOUT\r\n",
              bye, "");
        CHECK("a X {150+}\r\n"
              ".............................................................................................."
              "..."
              "..................................................... {150+}\r\nz LOGOUT\r\n",
              bye, "");
}

static void limits_are_exact(void **state)
{
        CHECK("a 34567890123456789012345678901234567890\r\nb NOOP\r\n",
              "a 34567890123456789012345678901234567890\nb NOOP\nEOF\n", "");
        CHECK("a 345678901234567890123456789012345678901\nb NOOP\r\n",
              "<a> Command line too long.\nb NOOP\nEOF\n", "");
        CHECK("01234567890123456789012345678901234567890123456789\r\nb NOOP\r\n",
              "<> Command line too long.\nb NOOP\nEOF\n", "");
        CHECK("a X {20+}\r\n01234567890123456789\r\n", "a X {20+}\r\n01234567890123456789\nEOF\n", "");
        /* total: each literal may be had, not all of them */
        CHECK("a {20+}\r\n01234567890123456789{20+}\r\n01234567890123456789{1+}\r\nx\r\nb NOOP\r\n",
              "<a> Literal too large.\nb NOOP\nEOF\n", "");
}

static void a_refused_append_is_skipped(void **state)
{
        static const struct {
                const char *input;
                int result;
        } inputs[] = {
                {"a APPEND x {10}\r\nb NOOP\r\n", 0},
                {"a APPEND x {10+}\r\nz LOGOUT\r\n\r\nb NOOP\r\n", 0},
                {"a APPEND x {10+}\r\nz LOGOUT\r\n {10+}\r\nz LOGOUT\r\n\r\nb NOOP\r\n", 0},
                {"a APPEND x {10+}\r\nz LOGOUT\r\n {10}\r\nb NOOP\r\n", 0},
                {"a NOOP\r\nb NOOP\r\n", 0},
                {"a APPEND x {201+}\r\nz LOGOUT\r\n\r\nb NOOP\r\n", -EOVERFLOW},
                {"a APPEND x {10+}\r\nz LOG", -EPIPE},
        };
        for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
                struct pair p;
                pair_open(&p);
                pair_say(&p, slice_of(inputs[i].input));
                assert_int_equal(pair_read(&p, &small), 0);
                assert_int_equal(imap_skip_command(&p.conn, &small, deadline_in_ms(5000), &p.literal),
                                 inputs[i].result);
                assert_false(p.literal.open);
                if (inputs[i].result == 0) {
                        assert_int_equal(pair_read(&p, &small), 0);
                        assert_slice_equal(buf_slice(&p.command), SLICE("b NOOP"));
                }
                pair_close(&p);
        }
}

/* Behind the first message. What follows may be refused anywhere, and is skipped to its end. */
static void a_command_goes_on_behind_its_message(void **state)
{
        static const struct {
                const char *input;
                int result;
                const char *stretch;
                uint64_t left;
        } inputs[] = {
                {"\r\nb NOOP\r\n", 0, "", 0},
                {"\nb NOOP\r\n", 0, "", 0},
                {" (x) {10+}\r\nz LOGOUT\r\n\r\nb NOOP\r\n", 0, " (x) {10+}", 10},
                {" ~{10}\r\nb NOOP\r\n", 0, " ~{10}", 10},
                {" URL {3+}\r\n/x; TEXT {10+}\r\nz LOGOUT\r\n)\r\nb NOOP\r\n", 0,
                 " URL {3+}\r\n/x; TEXT {10+}", 10},
                {" URL {21+}\r\nz LOGOUT\r\nz LOGOUT\r\n.\r\nb NOOP\r\n", -EMSGSIZE, NULL, 0},
                {" URL {21}\r\nb NOOP\r\n", -EMSGSIZE, NULL, 0},
                {" 3456789012345678901234567890123456789012 {10+}\r\nz LOGOUT\r\n\r\nb NOOP\r\n", -EMSGSIZE,
                 NULL, 0},
        };
        for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
                struct pair p;
                pair_open(&p);
                pair_say(&p, slice_of(inputs[i].input));
                assert_int_equal(
                        imap_read_on(&p.conn, &small, deadline_in_ms(5000), &p.command, &p.literal, &p.text),
                        inputs[i].result);
                assert_int_equal(p.literal.left, inputs[i].left);
                assert_int_equal(p.literal.open, inputs[i].left > 0);
                if (inputs[i].stretch)
                        assert_slice_equal(buf_slice(&p.command), slice_of(inputs[i].stretch));
                assert_int_equal(imap_skip_command(&p.conn, &small, deadline_in_ms(5000), &p.literal), 0);
                assert_int_equal(pair_read(&p, &small), 0);
                assert_slice_equal(buf_slice(&p.command), SLICE("b NOOP"));
                pair_close(&p);
        }
}

static void a_silent_client_times_out(void **state)
{
        struct pair p;
        pair_open(&p);
        assert_int_equal(fd_write_all(p.client, SLICE("a LOGIN {5}\r\nke")), 0);
        p.tag = SLICE_NULL;
        assert_int_equal(imap_read_command(&p.conn, &small, deadline_in_ms(1), &p.command, &p.literal, &p.tag,
                                           &p.text),
                         -ETIMEDOUT);
        pair_expect_sent(&p, "+ OK\r\n");
        pair_close(&p);
}

static void the_setting_bounds_a_line(void **state)
{
        assert_int_equal(imap_reader_limits(64 * 1024).line, imap_reader_logged_in.line);
        assert_int_equal(imap_reader_limits(1000000).literal, 1000000);
        assert_true(imap_reader_limits(0).line >= 8192);
        assert_true(imap_reader_limits(UINT64_MAX).total <= 1u << 30);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_come_one_by_one),
                cmocka_unit_test(literals_are_joined),
                cmocka_unit_test(the_message_of_an_append_is_left),
                cmocka_unit_test(refused_literals_are_not_commands),
                cmocka_unit_test(what_cannot_be_skipped_ends_it),
                cmocka_unit_test(limits_are_exact),
                cmocka_unit_test(a_refused_append_is_skipped),
                cmocka_unit_test(a_command_goes_on_behind_its_message),
                cmocka_unit_test(a_silent_client_times_out),
                cmocka_unit_test(the_setting_bounds_a_line),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
