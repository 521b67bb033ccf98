#include "../unit.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "priv/message.h"

static const struct role_message login = {
        .type = ROLE_LOGIN,
        .field = {SLICE("PLAIN"), SLICE(""), SLICE("kevin"), SLICE("se\0cret"), SLICE("tls")}};

static void what_is_sent_arrives(void **state)
{
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
        assert_int_equal(role_send(fds[0], &login), 0);
        _cleanup_(buf_free) struct buf in = {0};
        struct role_message got;
        assert_int_equal(role_receive(fds[1], SENT_BY_EDGE, &in, &got), 0);
        assert_int_equal(got.type, ROLE_LOGIN);
        for (size_t i = 0; i < ROLE_FIELDS_MAX; i++)
                assert_slice_equal(got.field[i], login.field[i]);

        /* the largest hand-over the edge can make */
        _cleanup_(free_p) char *unread = xcalloc(1, 64 * 1024);
        const struct role_message large = {.type = ROLE_HAND_OVER,
                                           .field = {SLICE("a1"), slice_make(unread, 64 * 1024)}};
        assert_int_equal(role_send(fds[0], &large), 0);
        assert_int_equal(role_receive(fds[1], SENT_BY_EDGE, &in, &got), 0);
        assert_int_equal(got.field[1].n, 64 * 1024);
        const struct role_message larger = {.type = ROLE_HAND_OVER,
                                            .field = {SLICE(""), slice_make(unread, 64 * 1024 + 1)}};
        assert_int_equal(role_send(fds[0], &larger), -EMSGSIZE);
        close(fds[0]);
        assert_int_equal(role_receive(fds[1], SENT_BY_EDGE, &in, &got), -EPIPE);
        close(fds[1]);
}

static void put(struct buf *b, uint32_t v)
{
        buf_append(b, slice_make(&v, sizeof(v)));
}

static void nothing_else_is_believed(void **state)
{
        struct role_message got = {.type = 99};
        _cleanup_(buf_free) struct buf b = {0};
        put(&b, ROLE_LOGIN_RESULT);
        put(&b, 1);
        buf_char(&b, '0');
        put(&b, 0);
        assert_int_equal(role_decode(buf_slice(&b), SENT_BY_MONITOR, &got), 0);
        /* the edge cannot speak as the monitor */
        assert_int_equal(role_decode(buf_slice(&b), SENT_BY_EDGE, &got), -EPROTO);
        /* cut anywhere, or longer */
        for (size_t n = 0; n < b.n; n++)
                assert_int_equal(role_decode(slice_head(buf_slice(&b), n), SENT_BY_MONITOR, &got), -EPROTO);
        buf_char(&b, 'x');
        assert_int_equal(role_decode(buf_slice(&b), SENT_BY_MONITOR, &got), -EPROTO);
        /* a length beyond the packet, or beyond the type's limit */
        static const uint32_t lengths[] = {2, 0x7fffffff, 0xffffffff};
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
                buf_free(&b);
                put(&b, ROLE_LOGIN_RESULT);
                put(&b, lengths[i]);
                buf_str(&b, "00000000");
                assert_int_equal(role_decode(buf_slice(&b), SENT_BY_MONITOR, &got), -EPROTO);
        }
        /* an unknown type */
        buf_free(&b);
        put(&b, 77);
        assert_int_equal(role_decode(buf_slice(&b), SENT_BY_EDGE, &got), -EPROTO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_sent_arrives),
                cmocka_unit_test(nothing_else_is_believed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
