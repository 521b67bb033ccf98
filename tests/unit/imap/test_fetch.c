/* FETCH against a store in memory that keeps what it is given: the same answers from the cache as from the
 * messages, and no message read for what is known. */

#include "../unit.h"

#include <stdio.h>

#include "fake_client.h"
#include "imap/cached.h"

static const char plain[] = "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\nFrom: Terry <gray@cac>\n"
                            "Subject: x\nTo: a@b\n\nbody\n";

static void give(uint32_t seq, const char *text)
{
        fake.boxes[0].texts[seq - 1] = text;
}

/* The same command twice, and once with nothing kept: one answer. Returns it, valid until the next command.
 */
static struct slice fetches(struct client *c, const char *command)
{
        static struct buf first;
        first.n = 0;
        for (int i = 0; i < 3; i++) {
                if (i == 2)
                        fake_drop_cache();
                client_send(c, slice_of(command));
                client_send(c, SLICE("\r\n"));
                client_run(c);
                if (i == 0)
                        buf_append(&first, client_answer(c));
                else
                        assert_slice_equal(client_answer(c), buf_slice(&first));
        }
        return buf_slice(&first);
}

static void test_short_items(void **state)
{
        struct client c;
        unsigned bit;
        setenv("TZ", "UTC0", 1);
        client_open(&c);
        says(&c, "a FETCH 1:2 (FLAGS UID FLAGS RFC822.SIZE INTERNALDATE)",
             "* 1 FETCH (FLAGS () UID 11 RFC822.SIZE 100 INTERNALDATE \"01-Jan-1970 00:00:00 +0000\")\r\n"
             "* 2 FETCH (FLAGS () UID 12 RFC822.SIZE 100 INTERNALDATE \"01-Jan-1970 00:00:00 +0000\")\r\n"
             "a OK Fetch completed.\r\n");
        assert_int_equal(mailbox_keyword(&fake.boxes[0], SLICE("$A"), true, &bit), 0);
        assert_int_equal(mailbox_keyword(&fake.boxes[0], SLICE("b"), true, &bit), 0);
        for (uint32_t i = 0; i < 4; i++) {
                fake.boxes[0].messages[i].flags.keywords = i;
                fake.boxes[0].messages[i].flags.system = i % 2 ? FLAG_SEEN | FLAG_ANSWERED : 0;
                fake.boxes[0].messages[i].recent = i == 3;
        }
        c.s.told_keywords = 2;
        says(&c, "b UID FETCH 11:14 (FLAGS)",
             "* 1 FETCH (UID 11 FLAGS ())\r\n* 2 FETCH (UID 12 FLAGS (\\Answered \\Seen $A))\r\n"
             "* 3 FETCH (UID 13 FLAGS (b))\r\n* 4 FETCH (UID 14 FLAGS (\\Answered \\Seen \\Recent $A b))\r\n"
             "b OK Fetch completed.\r\n");
        assert_int_equal(fake.reads, 0);
        client_close(&c);
}

static void test_what_is_known_is_not_read(void **state)
{
        struct client c;
        client_open(&c);
        fetches(&c, "a FETCH 1:5 (ENVELOPE)"); /* ends with everything kept anew */
        unsigned reads = fake.reads, keeps = fake.keeps;
        assert_int_equal(reads, 10);
        assert_int_equal(keeps, 10);
        says(&c, "b FETCH 1:2 (ENVELOPE BODY.PEEK[HEADER.FIELDS (Subject)] RFC822.SIZE)",
             "* 1 FETCH (ENVELOPE (NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL) RFC822.SIZE 100 "
             "BODY[HEADER.FIELDS (SUBJECT)] {14}\r\nSubject: x\r\n\r\n)\r\n"
             "* 2 FETCH (ENVELOPE (NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL) RFC822.SIZE 100 "
             "BODY[HEADER.FIELDS (SUBJECT)] {14}\r\nSubject: x\r\n\r\n)\r\n"
             "b OK Fetch completed.\r\n");
        says(&c, "c SEARCH SUBJECT x FROM \"\"", "* SEARCH\r\nc OK Search completed.\r\n");
        says(&c, "d SEARCH SUBJECT x SENTSINCE 1-Jan-1990", "* SEARCH\r\nd OK Search completed.\r\n");
        assert_int_equal(fake.reads, reads);
        /* the structure takes one more reading, then no more */
        fake.keeps = fake.reads = 0;
        for (int i = 0; i < 2; i++) {
                says(&c, "e FETCH 1 (BODYSTRUCTURE ENVELOPE)",
                     "* 1 FETCH (BODYSTRUCTURE (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
                     "\"7bit\" 6 1 "
                     "NIL NIL NIL NIL) ENVELOPE (NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL))\r\n"
                     "e OK Fetch completed.\r\n");
                assert_int_equal(fake.reads, 1);
                assert_int_equal(fake.keeps, 1);
        }
        client_close(&c);
}

static void test_bodies_fill_nothing(void **state)
{
        struct client c;
        client_open(&c);
        says(&c, "a FETCH 1 (BODY.PEEK[] BODY.PEEK[HEADER])",
             "* 1 FETCH (BODY[] {20}\r\nSubject: x\r\n\r\nbody\r\n BODY[HEADER] {14}\r\nSubject: "
             "x\r\n\r\n)\r\n"
             "a OK Fetch completed.\r\n");
        says(&c, "b FETCH 1 (BODY.PEEK[HEADER.FIELDS.NOT (X)])",
             "* 1 FETCH (BODY[HEADER.FIELDS.NOT (X)] {14}\r\nSubject: x\r\n\r\n)\r\n"
             "b OK Fetch completed.\r\n");
        says(&c, "c FETCH 1 (BODY.PEEK[HEADER.FIELDS (Subject Received)])",
             "* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT RECEIVED)] {14}\r\nSubject: x\r\n\r\n)\r\n"
             "c OK Fetch completed.\r\n");
        assert_int_equal(fake.keeps, 0);
        assert_int_equal(fake.reads, 3);
        client_close(&c);
}

/* From the first "{" on: the literal, whatever the section is called. */
static struct slice literal_of(struct slice answer)
{
        return slice_from(answer, slice_find(answer, '{'));
}

/* Headers with all their oddities: a section of kept fields only, and the same with one more name that no
 * message has, for which the message is read. */
static void test_fields_as_from_the_message(void **state)
{
        static const char *const messages[] = {
                plain,
                "",
                "\n",
                "\r\nSubject: body\r\n",
                "subject:a\nSUBJECT : b\n folded\n\tmore\nX: y\nFrom: c\nno field\nSubject:\n\nSubject: "
                "body\n",
                "Subject: cr\r\nTo: x\nFrom:\r\n \r\n\r\nbody",
                " folded first\nSubject: s\n\n",
                "Subject: s\rbare\r\r\nTo: \xff\xfe\n\n",
                "From: unfinished",
                "From: unfinished\nTo: x\r",
                "From x@y Mon\nSubject: s\n\n",
        };
        static const char *const names[] = {"Subject", "FROM to", "Date Message-ID subject subject",
                                            "List-Id"};
        static const char *const partials[] = {"", "<0.5>", "<3.1000>", "<1000.1>"};
        struct client c;
        char command[200];
        client_open(&c);
        for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
                _cleanup_(buf_free) struct buf got = {0};
                fake_drop_cache();
                give(1, messages[i]);
                for (size_t k = 0; k < ARRAY_LEN(names) * ARRAY_LEN(partials); k++) {
                        const char *name = names[k % ARRAY_LEN(names)],
                                   *partial = partials[k / ARRAY_LEN(names)];
                        snprintf(command, sizeof(command), "a FETCH 1 BODY.PEEK[HEADER.FIELDS (%s)]%s", name,
                                 partial);
                        got.n = 0;
                        buf_append(&got, literal_of(fetches(&c, command)));
                        snprintf(command, sizeof(command), "a FETCH 1 BODY.PEEK[HEADER.FIELDS (%s X-No)]%s",
                                 name, partial);
                        fake.reads = 0;
                        assert_slice_equal(literal_of(fetches(&c, command)), buf_slice(&got));
                        assert_int_equal(fake.reads, 3);
                }
        }
        client_close(&c);
}

/* Too large to keep: it is read each time, but not tried to keep again. */
static void test_large_items(void **state)
{
        _cleanup_(buf_free) struct buf m = {0};
        struct client c;
        client_open(&c);
        buf_str(&m, "From: a@b\nReferences:");
        for (int i = 0; i < 1000; i++)
                buf_printf(&m, " <%d@references.example>\n", i);
        buf_str(&m, "To:");
        for (int i = 0; i < 1000; i++)
                buf_printf(&m, " reader%d@example.org,\n", i);
        buf_str(&m, "Subject: large\n\n");
        give(1, buf_cstr(&m));
        struct slice answer = fetches(&c, "a FETCH 1 (ENVELOPE BODY.PEEK[HEADER.FIELDS (References)])");
        assert_true(slice_find_slice(answer, SLICE("999@references.example")) < answer.n);
        assert_true(slice_find_slice(answer, SLICE("\"reader999\" \"example.org\"")) < answer.n);
        assert_int_equal(fake.keeps, 2); /* fetches() drops them once */
        assert_int_equal(fake.reads, 3);
        client_close(&c);
}

static void keep(unsigned kind, struct slice data)
{
        struct fake_kept *kept = &fake.boxes[0].kept[0][kind];
        kept->set = true;
        kept->data.n = 0;
        buf_append(&kept->data, data);
}

static void test_broken_items(void **state)
{
        static const struct slice items[] = {SLICE(""),
                                             SLICE("\x02"),
                                             SLICE("\x01\x04"),
                                             SLICE("\x01\x04\xff\xff\xff"),
                                             SLICE("\x01\x04\x01\x00\x00xy"),
                                             SLICE("\x01\xff\x01\x00\x00x"),
                                             SLICE("\x01\x04\x01\x00\x00x\x04\x09\x00\x00x")};
        struct client c;
        client_open(&c);
        for (size_t i = 0; i < ARRAY_LEN(items); i++) {
                keep(CACHED_FIELDS, items[i]);
                says(&c, "b FETCH 1 (BODY.PEEK[HEADER.FIELDS (Subject)])",
                     "* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {14}\r\nSubject: x\r\n\r\n)\r\n"
                     "b OK Fetch completed.\r\n");
        }
        client_close(&c);
}

static void check_note(const char *header, bool has_date, int64_t utc, int64_t day)
{
        uint64_t note = cached_note_of(header_iter(slice_of(header)));
        assert_true(cached_note_known(note));
        assert_int_equal(cached_note_has_date(note), has_date);
        if (has_date) {
                assert_int_equal(cached_note_utc(note), utc);
                assert_int_equal(cached_note_day(note), day);
        }
}

static void test_notes(void **state)
{
        assert_false(cached_note_known(0));
        assert_false(cached_note_has_date(0));
        assert_false(cached_note_known(UINT64_C(1) << 56)); /* written before invalid times were read */
        check_note("Subject: x\n\n", false, 0, 0);
        check_note("Date: soon\nDate: 1 Jan 2020 00:00 +0000\n\n", false, 0, 0);
        check_note(plain, true, 837595405, 9694);
        check_note("Date: 17 Jul 1996 24:00 -0700\n\n", true, 837586800, 9694); /* RFC 5256 section 2.2 */
        check_note("Date: 1 Jan 1970 00:00:00 +0000\n\n", true, 0, 0);
        check_note("Date: 1 Jan 1970 00:00:00 +2359\n\n", true, -86340, 0);
        check_note("Date: 31 Dec 1969 23:59:60 -2359\n\n", true, 86340, -1);
        check_note("Date: 1 Jan 1900 00:00:00 +0000\n\n", true, -INT64_C(2208988800), -25567);
        check_note("Date: 31 Dec 9999 23:59:59 +0000\n\n", true, INT64_C(253402300799), 2932896);
        /* in the order of days */
        assert_true(cached_note_of(header_iter(SLICE("Date: 1 Jan 1900 00:00 +0000\n"))) <
                    cached_note_of(header_iter(SLICE("Date: 2 Jan 1900 00:00 +2359\n"))));
        assert_true(CACHED_NO_DATE < cached_note_of(header_iter(SLICE("Date: 1 Jan 1900 00:00 -2359\n"))));
        struct client c;
        client_open(&c);
        give(1, plain);
        says(&c, "a FETCH 1 (BODY)",
             "* 1 FETCH (BODY (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 6 1))\r\n"
             "a OK Fetch completed.\r\n");
        assert_true(mailbox_note(&fake.boxes[0], 1) == cached_note_of(header_iter(slice_of(plain))));
        client_close(&c);
}

/* Pieces of two messages in turn: what is remembered of one is not used for the other. */
static void test_pieces(void **state)
{
        struct client c;
        client_open(&c);
        give(1, "A: 1\n\n1\n2\n3\n4\n");
        give(2, "B: 2\n\n5\n6\n7\n8\n");
        says(&c, "a FETCH 1:2 (BODY.PEEK[TEXT]<0.4>)",
             "* 1 FETCH (BODY[TEXT]<0> {4}\r\n1\r\n2)\r\n* 2 FETCH (BODY[TEXT]<0> {4}\r\n5\r\n6)\r\n"
             "a OK Fetch completed.\r\n");
        says(&c, "b FETCH 1:2 (BODY.PEEK[TEXT]<4.4>)",
             "* 1 FETCH (BODY[TEXT]<4> {4}\r\n\r\n3\r)\r\n* 2 FETCH (BODY[TEXT]<4> {4}\r\n\r\n7\r)\r\n"
             "b OK Fetch completed.\r\n");
        says(&c, "c FETCH 2 (BODY.PEEK[TEXT]<8.9>)",
             "* 2 FETCH (BODY[TEXT]<8> {4}\r\n\n8\r\n)\r\nc OK Fetch completed.\r\n");
        says(&c, "d FETCH 2 (BODY.PEEK[1]<9.1> BODY.PEEK[]<0.2> BODY.PEEK[1]<10.9>)",
             "* 2 FETCH (BODY[1]<9> {1}\r\n8 BODY[]<0> {2}\r\nB: BODY[1]<10> {2}\r\n\r\n)\r\n"
             "d OK Fetch completed.\r\n");
        client_close(&c);
}

static void test_seen(void **state)
{
        struct client c;
        client_open(&c);
        says(&c, "a FETCH 1 (BODY[HEADER.FIELDS (To)])",
             "* 1 FETCH (FLAGS (\\Seen) BODY[HEADER.FIELDS (TO)] {2}\r\n\r\n)\r\na OK Fetch completed.\r\n");
        assert_int_equal(fake.boxes[0].messages[0].flags.system, FLAG_SEEN);
        says(&c, "b UID FETCH 12 (BODY[HEADER.FIELDS (To)])",
             "* 2 FETCH (UID 12 FLAGS (\\Seen) BODY[HEADER.FIELDS (TO)] {2}\r\n\r\n)\r\nb OK Fetch "
             "completed.\r\n");
        client_close(&c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_short_items),
                cmocka_unit_test(test_what_is_known_is_not_read),
                cmocka_unit_test(test_bodies_fill_nothing),
                cmocka_unit_test(test_fields_as_from_the_message),
                cmocka_unit_test(test_large_items),
                cmocka_unit_test(test_broken_items),
                cmocka_unit_test(test_notes),
                cmocka_unit_test(test_pieces),
                cmocka_unit_test(test_seen),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
