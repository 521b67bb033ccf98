#include <errno.h>
#include <stdio.h>

#include "store/mailbox.h"
#include "store/mbox_head.h"

#include "mbox_naive.h"
#include "unit.h"

#define SPACES50 "                                                  "

/* Writes, and asserts what always holds: it says what is wanted, again gives the same, mail stays as it is.
 */
static void write_head(struct slice head, const struct mbox_want *want, struct buf *to)
{
        _cleanup_(buf_free) struct buf again = {0};
        size_t before_n, after_n;
        to->n = 0;
        assert_int_equal(mbox_head_write(head, want, to), 0);
        struct mbox_status st = mbox_status_of(buf_slice(to));
        assert_int_equal(st.flags, want->flags);
        assert_int_equal(st.old, want->old);
        assert_int_equal(st.base, want->base);
        if (want->uid)
                assert_int_equal(st.uid, want->uid);
        assert_true(mbox_keywords_same(st.keywords, want->keywords));
        assert_int_equal(mbox_head_write(buf_slice(to), want, &again), 0);
        assert_slice_equal(buf_slice(&again), buf_slice(to));
        char *before = naive_visible(head, &before_n), *after = naive_visible(buf_slice(to), &after_n);
        assert_slice_equal(slice_make(after, after_n), slice_make(before, before_n));
        free(before);
        free(after);
}

static void expect(const char *head, const struct mbox_want *want, const char *result)
{
        _cleanup_(buf_free) struct buf b = {0};
        write_head(slice_of(head), want, &b);
        assert_slice_equal(buf_slice(&b), slice_of(result));
}

static void new_header(void **state)
{
        (void)state;
        struct mbox_want want = {
                .uid = 12, .flags = FLAG_SEEN | FLAG_FLAGGED, .old = true, .keywords = SLICE("a b")};
        expect("S: x\n\n", &want,
               "S: x\nStatus: RO\nX-Status: F\nX-Keywords: a b" SPACES50 "   \nX-UID: 12\n\n");
        expect("S: x\r\n\r\n", &want,
               "S: x\r\nStatus: RO\r\nX-Status: F\r\nX-Keywords: a b" SPACES50 "   \r\nX-UID: 12\r\n\r\n");
        expect("", &want, "Status: RO\nX-Status: F\nX-Keywords: a b" SPACES50 "   \nX-UID: 12\n");
        expect("\n", &want, "Status: RO\nX-Status: F\nX-Keywords: a b" SPACES50 "   \nX-UID: 12\n\n");
        /* a header without an end keeps its last line where it is */
        expect("S: x\nT: y", &want,
               "S: x\nStatus: RO\nX-Status: F\nX-Keywords: a b" SPACES50 "   \nX-UID: 12\nT: y");
        want = (struct mbox_want){.flags = FLAG_ALL, .has_length = true, .length = 5};
        expect("S: x\nContent-Length: 7\n\n", &want,
               "S: x\nContent-Length: 5\nStatus: R\nX-Status: AFTD\nX-Keywords:" SPACES50 " \n\n");
        want = (struct mbox_want){
                .uid = 1, .base = true, .uidvalidity = 5, .last_uid = 9, .base_keywords = SLICE("k l")};
        expect("S: x\n\n", &want,
               "S: x\nX-IMAPbase: 5 0000000009 k l\nStatus: \nX-Status: \nX-Keywords:" SPACES50
               "      \nX-UID: 1\n\n");
        want.pseudo = true;
        expect("X-IMAP: 1 2\nStatus: RO\n\n", &want,
               "X-IMAP: 5 0000000009 k l\nStatus: \nX-Status: \nX-Keywords:" SPACES50 "      \nX-UID: 1\n\n");
        /* what a message claims that is not the first, or not the mailbox's own */
        want.pseudo = false;
        expect("X-IMAP: 1 2\n\n", &want,
               "X-IMAPbase: 5 0000000009 k l\nStatus: \nX-Status: \nX-Keywords:" SPACES50
               "      \nX-UID: 1\n\n");
        want = (struct mbox_want){.old = true};
        expect("X-IMAPbase: 1 2\nStatus: O\n\n", &want,
               "Status: O\nX-Status: \nX-Keywords:" SPACES50 "     \n\n");
}

static void nothing_to_say(void **state)
{
        static const char *const heads[] = {
                "S: x\n\n",
                "S: x",
                "",
                "Status:\nStatus: O\n\tR\nstatus : R\nX-KEYWORDS:  b\n a \nX-UID: 012\n\n",
                "X-Status: xyz\nContent-Length: 5\r\n\n",
                "X-IMAPbase: 5 6  k \r\nX-UID: x\nX-UID: 7\n\n",
        };
        (void)state;
        for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
                struct mbox_status st = mbox_status_of(slice_of(heads[i]));
                expect(heads[i],
                       &(struct mbox_want){.uid = st.uid,
                                           .flags = st.flags,
                                           .old = st.old,
                                           .keywords = st.keywords,
                                           .base = st.base,
                                           .uidvalidity = st.uidvalidity,
                                           .last_uid = st.last_uid,
                                           .base_keywords = st.base_keywords},
                       heads[i]);
        }
}

static void in_place(void **state)
{
        (void)state;
        /* lines stay where they are; the padding gives */
        struct mbox_want want = {.uid = 12, .flags = FLAG_SEEN | FLAG_DELETED, .old = true};
        expect("Status: O\nA: 1\nX-Status: \nB: 2\nX-Keywords:     \nX-UID: 12\n\n", &want,
               "Status: RO\nA: 1\nX-Status: D\nB: 2\nX-Keywords:   \nX-UID: 12\n\n");
        /* and takes; second lines go */
        want = (struct mbox_want){.uid = 12, .keywords = SLICE("k")};
        expect("Status: RO\nA: 1\nStatus: R\nX-Keywords: k l       \nX-Keywords: m\nX-UID: 12\nX-UID: 13\n\n",
               &want,
               "Status: \nA: 1\nX-Keywords: k                                  \nX-UID: 12\nX-Status: "
               "\n\n");
        /* Dovecot's blanks behind X-UID are room too */
        want = (struct mbox_want){.uid = 3, .flags = FLAG_SEEN, .old = true};
        expect("S: x\nX-UID: 3" SPACES50 "\nStatus: O\n\n", &want,
               "S: x\nX-UID: 3\nStatus: RO\nX-Status: \nX-Keywords:                          \n\n");
        /* a message that becomes the first one: the base is before X-UID */
        want = (struct mbox_want){.uid = 3, .old = true, .base = true, .uidvalidity = 5, .last_uid = 9};
        expect("X-UID: 3\nA: 1\nStatus: O\nX-Keywords:" SPACES50 "\n\n", &want,
               "X-IMAPbase: 5 0000000009\nX-UID: 3\nA: 1\nStatus: O\nX-Keywords:              \nX-Status: "
               "\n\n");
        /* no room: longer, with new room */
        want = (struct mbox_want){.keywords = SLICE("keyword")};
        expect("Status: \nX-Keywords:  \n\n", &want,
               "Status: \nX-Keywords: keyword" SPACES50 "      \nX-Status: \n\n");
        /* mutt's Lines stays, also when what is between it and Content-Length goes; the mail's own stays mail
         */
        want = (struct mbox_want){.uid = 3, .flags = FLAG_SEEN, .has_length = true, .length = 8};
        expect("Status: O\nStatus: R\nContent-Length: 10\nStatus: O\nContent-Length: 6\nLines: 2\nLines: 3\n"
               "A: 1\nContent-Length: 1\nLines: 4\n\n",
               &want,
               "Status: R\nContent-Length: 8\nLines: 2\nLines: 3\nA: 1\nLines: 4\nX-Status: \n"
               "X-Keywords:                         \nX-UID: 3\n\n");
        expect("S: x\nLines: 2", &want,
               "S: x\nStatus: R\nX-Status: \nX-Keywords:" SPACES50 "     \nX-UID: 3\nLines: 2");
        want = (struct mbox_want){.flags = FLAG_SEEN};
        /* the last line is one of ours and does not end */
        expect("S: x\nStatus: O", &want, "S: x\nStatus: R\nX-Status: \nX-Keywords:" SPACES50 "     \n");
        expect("S: x\nContent-Length: 5", &want,
               "S: x\nStatus: R\nX-Status: \nX-Keywords:" SPACES50 "     \nContent-Length: 5");
}

static bool next_length_stays(struct buf *head, const struct mbox_want *want)
{
        _cleanup_(buf_free) struct buf b = {0};
        size_t n = head->n;
        write_head(buf_slice(head), want, &b);
        head->n = 0;
        buf_append(head, buf_slice(&b));
        return head->n == n;
}

/* Whatever happens to flags in a header that was written here, it keeps its length, as it does for keywords
 * until the room is used up. */
static void length_stays(void **state)
{
        (void)state;
        _cleanup_(buf_free) struct buf head = {0}, keywords = {0};
        struct mbox_want want = {.uid = 9, .base = true, .uidvalidity = 1700000000, .last_uid = 9};
        buf_str(&head, "Subject: x\n\n");
        next_length_stays(&head, &want);
        for (unsigned i = 0; i < 40; i++) {
                size_t n = keywords.n, grown = 0;
                buf_printf(&keywords, " k%u", i);
                want.keywords = buf_slice(&keywords);
                bool fits = next_length_stays(&head, &want);
                if (keywords.n <= 50)
                        assert_true(fits);
                grown += !fits;
                for (unsigned flags = 0; flags <= FLAG_ALL * 2 + 1; flags++) {
                        want.flags = flags & FLAG_ALL;
                        want.old = flags > FLAG_ALL;
                        assert_true(next_length_stays(&head, &want));
                }
                want.flags = 0;
                want.old = false;
                want.last_uid += 1000;
                assert_true(next_length_stays(&head, &want));
                assert_true(grown == 0 || keywords.n > n);
        }
        want.keywords = SLICE_NULL;
        assert_true(next_length_stays(&head, &want));
}

static void too_long(void **state)
{
        (void)state;
        _cleanup_(buf_free) struct buf head = {0}, to = {0}, small = BUF_BOUNDED(20);
        struct mbox_want want = {.flags = FLAG_SEEN};
        while (head.n < MBOX_HEAD_MAX - 50)
                buf_str(&head, "Subject: x\n");
        buf_str(&to, "before");
        assert_int_equal(mbox_head_write(buf_slice(&head), &want, &to), -E2BIG);
        assert_slice_equal(buf_slice(&to), SLICE("before"));
        assert_int_equal(mbox_head_write(SLICE("S: x\n"), &want, &to), 0);
        assert_true(slice_starts(buf_slice(&to), SLICE("beforeS: x\nStatus: R\n")));
        assert_int_equal(mbox_head_write(SLICE("S: x\n"), &want, &small), -E2BIG);
        assert_int_equal(small.n, 0);
}

static void folds(void **state)
{
        (void)state;
        _cleanup_(buf_free) struct buf to = {0};
        struct mbox_want want = {.flags = FLAG_SEEN};
        assert_int_equal(mbox_head_write(SLICE(" x"), &want, &to), -E2BIG);
        assert_int_equal(mbox_head_write(SLICE("\tx\n y"), &want, &to), -E2BIG);
        assert_int_equal(to.n, 0);
        expect(" x\n", &want, " x\nStatus: R\nX-Status: \nX-Keywords:" SPACES50 "     \n");
        expect(" x\nS: y", &want, " x\nStatus: R\nX-Status: \nX-Keywords:" SPACES50 "     \nS: y");
}

static void visible(void **state)
{
        static const char head[] =
                "A: 1\nStatus: R\n O\nX-Status-Not: x\r\nx-uid : 5\r\nB: 2\n c\nContent-Length: 1\n"
                "X-IMAPbase: 1 2\nX-IMAP: 1 2\nX-Keywords: a\nStatusx: 1\n\n";
        static const char want[] = "A: 1\nX-Status-Not: x\r\nB: 2\n c\nStatusx: 1\n\n";
        _cleanup_(buf_free) struct buf b = {0};
        uint64_t bytes, size;
        (void)state;
        mbox_head_visible(SLICE(head), &b);
        assert_slice_equal(buf_slice(&b), SLICE(want));
        mbox_head_sizes(SLICE(head), &bytes, &size);
        assert_int_equal(bytes, sizeof(want) - 1);
        assert_int_equal(size, naive_size(SLICE(want)));
}

static void from_lines(void **state)
{
        static const struct {
                const char *head, *sender, *eol;
        } lines[] = {
                {"Return-Path: <a@b.example>\nFrom: c@d\n\n", "a@b.example", "\n"},
                {"Return-Path: a@b.example\r\n\r\n", "a@b.example", "\r\n"},
                {"From: A <a@b.example>, C <c@d>\nSender: s@t\n", "s@t", "\n"},
                {"From: A\n\t<a@b.example>\n", "a@b.example", "\n"},
                {"From: root\n", "root", "\n"},
                {"Return-Path: <>\nFrom: a@b\n\n", "MAILER-DAEMON", "\n"},
                {"From: \"a b\"@c.example\n", "MAILER-DAEMON", "\n"},
                {"From: \"a\\\"b\"@c.example\n", "MAILER-DAEMON", "\n"},
                {"From: g: ;\n", "MAILER-DAEMON", "\n"},
                {"", "MAILER-DAEMON", "\n"},
        };
        (void)state;
        setenv("TZ", "XXX5", 1);
        tzset();
        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                _cleanup_(buf_free) struct buf b = {0};
                char want[128];
                time_t date = 0;
                mbox_from_line(slice_of(lines[i].head), 1699587232, &b);
                snprintf(want, sizeof(want), "From %s  Thu Nov  9 22:33:52 2023%s", lines[i].sender,
                         lines[i].eol);
                assert_slice_equal(buf_slice(&b), slice_of(want));
                assert_true(mbox_is_from_line(buf_slice(&b), &date));
                assert_int_equal(date, 1699587232);
        }
        /* an address that is too long, dates at the ends of time */
        static const time_t dates[] = {INT64_MIN, INT64_MAX, -1, 0, 253402300799 + 86400};
        char head[600];
        snprintf(head, sizeof(head), "From: %0500d@b\n", 1);
        for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
                _cleanup_(buf_free) struct buf b = {0};
                time_t date;
                mbox_from_line(slice_of(head), dates[i], &b);
                assert_true(slice_starts(buf_slice(&b), SLICE("From MAILER-DAEMON  ")));
                assert_true(mbox_is_from_line(buf_slice(&b), &date));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(new_header),   cmocka_unit_test(nothing_to_say), cmocka_unit_test(in_place),
                cmocka_unit_test(length_stays), cmocka_unit_test(too_long),       cmocka_unit_test(folds),
                cmocka_unit_test(visible),      cmocka_unit_test(from_lines),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
