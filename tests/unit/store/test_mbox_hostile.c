/* What senders write into their mail, and what a delivery that was cut off leaves. */

#include "mbox_fixture.h"

#include <signal.h>

#include "store/mbox_edit.h"

/* A message that came a second ago: From_ lines are the delivery's, and a sender has no say in them. */
static const char *arrived(struct fixture *f, const char *head, const char *name)
{
        char date[64];
        time_t then = time(NULL) - 1;
        struct tm tm;
        assert_true(strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", localtime_r(&then, &tm)) > 0);
        return arena_printf(&f->arena, "From joe@example.org %s\n%sSubject: %s\n\nbody of %s\n\n", date, head,
                            name, name);
}

/* X-UIDs of senders are in the way of no look, until ours take their place. */
static void uids_of_senders(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", MAIL(BASE "X-UID: 5\n", "a"));
        struct mailbox *m = open_box(f, "INBOX", false);
        add_text(f, MAIL("X-UID: 3\n", "b") MAIL("X-UID: 8\n", "c"));
        expect_sync(f, m, "5  a|10  b|11  c");
        add_text(f, MAIL("X-UID: 400000\n", "d"));
        expect_sync(f, m, "5  a|10  b|11  c|12  d");
        expect_box(f, true, "5  a|10  b|11  c|12  d");
        add_text(f, MAIL("", "e"));
        expect_box(f, true, "5  a|10  b|11  c|12  d|13  e");
        /* all of it is read */
        const char *text = text_of(f, "inbox");
        put(f, "inbox", arena_printf(&f->arena, "%s%s", text, MAIL("X-UID: 13\n", "g")));
        change_text(f, "body of a\n", "a\n");
        sync_box(f, m, true);
        assert_int_equal(mailbox_count(m), 6);
        for (uint32_t seq = 2; seq <= 5; seq++)
                assert_int_equal(uid_at(m, seq) - uid_at(m, 2), seq - 2);
        const char *all = shown(f, m);
        mailbox_close(&m);
        lose_index(f, true);
        expect_box(f, true, all);
        assert_null(strstr(text_of(f, "inbox"), "X-UID: 400000"));
}

/* Another program that knows the base gave UIDs to what has none of ours in the file yet. */
static void uids_of_other_programs(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", MAIL(BASE "X-UID: 5\n", "a"));
        struct mailbox *m = open_box(f, "INBOX", false);
        add_text(f, MAIL("", "b") MAIL("", "c"));
        expect_sync(f, m, "5  a|10  b|11  c");
        change_text(f, "0000000009", "0000000021");
        change_text(f, "Subject: b\n", "Subject: b\nX-UID: 20\n");
        change_text(f, "Subject: c\n", "Subject: c\nX-UID: 21\n");
        expect_sync(f, m, "5  a|20  b|21  c");
        mailbox_close(&m);
}

#define SENDERS "X-IMAPbase: 77 0000000003 theirs\nX-Keywords: theirs\nX-UID: 1\n"

/* A spool that was emptied: UIDVALIDITY and the next UID are those of the index, not of the next sender. */
static void an_emptied_spool_and_a_base_of_a_sender(void **state)
{
        struct fixture *f = *state;
        for (int open = 0; open < 2; open++) {
                put(f, "inbox", MAIL(BASE "X-UID: 5\n", "a"));
                lose_index(f, true);
                struct mailbox *m = open_box(f, "INBOX", false);
                expunge_one(f, m, 1);
                expect_sync(f, m, "");
                if (!open)
                        mailbox_close(&m);
                add_text(f, arrived(f, SENDERS, "b"));
                if (open)
                        expect_sync(f, m, "10  b");
                else
                        m = open_box(f, "INBOX", false);
                assert_int_equal(mailbox_uidvalidity(m), 1234567890);
                add_text(f, arrived(f, "X-UID: 2\n", "c"));
                expect_sync(f, m, "10  b|11  c");
                expect_box(f, true, "10  b|11  c");
                mailbox_close(&m);
                /* what is in the file now is ours */
                assert_null(strstr(text_of(f, "inbox"), "77"));
                assert_null(strstr(text_of(f, "inbox"), "theirs"));
                lose_index(f, true);
                expect_box(f, false, "10  b|11  c");
                assert_int_equal(validity_of(f), 1234567890);
        }
}

/* Another program took away what was before a sender's mail. */
static void the_first_that_is_left_has_a_base_of_a_sender(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", MAIL(BASE "X-UID: 5\n", "a"));
        struct mailbox *m = open_box(f, "INBOX", false);
        const char *mail = arrived(f, SENDERS, "b");
        add_text(f, mail);
        expect_sync(f, m, "5  a|10  b");
        put(f, "inbox", mail);
        expect_sync(f, m, "10  b");
        put(f, "inbox", arrived(f, "X-IMAP: 78 0000000000\n", "c"));
        expect_sync(f, m, "");
        add_text(f, arrived(f, "", "d"));
        expect_sync(f, m, "11  d");
        assert_int_equal(mailbox_uidvalidity(m), 1234567890);
        mailbox_close(&m);
        expect_box(f, false, "11  d");
        assert_int_equal(validity_of(f), 1234567890);
}

/* Mail that was there before the last look was brought by somebody who may: from another server. */
static void a_mailbox_that_is_brought_from_elsewhere(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", arrived(f, "", "test"));
        expect_box(f, false, "1  test");
        put(f, "inbox", MAIL(BASE "X-UID: 5\n", "a") MAIL("X-UID: 9\n", "b"));
        expect_box(f, false, "5  a|9  b");
        assert_int_equal(validity_of(f), 1234567890);
        /* nobody has heard of UIDs */
        put(f, "inbox", "");
        lose_index(f, true);
        expect_box(f, false, "");
        add_text(f, arrived(f, BASE "X-UID: 5\n", "a"));
        expect_box(f, false, "5  a");
        assert_int_equal(validity_of(f), 1234567890);
}

/* A Content-Length that reaches to the end of a mail to come proves true with it: that is a message of its
 * own all the same, and so is the one with the length. */
static void a_length_that_waits_for_the_next_mail(void **state)
{
        struct fixture *f = *state;
        static const char next[] = MAIL("", "b");
        const char *head = arena_printf(&f->arena, "Content-Length: %zu\n",
                                        strlen("body of a\n\n") + sizeof(next) - 1 - strlen("\n"));
        for (int open = 0; open < 2; open++) {
                put(f, "inbox", arrived(f, head, "a"));
                lose_index(f, true);
                struct mailbox *m = open_box(f, "INBOX", false);
                uint32_t first = uid_at(m, 1);
                if (!open)
                        mailbox_close(&m);
                add_text(f, next);
                if (open)
                        sync_box(f, m, true);
                else
                        m = open_box(f, "INBOX", false);
                assert_int_equal(mailbox_count(m), 2);
                assert_int_equal(uid_at(m, 1), first);
                assert_slice_equal(subject(sent(f, m, 2)), SLICE("b"));
                const char *all = shown(f, m);
                mailbox_close(&m);
                lose_index(f, true);
                expect_box(f, false, all);
        }
}

#define FROM_ALONE "From joe@example.org Thu Jan  1 00:00:01 2026"

/* A delivery that was cut off behind the From_ line, before its line end. */
static void a_from_line_without_an_end(void **state)
{
        struct fixture *f = *state;
        static const char *const ends[] = {FROM_ALONE, FROM_ALONE "\r"};
        for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
                put(f, "inbox", ends[i]);
                lose_index(f, true);
                expect_box(f, true, "1  ");
                assert_string_equal(text_of(f, "inbox"), ends[i]);
                expect_box(f, false, "1  ");
                lose_index(f, true);
                expect_box(f, false, "1  ");
                put(f, "inbox", arena_printf(&f->arena, MAIL(BASE "X-UID: 5\n", "a") "%s", ends[i]));
                lose_index(f, true);
                struct mailbox *m = open_box(f, "INBOX", false);
                assert_string_equal(shown(f, m), "5  a|10  ");
                set_flags(f, m, 2, FLAGS_ADD, FLAG_SEEN, "work");
                append_one(f, SLICE("Subject: c\r\n\r\nc\r\n"), 0);
                expect_sync(f, m, "5  a|10 S work |11  c");
                mailbox_close(&m);
                lose_index(f, true);
                expect_box(f, false, "5  a|10 S work |11  c");
        }
}

/* Archives have such dates; where zones differ they are on both sides of the epoch. */
static void the_first_second_of_time(void **state)
{
        struct fixture *f = *state;
        time_t date = -1;
        put(f, "inbox",
            "From joe@example.org Thu Jan  1 00:00:00 1970 +0000\nSubject: a\n\na\n\n"
            "From joe@example.org Wed Dec 31 23:59:58 1969 +0000\n");
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_int_equal(mailbox_internaldate(m, 1, &date), 0);
        assert_int_equal(date, 0);
        assert_int_equal(mailbox_internaldate(m, 2, &date), 0);
        assert_int_equal(date, -2);
        sent(f, m, 2); /* its size is 0, and known */
        mailbox_close(&m);
}

/* A header with lines of the mailbox far from each other. */
static const char *wide(struct fixture *f, const char *const lines[3])
{
        struct buf b = {0};
        for (int i = 0; i < 3; i++) {
                buf_str(&b, lines[i]);
                for (int j = 0; j < 500 && i < 2; j++)
                        buf_printf(&b, "X-%d-%d: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", i, j);
        }
        const char *s = arena_str(&f->arena, buf_slice(&b));
        buf_free(&b);
        return s;
}

/* What a change of flags keeps in memory and writes are the lines that change, wherever a sender had them. */
static void lines_at_both_ends_of_a_long_header(void **state)
{
        struct fixture *f = *state;
        static const struct {
                const char *lines[3];
                size_t edits, most;
        } rows[] = {
                {{"Status: RO\n", "X-Status: F\n", "X-Keywords:  \n\n"}, 0, 0},
                {{"Status: RO\n", "X-Status: D\n", "X-Keywords:  \n\n"}, 1, 1},
                {{"", "X-Status: F\n", "X-Keywords:  \n\n"}, 1, 0},
                {{"Status: O\n", "X-Status: F\n", "X-Keywords: a\n\n"}, 2, 2},
                {{"Status: O\n", "", "X-UID: 1\nX-Keywords:  \n\n"}, 3, 16},
                {{"Status: RO\n", "Subject: another\n", "X-Keywords:  \n\n"}, 1, 100000},
        };
        struct slice old = slice_of(wide(f, rows[0].lines));
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct mbox_edits e = {0};
                mbox_edits_header(&e, 0, old, slice_of(wide(f, rows[i].lines)));
                assert_int_equal(e.n, rows[i].edits);
                assert_true(e.texts.n <= rows[i].most);
                assert_true(e.n < 2 || e.at_once); /* both or none */
                mbox_edits_free(&e);
        }
        put(f, "inbox", arena_printf(&f->arena, DATE_LINE "Subject: a\n%sa\n\n" MAIL("", "b"), old.p));
        struct mailbox *m = open_box(f, "INBOX", false);
        struct slice was = sent(f, m, 1);
        set_flags(f, m, 1, FLAGS_ADD, FLAG_ANSWERED, "work");
        set_flags(f, m, 1, FLAGS_REMOVE, FLAG_SEEN, NULL);
        expect_sync(f, m, "1 AF work a|2  b");
        assert_slice_equal(sent(f, m, 1), was);
        mailbox_close(&m);
        lose_index(f, true);
        m = open_box(f, "INBOX", false);
        assert_string_equal(shown(f, m), "1 AF work a|2  b");
        assert_slice_equal(sent(f, m, 1), was);
        mailbox_close(&m);
}

static long peak_kb(void)
{
        struct rusage u;
        assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
        return u.ru_maxrss;
}

/* Headers that never end are in no memory; on a full disk mail is read all the same. */
static void a_message_that_is_all_header(void **state)
{
        enum { LINE = 1000, LINES = 64 * 1024 };
        struct fixture *f = *state;
        char line[LINE + 1];
        memset(line, 'x', LINE);
        memcpy(line, "X-y: ", 5);
        line[LINE - 1] = '\n';
        line[LINE] = '\0';
        put(f, "inbox", DATE_LINE);
        int fd = openat(f->fd, "inbox", O_WRONLY | O_APPEND);
        for (int i = 0; i < LINES; i++)
                assert_int_equal(write(fd, line, LINE), LINE);
        close(fd);
        struct mailbox *m = open_box(f, "INBOX", false);
        for (int full = 0; full < 2; full++) {
                struct rlimit was, small = {.rlim_cur = 1024 * 1024};
                struct message_text t;
                long before = peak_kb();
                assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
                small.rlim_max = was.rlim_max;
                signal(SIGXFSZ, SIG_IGN);
                if (full)
                        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
                assert_int_equal(mailbox_read(m, 1, &t), 0);
                assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
                assert_int_equal(t.raw.n, LINE * LINES);
                for (size_t i = 0; i < LINES; i += LINES / 16)
                        assert_memory_equal(t.raw.p + i * LINE, line, LINE);
                message_text_release(&t);
                if (!full)
                        assert_true(peak_kb() - before < LINE * LINES / 1024 / 2);
        }
        mailbox_close(&m);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, mbox_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(uids_of_senders),
                T(uids_of_other_programs),
                T(an_emptied_spool_and_a_base_of_a_sender),
                T(the_first_that_is_left_has_a_base_of_a_sender),
                T(a_mailbox_that_is_brought_from_elsewhere),
                T(a_length_that_waits_for_the_next_mail),
                T(a_from_line_without_an_end),
                T(the_first_second_of_time),
                T(lines_at_both_ends_of_a_long_header),
                T(a_message_that_is_all_header),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
