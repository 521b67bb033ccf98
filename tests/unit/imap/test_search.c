/* SEARCH keys against messages given as texts: the command goes through the parser, the message is a struct.
 */

#include "../unit.h"

#include "search_mail.h"

static void test_search_sets(void **state)
{
        FINDS("5");
        FINDS("1:5");
        FINDS("7,5:6,1");
        FINDS("*:1");
        FINDS("1:3,2:8,20:30");
        MISSES("1:4,6:9");
        MISSES("*");
        MISSES("10:20");
        FINDS("UID 50");
        FINDS("UID 1:*");
        MISSES("UID 51:*");
        FINDS("NOT UID 51:*");
        MISSES("UID 1:49,51:90");
        FINDS("1:* UID 50 NOT 4");
}

/* "*" is the last message, even where the other end is above it. */
static void test_search_star(void **state)
{
        struct asked a = {};
        struct search_message m = message(&a);

        m.seq = 9;
        m.uid = 90;
        assert_int_equal(match(&m, "*"), 1);
        assert_int_equal(match(&m, "4000:*"), 1);
        assert_int_equal(match(&m, "UID 4000:*"), 1);
        assert_int_equal(match(&m, "UID *"), 1);
        m.seq = 8;
        m.uid = 89;
        assert_int_equal(match(&m, "4000:*"), 0);
        assert_int_equal(match(&m, "UID 4000:*"), 0);
}

static void test_search_flags(void **state)
{
        struct asked a = {};
        struct search_message m = message(&a);

        m.flags = IMAP_FLAG_SEEN | IMAP_FLAG_FLAGGED | IMAP_FLAG_RECENT;
        m.keywords = UINT64_C(1) << 40;
        static const char *const yes[] = {"ALL",
                                          "SEEN",
                                          "FLAGGED",
                                          "RECENT",
                                          "UNANSWERED",
                                          "UNDELETED",
                                          "UNDRAFT",
                                          "KEYWORD $forwarded",
                                          "UNKEYWORD nobody",
                                          "NOT NEW",
                                          "NOT OLD",
                                          "OR DELETED SEEN",
                                          "(SEEN (FLAGGED) RECENT)",
                                          "NOT (SEEN DELETED)"};
        static const char *const no[] = {"UNSEEN",
                                         "UNFLAGGED",
                                         "OLD",
                                         "NEW",
                                         "ANSWERED",
                                         "DELETED",
                                         "DRAFT",
                                         "UNKEYWORD $Forwarded",
                                         "KEYWORD nobody",
                                         "SEEN DELETED",
                                         "OR DELETED DRAFT",
                                         "NOT SEEN",
                                         "NOT (OR SEEN DELETED)"};

        for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
                assert_int_equal(match(&m, yes[i]), 1);
        for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
                assert_int_equal(match(&m, no[i]), 0);
        m.flags = IMAP_FLAG_RECENT;
        assert_int_equal(match(&m, "NEW"), 1);
        assert_int_equal(a.texts + a.sizes + a.dates, 0);
}

static void test_search_dates(void **state)
{
        FINDS("ON 18-Feb-2001");
        MISSES("ON 19-Feb-2001");
        FINDS("SINCE 18-Feb-2001");
        MISSES("SINCE 19-Feb-2001");
        FINDS("BEFORE 19-Feb-2001");
        MISSES("BEFORE 18-Feb-2001");
        FINDS("SINCE 31-Dec-2000 BEFORE 1-Mar-2001");
        /* the Date field's own day, though it is the 2nd in UTC */
        FINDS("SENTON 1-Jan-2001");
        MISSES("SENTON 2-Jan-2001");
        FINDS("SENTSINCE 1-Jan-2001");
        MISSES("SENTSINCE 2-Jan-2001");
        FINDS("SENTBEFORE 2-Jan-2001");
        MISSES("SENTBEFORE 1-Jan-2001");
        assert_matches(SLICE("Subject: no date\n\n"), "SENTBEFORE 1-Jan-2030", 0);
        assert_matches(SLICE("Date: yesterday\n\n"), "NOT SENTSINCE 1-Jan-1980", 1);
        assert_matches(SLICE("Date: 1 Jan 2001 24:00 +0000\n\n"), "SENTON 1-Jan-2001 SENTBEFORE 2-Jan-2001",
                       1);
}

/* INTERNALDATE counts in the server's zone. */
static void test_search_zone(void **state)
{
        setenv("TZ", "XYZ-13", 1);
        tzset();
        FINDS("ON 19-Feb-2001");
        MISSES("ON 18-Feb-2001");
        setenv("TZ", "UTC", 1);
        tzset();
}

static void test_search_size(void **state)
{
        assert_matches(SLICE("1234567890"), "LARGER 9", 1);
        assert_matches(SLICE("1234567890"), "LARGER 10", 0);
        assert_matches(SLICE("1234567890"), "SMALLER 11", 1);
        assert_matches(SLICE("1234567890"), "SMALLER 10", 0);
}

static void test_search_header(void **state)
{
        FINDS("FROM jane");
        FINDS("FROM \"doe, JANE\"");
        FINDS("TO {9+}\r\nfran\xc3\xa7ois");
        FINDS("TO {9+}\r\nFRAN\xc3\x87OIS");
        MISSES("TO francois");
        FINDS("SUBJECT {5+}\r\nCAF\xc3\x89");
        FINDS("CHARSET ISO-8859-1 SUBJECT {4+}\r\ncaf\xe9");
        /* over the fold, with the blanks as they are */
        FINDS("SUBJECT {13+}\r\ncaf\xc3\xa9 au lait");
        FINDS("SUBJECT \"lait  twice\"");
        MISSES("SUBJECT \"lait twice\"");
        MISSES("SUBJECT nestedsubject");
        MISSES("SUBJECT twice2");
        FINDS("HEADER x-empty \"\"");
        FINDS("HEADER Date \"\"");
        MISSES("HEADER X-Absent \"\"");
        MISSES("HEADER X-Empty x");
        MISSES("HEADER X-Part \"\"");
        FINDS("HEADER content-type multipart");
        FINDS("NOT CC x NOT BCC \"\"");
        FINDS("OR CC x SUBJECT twice");
}

static void test_search_body(void **state)
{
        FINDS("BODY \"soft break\"");
        FINDS("BODY {6+}\r\nNA\xc3\x8fVE");
        FINDS("BODY {11+}\r\nve\r\nnext st");
        FINDS("BODY nestedbody");
        MISSES("BODY \"</b>\"");
        FINDS("BODY \"\"");
        MISSES("BODY bmVzdGVkYm9keTwvYj4");
        MISSES("BODY appdata");
        MISSES("BODY preamble");
        MISSES("BODY epilogue");
        MISSES("BODY parthdr");
        MISSES("BODY nestedsubject");
        MISSES("BODY jane");
        MISSES("BODY content-type");
        assert_matches(SLICE("Subject: x\n\none\ntwo\n"), "BODY {8+}\r\none\r\ntwo", 1);
        assert_matches(
                SLICE("Content-Type: text/HTML; charset=iso-8859-1\n\n<p>Sch&ouml;ne <b>Gr</b>\xfc&szlig;e\n"
                      "aus<!-- no --><style>p {}</style></p>"),
                "BODY {19+}\r\nsch\xc3\xb6ne gr\xc3\xbc\xc3\x9f"
                "e aus NOT BODY style NOT BODY no",
                1);
        assert_matches(SLICE("Content-Type: text/plain\n\n<b>&amp;</b>"), "BODY \"<b>&amp;\"", 1);
        /* not over the end of a part */
        MISSES("BODY {4+}\r\ne\r\n<");
        FINDS("OR BODY appdata BODY nestedbody");
        FINDS("NOT BODY appdata BODY nestedbody");
}

static void test_search_text(void **state)
{
        FINDS("TEXT jane");
        FINDS("TEXT \"subject: caf\"");
        FINDS("TEXT \"X-PART: parthdr\"");
        FINDS("TEXT nestedsubject");
        FINDS("TEXT nestedbody");
        FINDS("TEXT \"\"");
        MISSES("TEXT appdata");
        MISSES("TEXT epilogue");
        /* not over the end of a header line */
        MISSES("TEXT \"jane@example.org>to\"");
        FINDS("TEXT jane BODY nestedbody NOT BODY jane");
}

/* Messages that are none, or end anywhere. */
static void test_search_broken(void **state)
{
        struct slice cut = SLICE(mail);

        assert_matches(SLICE(""), "NOT TEXT x NOT BODY x NOT SUBJECT x NOT SENTON 1-Jan-2001", 1);
        assert_matches(SLICE("\n"), "TEXT x", 0);
        assert_matches(SLICE("no header at all"), "TEXT \"header at\"", 1);
        assert_matches(SLICE("Subject: =?x?=\xff\n\n\xff\xfe bytes"), "SUBJECT \"=?x?=\" BODY bytes", 1);
        for (size_t n = 0; n < cut.n; n++) {
                struct asked a = {.text = slice_head(cut, n)};
                struct search_message m = message(&a);

                assert_int_equal(match(&m, "TEXT no-such-text"), 0);
        }
}

/* A phrase may lie anywhere in a body that is decoded piece by piece, with a character cut by the piece's
 * end. */
static void test_search_pieces(void **state)
{
        static const char head[] = "Content-Type: text/plain; charset=utf-8\n\n";
        enum { BODY = 100 * 1024 };
        static const char phrase[] = "n\xc3\xa4"
                                     "del im H\xc3\xa4ufchen";
        char *text = malloc(sizeof(head) + BODY);

        for (size_t at = 32 * 1024 - 24; at < 32 * 1024 + 4; at++) {
                memcpy(text, head, sizeof(head) - 1);
                memset(text + sizeof(head) - 1, 'n', BODY);
                memcpy(text + sizeof(head) - 1 + at, phrase, sizeof(phrase) - 1);
                assert_matches(slice_make(text, sizeof(head) - 1 + BODY),
                               "BODY {19+}\r\nN\xc3\x84"
                               "del im h\xc3\xa4UFchen",
                               1);
        }
        assert_matches(slice_make(text, sizeof(head) - 1 + BODY), "BODY \"im H aufchen\"", 0);
        free(text);
}

/* The cheap keys first, each thing asked for once, and not at all when the answer is known. */
static void test_search_cost(void **state)
{
        static const struct {
                const char *keys;
                int want, sizes, dates, texts;
        } rows[] = {
                {"TEXT jane LARGER 1 SUBJECT x SINCE 1-Jan-2001 SEEN", 0, 0, 0, 0},
                {"OR TEXT jane UNSEEN", 1, 0, 0, 0},
                {"NOT (TEXT jane SEEN)", 1, 0, 0, 0},
                {"(TEXT jane) NOT (TEXT jane) SEEN", 0, 0, 0, 0},
                {"TEXT jane LARGER 1 BEFORE 1-Jan-2001", 0, 0, 1, 0},
                {"TEXT jane LARGER 1000000", 0, 1, 0, 0},
                {"TEXT jane BODY nestedbody FROM jane SENTON 1-Jan-2001 LARGER 1 SMALLER 9999", 1, 1, 0, 1},
                {"ON 18-Feb-2001 SINCE 18-Feb-2001 TEXT \"\" BODY \"\"", 1, 0, 1, 0},
                {"OR BODY nowhere OR BODY nestedbody TEXT jane", 1, 0, 0, 1},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct arena arena = {};
                struct asked a = {.text = SLICE(mail), .size = sizeof(mail) - 1, .date = 982497600};
                struct search_message m = message(&a);
                struct search *search = NULL;

                assert_int_equal(make(&arena, slice_of(rows[i].keys), &search), 0);
                assert_int_equal(search_match(search, &m), rows[i].want);
                assert_int_equal(a.sizes, rows[i].sizes);
                assert_int_equal(a.dates, rows[i].dates);
                assert_int_equal(a.texts, rows[i].texts);
                buf_free(&a.keys);
                search_free(&search);
                arena_free(&arena);
        }
}

/* One search goes over many messages: nothing of one is left for the next. */
static void test_search_next_message(void **state)
{
        static const char *const keys[] = {"SUBJECT twice", "BODY nestedbody", "SENTON 1-Jan-2001",
                                           "LARGER 500", "SINCE 1-Jan-2001"};

        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
                struct arena arena = {};
                struct search *search = NULL;
                struct asked first = {.text = SLICE(mail), .size = 1000, .date = 982497600};
                struct asked second = {.text = SLICE("Subject: other\n\nbody\n"), .size = 10, .date = 0};
                struct search_message m = message(&first), n = message(&second);

                assert_int_equal(make(&arena, slice_of(keys[i]), &search), 0);
                assert_int_equal(search_match(search, &m), 1);
                assert_int_equal(search_match(search, &n), 0);
                assert_int_equal(search_match(search, &m), 1);
                buf_free(&first.keys);
                buf_free(&second.keys);
                search_free(&search);
                arena_free(&arena);
        }
}

static void test_search_errors(void **state)
{
        struct arena arena = {};
        struct search *search = NULL;
        struct asked a = {.error = -EIO};
        struct search_message m = message(&a);

        assert_int_equal(match(&m, "NOT TEXT x"), -EIO);
        assert_int_equal(match(&m, "OR SUBJECT x SEEN"), -EIO);
        assert_int_equal(match(&m, "LARGER 1"), -EIO);
        assert_int_equal(match(&m, "ON 1-Jan-2001"), -EIO);
        assert_int_equal(make(&arena, SLICE("CHARSET X-NONE ALL"), &search), -ENOENT);
        assert_int_equal(make(&arena, SLICE("SUBJECT {1+}\r\n\xff"), &search), -EILSEQ);
        assert_int_equal(make(&arena, SLICE("CHARSET UTF-8 TEXT {2+}\r\n\xc3\x28"), &search), -EILSEQ);
        assert_null(search);
        buf_free(&a.keys);
        arena_free(&arena);
}

static void test_search_limit(void **state)
{
        struct arena arena = {};
        struct search *search = NULL;
        char keys[(SEARCH_MAX_TEXTS + 1) * 7 + 1];

        for (int i = 0; i <= SEARCH_MAX_TEXTS; i++)
                memcpy(keys + i * 7, "BODY x ", 7);
        assert_int_equal(make(&arena, slice_make(keys, SEARCH_MAX_TEXTS * 7 - 1), &search), 0);
        search_free(&search);
        assert_int_equal(make(&arena, slice_make(keys, sizeof(keys) - 2), &search), -E2BIG);
        arena_free(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_search_sets),         cmocka_unit_test(test_search_star),
                cmocka_unit_test(test_search_flags),        cmocka_unit_test(test_search_dates),
                cmocka_unit_test(test_search_zone),         cmocka_unit_test(test_search_size),
                cmocka_unit_test(test_search_header),       cmocka_unit_test(test_search_body),
                cmocka_unit_test(test_search_text),         cmocka_unit_test(test_search_broken),
                cmocka_unit_test(test_search_pieces),       cmocka_unit_test(test_search_cost),
                cmocka_unit_test(test_search_next_message), cmocka_unit_test(test_search_errors),
                cmocka_unit_test(test_search_limit),
        };
        setenv("TZ", "UTC", 1);
        tzset();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
