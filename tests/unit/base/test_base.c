#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/crlf.h"
#include "base/fd.h"
#include "base/lock.h"
#include "base/number.h"
#include "base/utf7.h"
#include "base/utf8.h"

static void slices_split_and_compare(void **state)
{
        struct slice rest = SLICE("a,,b"), part;
        assert_true(slice_split(&rest, ',', &part));
        assert_slice_equal(part, SLICE("a"));
        assert_true(slice_split(&rest, ',', &part));
        assert_int_equal(part.n, 0);
        assert_true(slice_split(&rest, ',', &part));
        assert_slice_equal(part, SLICE("b"));
        assert_false(slice_split(&rest, ',', &part));
        assert_true(slice_ieq(SLICE("InBoX"), SLICE("inbox")));
        assert_slice_equal(slice_trim(SLICE(" \tx y\r\n")), SLICE("x y"));
        assert_int_equal(slice_count(SLICE_NULL, 'x'), 0);
        for (size_t n = 0; n < 200; n++) {
                char bytes[200];
                memset(bytes, 'x', n);
                memset(bytes + n, 'y', sizeof(bytes) - n);
                assert_int_equal(slice_count(slice_make(bytes, sizeof(bytes)), 'x'), n);
                assert_int_equal(slice_count(slice_make(bytes, n), 'x'), n);
        }
}

static void numbers_are_strict(void **state)
{
        uint32_t v = 7;
        assert_int_equal(slice_to_u32(SLICE("4294967295"), &v), 0);
        assert_int_equal(v, UINT32_MAX);
        assert_int_equal(slice_to_u32(SLICE("4294967296"), &v), -ERANGE);
        assert_int_equal(slice_to_u32(SLICE("99999999999999999999999"), &v), -ERANGE);
        assert_int_equal(slice_to_u32(SLICE(""), &v), -EINVAL);
        assert_int_equal(slice_to_u32(SLICE("-1"), &v), -EINVAL);
        assert_int_equal(slice_to_u32(SLICE("1 "), &v), -EINVAL);
        assert_int_equal(v, UINT32_MAX);
}

static void check_number(uint64_t v)
{
        _cleanup_(buf_free) struct buf b = {0};
        char want[32];
        assert_int_equal(buf_number(&b, v), 0);
        snprintf(want, sizeof(want), "%llu", (unsigned long long)v);
        assert_slice_equal(buf_slice(&b), slice_of(want));
}

static void numbers_are_written(void **state)
{
        for (uint64_t v = 1; v < UINT64_MAX / 10; v *= 10) {
                check_number(v - 1);
                check_number(v);
                check_number(v * 7 + 5);
        }
        check_number(UINT64_MAX);
}

/* Byte by byte, what crlf_*() do in bulk. */
static size_t turned(struct slice s, char before, char *to)
{
        size_t n = 0;
        for (size_t i = 0; i < s.n; before = s.p[i++]) {
                if (s.p[i] == '\n' && before != '\r')
                        to[n++] = '\r';
                to[n++] = s.p[i];
        }
        return n;
}

static void line_ends_are_turned(void **state)
{
        static const char letters[] = "ab\r\n\n";
        char text[400], want[2 * sizeof(text)], got[2 * sizeof(text)];
        unsigned random = 1;
        for (int round = 0; round < 2000; round++) {
                struct slice s = {text, (size_t)round % sizeof(text)};
                unsigned kinds = round % 3 == 0 ? 5 : 3; /* of letters: with and without bare LFs */
                for (size_t i = 0; i < s.n; i++) {
                        random = random * 1103515245 + 12345;
                        text[i] = letters[(random >> 16) % kinds];
                        if (round % 2 && text[i] == '\r' && i + 1 < s.n)
                                text[++i] = '\n';
                }
                char before = round % 5 ? '\0' : '\r', last = before;
                size_t n = turned(s, before, want);
                assert_int_equal(crlf_bare(s, before), n - s.n);
                size_t at = 0;
                for (struct slice rest = s; rest.n;) {
                        size_t room = MIN((size_t)(2 + round % 60), sizeof(got) - at), made;
                        made = crlf_copy(got + at, room, &rest, &last);
                        assert_in_range(made, 1, room);
                        at += made;
                }
                assert_slice_equal(slice_make(got, at), slice_make(want, n));
                assert_int_equal(last, s.n ? s.p[s.n - 1] : before);
        }
}

static void buffers_keep_their_bound(void **state)
{
        _cleanup_(buf_free) struct buf b = BUF_BOUNDED(4);
        assert_int_equal(buf_str(&b, "abc"), 0);
        assert_int_equal(buf_str(&b, "de"), -E2BIG);
        assert_int_equal(b.error, -E2BIG);
        assert_slice_equal(buf_slice(&b), SLICE("abc"));
        assert_int_equal(buf_char(&b, 'd'), 0);
        assert_string_equal(buf_cstr(&b), "abcd");
        buf_consume(&b, 3);
        assert_slice_equal(buf_slice(&b), SLICE("d"));
}

static void arenas_give_zeroed_aligned_memory(void **state)
{
        _cleanup_(arena_free) struct arena a = {0};
        for (size_t i = 1; i < 20000; i = i * 3 + 1) {
                char *p = arena_alloc(&a, i);
                assert_int_equal((uintptr_t)p % 16, 0);
                for (size_t k = 0; k < i; k++)
                        assert_int_equal(p[k], 0);
                memset(p, 'x', i);
        }
        arena_reset(&a);
        assert_int_equal(a.used, 0);
        assert_string_equal(arena_printf(&a, "%d-%s", 5, "x"), "5-x");
        arena_wipe(&a);
        assert_int_equal(a.used, 0);
        assert_null(a.block);
}

static void base64_is_canonical(void **state)
{
        static const char *const good[][2] = {
                {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
        for (size_t i = 0; i < ARRAY_LEN(good); i++) {
                _cleanup_(buf_free) struct buf e = {0}, d = {0};
                assert_int_equal(base64_encode(&e, slice_of(good[i][0])), 0);
                assert_slice_equal(buf_slice(&e), slice_of(good[i][1]));
                assert_int_equal(base64_decode(&d, slice_of(good[i][1])), 0);
                assert_slice_equal(buf_slice(&d), slice_of(good[i][0]));
        }
        static const char *const bad[] = {"Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm 9", "Zg==Zg=="};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                _cleanup_(buf_free) struct buf d = {0};
                assert_int_equal(base64_decode(&d, slice_of(bad[i])), -EINVAL);
                assert_int_equal(d.n, 0);
        }
        _cleanup_(buf_free) struct buf d = {0};
        assert_int_equal(base64_decode_lenient(&d, SLICE("Zm\r\n9v!Yg==junk")), 0);
        assert_slice_equal(buf_slice(&d), SLICE("foob"));
}

static void utf8_refuses_what_rfc3629_refuses(void **state)
{
        assert_true(utf8_valid(SLICE("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
        static const char *const bad[] = {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                          "\xe2\x82", "\x80",         "\xff"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(utf8_valid(slice_of(bad[i])));
        _cleanup_(buf_free) struct buf b = {0};
        utf8_append_valid(&b, SLICE("a\x80z"));
        assert_slice_equal(buf_slice(&b), SLICE("a\xef\xbf\xbdz"));
}

static void mailbox_names_go_through_utf7_and_back(void **state)
{
        static const char *const pairs[][2] = {
                {"INBOX", "INBOX"},
                {"~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
                 "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
                {"a&b", "a&-b"},
                {"Entw\xc3\xbcrfe", "Entw&APw-rfe"},
                {"\xf0\x9f\x98\x80", "&2D3eAA-"}};
        for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
                _cleanup_(buf_free) struct buf e = {0}, d = {0};
                assert_int_equal(utf7_from_utf8(&e, slice_of(pairs[i][0])), 0);
                assert_slice_equal(buf_slice(&e), slice_of(pairs[i][1]));
                assert_int_equal(utf7_to_utf8(&d, slice_of(pairs[i][1])), 0);
                assert_slice_equal(buf_slice(&d), slice_of(pairs[i][0]));
        }
        static const char *const bad[] = {"&",     "&AGE-", "&U,BTFw-&ZeVnLIqe-", "a\xc3\xa9", "&2D0-",
                                          "&3gA-", "&APx-"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                _cleanup_(buf_free) struct buf d = {0};
                assert_int_equal(utf7_to_utf8(&d, slice_of(bad[i])), -EINVAL);
        }
}

static void files_are_replaced_and_dotlocks_exclude(void **state)
{
        char dir[] = "/tmp/test_base.XXXXXX";
        assert_non_null(mkdtemp(dir));
        _cleanup_(fd_close_p) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(file_replace_at(fd, "f", SLICE("one"), 0600, false), 0);
        assert_int_equal(file_replace_at(fd, "f", SLICE("two"), 0600, true), 0);
        _cleanup_(buf_free) struct buf b = BUF_BOUNDED(3);
        assert_int_equal(file_read_at(fd, "f", &b), 0);
        assert_slice_equal(buf_slice(&b), SLICE("two"));
        _cleanup_(buf_free) struct buf small = BUF_BOUNDED(2);
        assert_int_equal(file_read_at(fd, "f", &small), -E2BIG);

        struct dotlock l = DOTLOCK_NONE;
        assert_int_equal(dotlock_acquire(fd, "f", 0600, deadline_in_ms(1000), 0, NULL, &l), 0);
        pid_t other = fork();
        if (other == 0)
                _exit(dotlock_acquire(fd, "f", 0600, deadline_in_ms(10), 0, NULL, &l) != -ETIMEDOUT);
        int status;
        assert_int_equal(waitpid(other, &status, 0), other);
        assert_int_equal(status, 0);
        dotlock_release(&l);
        /* a dead owner's lock is broken at once */
        pid_t dead = fork();
        if (dead == 0)
                _exit(0);
        waitpid(dead, NULL, 0);
        char host[256] = "", owner[300];
        gethostname(host, sizeof(host) - 1);
        snprintf(owner, sizeof(owner), "%ld:%s", (long)dead, host);
        assert_int_equal(file_replace_at(fd, "f.lock", slice_of(owner), 0600, false), 0);
        assert_int_equal(dotlock_acquire(fd, "f", 0600, deadline_in_ms(1000), 0, NULL, &l), 0);
        dotlock_release(&l);
        assert_int_equal(faccessat(fd, "f.lock", F_OK, 0), -1);
        unlinkat(fd, "f", 0);
        rmdir(dir);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(slices_split_and_compare),
                cmocka_unit_test(numbers_are_strict),
                cmocka_unit_test(numbers_are_written),
                cmocka_unit_test(line_ends_are_turned),
                cmocka_unit_test(buffers_keep_their_bound),
                cmocka_unit_test(arenas_give_zeroed_aligned_memory),
                cmocka_unit_test(base64_is_canonical),
                cmocka_unit_test(utf8_refuses_what_rfc3629_refuses),
                cmocka_unit_test(mailbox_names_go_through_utf7_and_back),
                cmocka_unit_test(files_are_replaced_and_dotlocks_exclude),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
