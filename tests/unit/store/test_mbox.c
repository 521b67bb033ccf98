/* An open mbox: what others left in it, and what is written there. */

#include "mbox_fixture.h"

/* What others left */

static void an_empty_file(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", "");
        struct mailbox *m = open_box(f, "INBOX", false);
        struct mailbox_status st;
        mailbox_status(m, &st);
        assert_int_equal(st.messages, 0);
        assert_int_equal(st.uidnext, 1);
        uint32_t validity = st.uidvalidity;
        assert_true(validity > 0);
        mailbox_close(&m);
        assert_string_equal(text_of(f, "inbox"), "");
        assert_int_equal(validity_of(f), validity);
        add_text(f, MAIL("", "a"));
        expect_box(f, false, "1  a");
        assert_int_equal(validity_of(f), validity);
}

static void a_missing_inbox_is_empty(void **state)
{
        struct fixture *f = *state;
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_int_equal(mailbox_count(m), 0);
        append_one(f, SLICE("Subject: a\r\n\r\nx\r\n"), 0);
        expect_sync(f, m, "1  a");
        unlinkat(f->fd, "inbox", 0);
        expect_sync(f, m, "");
        put(f, "inbox", MAIL("", "b"));
        expect_sync(f, m, "2  b");
        mailbox_close(&m);
        expect_box(f, false, "2  b");
}

static void what_is_no_mbox_stays_as_it_is(void **state)
{
        struct fixture *f = *state;
        static const char *const texts[] = {"Subject: a\n\nb\n", "\n" MAIL("", "a"), "From me\n\nb\n", "\n"};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                struct mailbox *m = NULL;
                struct save *s = NULL;
                struct save_result res;
                put(f, "inbox", texts[i]);
                assert_int_equal(mailbox_open(f->store, "INBOX", false, &m), -EIO);
                assert_non_null(strstr(store_error(f->store), "inbox is no mbox"));
                assert_int_equal(save_open(f->store, "INBOX", &s), 0);
                put_message(s, SLICE("Subject: b\r\n\r\nx\r\n"), 0);
                assert_int_equal(save_commit(s, &f->arena, &res), -EIO);
                save_close(&s);
                assert_string_equal(text_of(f, "inbox"), texts[i]);
        }
}

static void line_ends_are_those_of_the_file(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox",
            "From joe@example.org Thu Jan  1 00:00:01 2026\r\nSubject: a\r\n\r\nx\r\n\r\n"
            "From joe@example.org Thu Jan  1 00:00:01 2026\r\nSubject: b\r\nX-UID: 7\r\n\r\ny\r\n\r\n");
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_string_equal(shown(f, m), "1  a|2  b");
        assert_slice_equal(sent(f, m, 1), SLICE("Subject: a\r\n\r\nx\r\n"));
        set_flags(f, m, 1, FLAGS_ADD, FLAG_SEEN, "$Todo");
        assert_slice_equal(sent(f, m, 1), SLICE("Subject: a\r\n\r\nx\r\n"));
        assert_slice_equal(sent(f, m, 2), SLICE("Subject: b\r\n\r\ny\r\n"));
        assert_non_null(strstr(text_of(f, "inbox"), "\r\nStatus: RO\r\n"));
        expunge_one(f, m, 1);
        expect_sync(f, m, "2  b");
        mailbox_close(&m);
        lose_index(f, true);
        expect_box(f, false, "2  b");
}

static void a_last_line_without_an_end(void **state)
{
        struct fixture *f = *state;
        static const char *const ends[] = {"\n\nlast",     "\n\nlast\n",       "\n\nlast\n\n",
                                           "\n\nlast\r\n", "\n\nlast\r\n\r\n", ""};
        for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
                lose_index(f, true);
                put(f, "inbox", MAIL("", "a"));
                add_text(f, DATE_LINE "Subject: b");
                add_text(f, ends[i]);
                /* a header with a line end is another one */
                const char *want = ends[i][0] ? "1  a|2  b|3  c" : "1  a|3  b|4  c";
                expect_box(f, true, "1  a|2  b");
                uint32_t uid = append_one(f, SLICE("Subject: c\r\n\r\nx\r\n"), 0);
                struct mailbox *m = open_box(f, "INBOX", false);
                assert_string_equal(shown(f, m), want);
                assert_int_equal(uid_at(m, 3), uid);
                assert_slice_equal(sent(f, m, 3), SLICE("Subject: c\n\nx\n"));
                mailbox_close(&m);
                lose_index(f, true);
                expect_box(f, false, want);
        }
}

#define PSEUDO                                                                                               \
        "From MAILER-DAEMON Thu Jan  1 00:00:01 2026\nDate: Thu, 1 Jan 2026 00:00:01 +0000\n"                \
        "From: Mail System Internal Data <MAILER-DAEMON@h>\n"                                                \
        "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n"                                       \
        "X-IMAP: 1234567890 0000000009 $Todo\nStatus: RO\n\nIt is not a real message.\n\n"

static void the_pseudo_message_is_kept_and_hidden(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", PSEUDO MAIL("X-UID: 3\nX-Keywords: $Todo\n", "a") MAIL("Status: R\nX-UID: 8\n", "b"));
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_string_equal(shown(f, m), "3  $Todo a|8 S b");
        assert_int_equal(mailbox_uidvalidity(m), 1234567890);
        assert_int_equal(append_one(f, SLICE("Subject: c\r\n\r\nx\r\n"), 0), 10);
        expect_sync(f, m, "3  $Todo a|8 S b|10  c");
        for (int i = 0; i < 3; i++)
                expunge_one(f, m, 1 + (uint32_t)i);
        expect_sync(f, m, "");
        mailbox_close(&m);
        assert_non_null(strstr(text_of(f, "inbox"), "FOLDER INTERNAL DATA"));
        assert_non_null(strstr(text_of(f, "inbox"), "X-IMAP: 1234567890 0000000010"));
        assert_non_null(strstr(text_of(f, "inbox"), "It is not a real message.\n"));
        lose_index(f, true);
        add_text(f, MAIL("", "d"));
        m = open_box(f, "INBOX", false);
        assert_string_equal(shown(f, m), "11  d");
        assert_int_equal(mailbox_uidvalidity(m), 1234567890);
        mailbox_close(&m);
}

static void as_another_server_left_it(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox",
            MAIL(BASE "Status: RO\nX-Status: AF\nX-Keywords: $Todo work    \nX-UID: 4\n", "a")
                    MAIL("Status: O\nX-Status: D\nX-UID: 6\n", "b")
                            MAIL("X-Status: T\nX-Keywords: new\nX-UID: 7\n", "c") MAIL("", "d"));
        const char *before = text_of(f, "inbox");
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_string_equal(shown(f, m), "4 SAF $Todo work a|6 D b|7 T c|10  d");
        assert_int_equal(mailbox_uidvalidity(m), 1234567890);
        assert_false(mailbox_message(m, 2).recent);
        assert_true(mailbox_message(m, 3).recent);
        assert_string_equal(text_of(f, "inbox"), before);
        mailbox_close(&m);
        /* what was not there yet */
        assert_non_null(strstr(text_of(f, "inbox"), "X-UID: 10\n"));
        assert_non_null(strstr(text_of(f, "inbox"), "X-IMAPbase: 1234567890 0000000010 "));
        lose_index(f, true);
        expect_box(f, false, "4 SAF $Todo work a|6 D b|7 T c|10  d");
}

/* UIDs ascend: what does not gets a new one. */
static void uids_that_do_not_ascend(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox",
            MAIL(BASE "X-UID: 5\n", "a") MAIL("X-UID: 3\n", "b") MAIL("X-UID: 5\n", "c")
                    MAIL("X-UID: 4000000000\n", "d") MAIL("X-UID: 99999999999\n", "e"));
        struct mailbox *m = open_box(f, "INBOX", false);
        char all[100];
        snprintf(all, sizeof(all), "%s", shown(f, m));
        for (uint32_t seq = 2; seq <= mailbox_count(m); seq++)
                assert_true(uid_at(m, seq) > uid_at(m, seq - 1));
        assert_int_equal(mailbox_count(m), 5);
        mailbox_close(&m);
        expect_box(f, false, all);
        lose_index(f, true);
        expect_box(f, false, all);
}

/* Every message with the UIDs of another server is another one. */
static void another_uidvalidity(void **state)
{
        struct fixture *f = *state;
        struct mailbox_changes c;
        put(f, "inbox", MAIL(BASE "X-UID: 5\n", "a") MAIL("X-UID: 7\n", "b"));
        struct mailbox *m = open_box(f, "INBOX", false);
        change_text(f, "1234567890", "1234567891");
        assert_int_equal(mailbox_sync(m, true, &f->arena, &c), -ESTALE);
        mailbox_close(&m);
        m = open_box(f, "INBOX", false);
        assert_string_equal(shown(f, m), "5  a|7  b");
        assert_int_equal(mailbox_uidvalidity(m), 1234567891);
        mailbox_close(&m);
        /* nobody looks */
        change_text(f, "1234567891", "1234567892");
        change_text(f, "X-UID: 7", "X-UID: 6");
        m = open_box(f, "INBOX", false);
        assert_string_equal(shown(f, m), "5  a|6  b");
        assert_int_equal(mailbox_uidvalidity(m), 1234567892);
        mailbox_close(&m);
}

/* Only the file's own first message says what UIDs are. */
static void a_sender_gives_no_uids(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", MAIL("", "a") MAIL("X-IMAPbase: 77 0000000099\nX-UID: 50\nStatus: RO\n", "b"));
        expect_box(f, false, "1  a|2 S b");
        assert_int_not_equal(validity_of(f), 77);
        lose_index(f, true);
        expect_box(f, false, "1  a|2 S b");
}

static void keywords_beyond_the_letters(void **state)
{
        struct fixture *f = *state;
        struct buf b = {0}, all = {0};
        for (int i = 0; i < 30; i++)
                buf_printf(&all, " k%d", i);
        buf_printf(&b, DATE_LINE "X-IMAPbase: 1234567890 0000000001%s\nX-Keywords:%s\nX-UID: 1\n",
                   buf_cstr(&all), buf_cstr(&all));
        buf_str(&b, "Subject: a\n\nx\n\n");
        put(f, "inbox", buf_cstr(&b));
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_int_equal(__builtin_popcountll(mailbox_message(m, 1).flags.keywords), 26);
        assert_true(mailbox_keywords_full(m));
        set_flags(f, m, 1, FLAGS_ADD, FLAG_SEEN, NULL);
        set_flags(f, m, 1, FLAGS_REMOVE, 0, "k3");
        mailbox_close(&m);
        /* those without a letter are others' */
        const char *line = strstr(text_of(f, "inbox"), "X-Keywords:");
        assert_non_null(strstr(line, " k29"));
        assert_non_null(strstr(line, " k26"));
        assert_null(strstr(line, " k3 "));
        expect_box(
                f, false,
                "1 S k0 k1 k2 k4 k5 k6 k7 k8 k9 k10 k11 k12 k13 k14 k15 k16 k17 k18 k19 k20 k21 k22 k23 k24 "
                "k25 a");
        buf_free(&b);
        buf_free(&all);
}

static void a_header_of_megabytes(void **state)
{
        struct fixture *f = *state;
        struct buf b = {0};
        buf_str(&b, MAIL(BASE "X-UID: 3\n", "a") DATE_LINE "Subject: b\nX-UID: 4\n");
        for (int i = 0; i < 40000; i++)
                buf_printf(&b, "X-Long-%d: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", i);
        buf_str(&b, "Status: RO\n\nbody\n\n" MAIL("X-UID: 5\n", "c"));
        put(f, "inbox", buf_cstr(&b));
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_string_equal(shown(f, m), "3  a|4  b|5  c");
        struct slice was = sent(f, m, 2);
        set_flags(f, m, 2, FLAGS_ADD, FLAG_FLAGGED, "work");
        set_flags(f, m, 3, FLAGS_ADD, FLAG_FLAGGED, NULL);
        assert_slice_equal(sent(f, m, 2), was);
        expect_sync(f, m, "3  a|4 F work b|5 F c");
        expunge_one(f, m, 1);
        expect_sync(f, m, "4 F work b|5 F c");
        mailbox_close(&m);
        lose_index(f, true);
        m = open_box(f, "INBOX", false);
        assert_string_equal(shown(f, m), "4 F work b|5 F c");
        assert_slice_equal(sent(f, m, 1), was);
        mailbox_close(&m);
        buf_free(&b);
}

/* What is told of a size is what is read, whatever ends a body. */
static void bodies_end_where_they_end(void **state)
{
        struct fixture *f = *state;
        static const char *const bodies[] = {
                "",
                "\n",
                "x",
                "\nx",
                "\nx\n",
                "\nx\n\n",
                "\nx\n\n\n",
                "\n\n",
                "Content-Length: 2\n\nx\n",
                "Content-Length: 2\n\nx\n\n",
                "Content-Length: 2\n\nx\n\n\n",
                "Content-Length: 1\n\nx\n",
                "Content-Length: 3\n\nx\n\n",
                "Content-Length: 4\n\nx\n\n\n",
                "Content-Length: 1\n\nx\n\n",
                "Content-Length: 0\n\n",
                "Content-Length: 0\n\n\n",
                "Content-Length: 3\n\nx\r\n\r\n",
                "Content-Length: 5\n\nx\r\n\r\n",
                "Content-Length: 61\n\n" MAIL("", "z"),
        };
        struct buf b = {0};
        for (int behind = 0; behind < 2; behind++)
                for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
                        b.n = 0;
                        buf_printf(&b, DATE_LINE "%s%s%s", "Subject: a\n", bodies[i],
                                   behind ? MAIL("", "b") : "");
                        put(f, "inbox", buf_cstr(&b));
                        lose_index(f, true);
                        struct mailbox *m = open_box(f, "INBOX", false);
                        struct slice was = sent(f, m, 1);
                        shown(f, m);
                        set_flags(f, m, 1, FLAGS_ADD, FLAG_SEEN, "$Todo");
                        assert_slice_equal(sent(f, m, 1), was);
                        shown(f, m);
                        mailbox_close(&m);
                        lose_index(f, true);
                        m = open_box(f, "INBOX", false);
                        assert_slice_equal(sent(f, m, 1), was);
                        mailbox_close(&m);
                }
        buf_free(&b);
}

/* What is written */

static void uids_stay_when_the_index_is_lost(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", MAIL("", "a") MAIL("", "b") MAIL("", "c"));
        struct mailbox *m = open_box(f, "INBOX", false);
        uint32_t validity = mailbox_uidvalidity(m);
        assert_null(strstr(text_of(f, "inbox"), "X-UID"));
        expunge_one(f, m, 1);
        expect_sync(f, m, "2  b|3  c");
        mailbox_close(&m);
        lose_index(f, true);
        expect_box(f, false, "2  b|3  c");
        assert_int_equal(validity_of(f), validity);
        /* not written, and nothing else has changed: the same again */
        add_text(f, MAIL("", "d"));
        m = open_box(f, "INBOX", true);
        assert_string_equal(shown(f, m), "2  b|3  c|4  d");
        lose_index(f, true);
        mailbox_close(&m);
        expect_box(f, true, "2  b|3  c|4  d");
        lose_index(f, true);
        add_text(f, MAIL("", "e"));
        m = open_box(f, "INBOX", false);
        assert_string_equal(shown(f, m), "2  b|3  c|4  d|5  e");
        lose_index(f, true);
        expect_sync(f, m, "2  b|3  c|4  d|5  e");
        set_flags(f, m, 2, FLAGS_ADD, FLAG_SEEN, NULL);
        lose_index(f, true);
        expect_sync(f, m, "2  b|3 S c|4  d|5  e");
        mailbox_close(&m);
        lose_index(f, true);
        expect_box(f, false, "2  b|3 S c|4  d|5  e");
        assert_int_equal(validity_of(f), validity);
}

static void uids_are_written_at_once(void **state)
{
        struct fixture *f = *state;
        f->settings.mbox_lazy_writes = false;
        put(f, "inbox", MAIL("", "a") MAIL("", "b"));
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_non_null(strstr(text_of(f, "inbox"), "X-UID: 2\n"));
        add_text(f, MAIL("", "c"));
        sync_box(f, m, true);
        assert_non_null(strstr(text_of(f, "inbox"), "X-UID: 3\n"));
        mailbox_close(&m);
        const char *before = text_of(f, "inbox");
        expect_box(f, false, "1  a|2  b|3  c");
        assert_string_equal(text_of(f, "inbox"), before);
}

static void without_an_index(void **state)
{
        struct fixture *f = *state;
        open_store(f, "mbox:~/mail:INBOX=~/inbox:INDEX=MEMORY");
        put(f, "inbox", MAIL("", "a") MAIL("", "b") MAIL("", "c"));
        struct mailbox *m = open_box(f, "INBOX", false), *other = open_box(f, "INBOX", false);
        uint32_t validity = mailbox_uidvalidity(m);
        set_flags(f, m, 2, FLAGS_ADD, FLAG_SEEN, "$Todo");
        expect_sync(f, other, "1  a|2 S $Todo b|3  c");
        expunge_one(f, other, 1);
        expect_sync(f, m, "2 S $Todo b|3  c");
        append_one(f, SLICE("Subject: d\r\n\r\nx\r\n"), FLAG_FLAGGED);
        expect_sync(f, m, "2 S $Todo b|3  c|4 F d");
        expect_sync(f, other, "2 S $Todo b|3  c|4 F d");
        mailbox_close(&m);
        mailbox_close(&other);
        expect_box(f, false, "2 S $Todo b|3  c|4 F d");
        assert_int_equal(validity_of(f), validity);
        assert_false(there(f, CONTROL "/mailsession.index"));
}

static void looking_writes_nothing(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", MAIL("", "a") MAIL("X-UID: 9\nX-IMAPbase: 5 5\n", "b"));
        const char *before = text_of(f, "inbox");
        for (int lazy = 0; lazy < 2; lazy++) {
                f->settings.mbox_lazy_writes = lazy;
                struct mailbox *m = open_box(f, "INBOX", true);
                uint32_t one = 1;
                size_t gone;
                sync_box(f, m, true);
                assert_int_equal(mailbox_expunge(m, &one, 1), -EROFS);
                assert_int_equal(mailbox_store_flags(m, &one, 1, FLAGS_ADD,
                                                     (struct flags){.system = FLAG_SEEN}, &gone),
                                 -EROFS);
                mailbox_close(&m);
                assert_string_equal(text_of(f, "inbox"), before);
        }
        assert_int_equal(fchmodat(f->fd, "inbox", 0400, 0), 0);
        expect_box(f, true, "1  a|2  b");
        assert_string_equal(text_of(f, "inbox"), before);
}

#define LINES(quote)                                                                                         \
        "Subject: q\r\n\r\n" quote "From joe@example.org Thu Jan  1 00:00:01 2026\r\n>From x\r\n"            \
        ">>From y\r\n" quote "From here\r\n\r\n" quote                                                       \
        "From joe@example.org Thu Jan  1 00:00:01 2026\r\n\r\n"

/* Without mboxrd's quoting a line that begins with "From " is all that changes. */
static void what_was_uploaded_comes_back(void **state)
{
        struct fixture *f = *state;
        const char *texts[] = {
                LINES(""),
                "Subject: a\r\n\r\n",
                "Subject: a\r\n\r\n\r\n",
                "Subject: a\r\n\r\nx\r\n\r\n\r\n",
                "Subject: a\r\n\r\nno end",
                "\r\nno header\r\n",
                "\r\n",
        };
        for (int unquote = 0; unquote < 2; unquote++) {
                struct mailbox *m = NULL;
                put(f, "inbox", "");
                lose_index(f, true);
                f->settings.mbox_unquote_from = unquote;
                texts[0] = LINES("");
                for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                        append_one(f, slice_of(texts[i]), FLAG_SEEN);
                texts[0] = unquote ? LINES("") : LINES(">");
                for (int again = 0; again < 2; again++) {
                        m = open_box(f, "INBOX", false);
                        assert_int_equal(mailbox_count(m), ARRAY_LEN(texts));
                        for (uint32_t seq = 1; seq <= ARRAY_LEN(texts); seq++) {
                                struct buf crlf = {0};
                                struct slice got = sent(f, m, seq), want = slice_of(texts[seq - 1]);
                                for (size_t i = 0; i < got.n; i++) {
                                        if (got.p[i] == '\n')
                                                buf_char(&crlf, '\r');
                                        buf_char(&crlf, got.p[i]);
                                }
                                /* a last line gets its end */
                                got = buf_slice(&crlf);
                                if (!slice_ends(want, SLICE("\n")))
                                        got.n -= 2;
                                assert_slice_equal(got, want);
                                buf_free(&crlf);
                        }
                        mailbox_close(&m);
                        lose_index(f, true);
                }
                assert_int_equal(strstr(text_of(f, "inbox"), "\n>>>From y") != NULL, unquote);
        }
}

static void a_large_message(void **state)
{
        struct fixture *f = *state;
        struct buf b = {0};
        buf_str(&b, "Subject: large\n\n");
        while (b.n < 3 * 1024 * 1024 + 7)
                buf_printf(&b, "%zu lines are in here\n", b.n);
        append_one(f, SLICE("Subject: a\r\n\r\nx\r\n"), 0);
        append_one(f, buf_slice(&b), 0);
        append_one(f, SLICE("Subject: b\r\n\r\nx\r\n"), 0);
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_string_equal(shown(f, m), "1  a|2  large|3  b");
        assert_true(slice_eq(sent(f, m, 2), buf_slice(&b)));
        expunge_one(f, m, 1);
        expect_sync(f, m, "2  large|3  b");
        assert_true(slice_eq(sent(f, m, 1), buf_slice(&b)));
        mailbox_close(&m);
        lose_index(f, true);
        expect_box(f, false, "2  large|3  b");
        buf_free(&b);
}

static void all_of_a_save_or_nothing(void **state)
{
        struct fixture *f = *state;
        struct save *s = NULL;
        struct save_result res;
        put(f, "inbox", MAIL(BASE "X-UID: 4\n", "a"));
        const char *before = text_of(f, "inbox");
        assert_int_equal(save_open(f->store, "INBOX", &s), 0);
        put_message(s, SLICE("Subject: b\r\n\r\nx\r\n"), FLAG_SEEN);
        put_message(s, SLICE("Subject: c\r\n\r\nx\r\n"), 0);
        assert_string_equal(text_of(f, "inbox"), before);
        save_close(&s);
        assert_string_equal(text_of(f, "inbox"), before);
        assert_int_equal(save_open(f->store, "INBOX", &s), 0);
        put_message(s, SLICE("Subject: b\r\n\r\nx\r\n"), FLAG_SEEN);
        put_message(s, SLICE("Subject: c\r\n\r\nx\r\n"), 0);
        assert_int_equal(save_commit(s, &f->arena, &res), 0);
        save_close(&s);
        assert_int_equal(res.uidvalidity, 1234567890);
        assert_int_equal(res.n, 2);
        assert_int_equal(res.uids[1], 11);
        expect_box(f, false, "4  a|10 S b|11  c");
        lose_index(f, true);
        expect_box(f, false, "4  a|10 S b|11  c");
        assert_false(there(f, CONTROL "/mailsession.rewrite"));
}

static void copies_within_the_mbox(void **state)
{
        struct fixture *f = *state;
        struct save *s = NULL;
        struct save_result res;
        put(f, "inbox", MAIL(BASE "Status: RO\nX-Keywords: work\nX-UID: 4\n", "a") MAIL("X-UID: 5\n", "b"));
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_int_equal(save_open(f->store, "INBOX", &s), 0);
        assert_int_equal(save_copy(s, m, 1), 0);
        assert_int_equal(save_copy(s, m, 2), 0);
        assert_int_equal(save_commit(s, &f->arena, &res), 0);
        save_close(&s);
        expect_sync(f, m, "4 S work a|5  b|10 S work a|11  b");
        assert_slice_equal(sent(f, m, 1), sent(f, m, 3));
        time_t one, other;
        assert_int_equal(mailbox_internaldate(m, 1, &one), 0);
        assert_int_equal(mailbox_internaldate(m, 3, &other), 0);
        assert_int_equal(one, other);
        /* one of two that are the same goes: the other one stays what it is */
        expunge_one(f, m, 1);
        set_flags(f, m, 3, FLAGS_ADD, FLAG_FLAGGED, NULL);
        expect_sync(f, m, "5  b|10 SF work a|11  b");
        mailbox_close(&m);
        lose_index(f, true);
        expect_box(f, false, "5  b|10 SF work a|11  b");
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, mbox_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(an_empty_file),
                T(a_missing_inbox_is_empty),
                T(what_is_no_mbox_stays_as_it_is),
                T(line_ends_are_those_of_the_file),
                T(a_last_line_without_an_end),
                T(the_pseudo_message_is_kept_and_hidden),
                T(as_another_server_left_it),
                T(uids_that_do_not_ascend),
                T(another_uidvalidity),
                T(a_sender_gives_no_uids),
                T(keywords_beyond_the_letters),
                T(a_header_of_megabytes),
                T(bodies_end_where_they_end),
                T(uids_stay_when_the_index_is_lost),
                T(uids_are_written_at_once),
                T(without_an_index),
                T(looking_writes_nothing),
                T(what_was_uploaded_comes_back),
                T(a_large_message),
                T(all_of_a_save_or_nothing),
                T(copies_within_the_mbox),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
