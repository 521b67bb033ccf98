/* What SEARCH keeps of a header, and what it asks of the index: neither may change an answer. */

#include "../unit.h"

#include "search_mail.h"

static void test_keys_entries(void **state)
{
        struct slice header =
                SLICE("from: A@b\nSubject: =?utf-8?q?caf=C3=A9?=\r\nX: y\nFROM:\n c\n\nTo: body\n");
        struct buf item = {};
        struct slice value;
        size_t at = 0;

        assert_int_equal(search_keys_write(header_iter(header), &item), 0);
        assert_int_equal(search_keys_next(buf_slice(&item), SEARCH_KEY_FROM, &at, &value), 1);
        assert_true(slice_eq(value, SLICE("A@B")));
        assert_int_equal(search_keys_next(buf_slice(&item), SEARCH_KEY_FROM, &at, &value), 1);
        assert_true(slice_eq(value, SLICE("C")));
        assert_int_equal(search_keys_next(buf_slice(&item), SEARCH_KEY_FROM, &at, &value), 0);
        assert_int_equal(search_keys_match(buf_slice(&item), SEARCH_KEY_SUBJECT, SLICE("CAF")), 1);
        assert_int_equal(search_keys_match(buf_slice(&item), SEARCH_KEY_SUBJECT, SLICE("caf")), 0);
        assert_int_equal(search_keys_match(buf_slice(&item), SEARCH_KEY_TO, SLICE("")), 0);
        assert_int_equal(search_keys_match(buf_slice(&item), SEARCH_KEY_FROM, SLICE("")), 1);
        buf_free(&item);
        /* a header without any of them is something that is known, too */
        assert_int_equal(search_keys_write(header_iter(SLICE("X: y\n\n")), &item), 0);
        assert_true(item.n > 0);
        assert_int_equal(search_keys_match(buf_slice(&item), SEARCH_KEY_TO, SLICE("")), 0);
        assert_int_equal(search_keys_match(SLICE(""), SEARCH_KEY_TO, SLICE("x")), -EBADMSG);
        buf_free(&item);
}

/* Random headers and keys: the kept item, the message itself, and an item cut anywhere say the same. */
static void test_keys_same(void **state)
{
        static const char *const pieces[] = {
                "From: ",
                "to:",
                "CC : ",
                "Bcc:",
                "Subject: ",
                "subject:",
                "X-Other: ",
                "Date: ",
                "abc",
                "ABC d",
                "\n ",
                "\r\n\t",
                "\n",
                "\r\n",
                "\xc3\xa4",
                "\xc3\x84",
                "\xff",
                "=?utf-8?q?=C3=A4bc?=",
                "=?utf-8?b?w4Q=?=",
                "=?x?q?b?=",
                "  ",
                "\r",
                "\n\n",
        };
        static const char *const keys[] = {
                "FROM abc",
                "TO {2+}\r\n\xc3\xa4",
                "CC \"\"",
                "BCC b",
                "SUBJECT {3+}\r\n\xc3\x84 ",
                "NOT FROM abc",
                "OR FROM b TO abc",
                "SUBJECT \"\"",
                "FROM a FROM d",
                "NOT (SUBJECT abc CC \" \")",
                "HEADER X-Other abc OR TO a HEADER Subject \"c d\"",
        };

        srand(11);
        for (int round = 0; round < 3000; round++) {
                char text[512];
                size_t n = 0;
                struct buf item = {};

                for (int i = rand() % 16; i >= 0; i--) {
                        const char *piece = pieces[(size_t)rand() % ARRAY_LEN(pieces)];

                        memcpy(text + n, piece, strlen(piece));
                        n += strlen(piece);
                }
                assert_int_equal(search_keys_write(header_iter(slice_make(text, n)), &item), 0);
                for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                        struct asked kept = {.text = slice_make(text, n), .kept = buf_slice(&item)};
                        struct asked none = {.text = slice_make(text, n), .kept = SLICE("")};
                        struct asked broken = {.text = slice_make(text, n), .kept = buf_slice(&item)};
                        struct search_message of_kept = message(&kept), of_none = message(&none);
                        struct search_message of_broken = message(&broken);
                        int want = match(&of_none, keys[i]);

                        assert_int_equal(match(&of_kept, keys[i]), want);
                        assert_int_equal(kept.texts, 0);
                        /* bytes of it that are not right may give another answer, but no worse */
                        broken.kept.n = (size_t)rand() % (item.n + 1);
                        assert_true(match(&of_broken, keys[i]) >= 0);
                }
                buf_free(&item);
        }
}

static int compare(const struct search *search, const struct message *rows, uint32_t seq, size_t n)
{
        uint64_t mask = search_filter(search, seq, rows, n);
        int found = 0;

        assert_true(n == SEARCH_BATCH || mask >> n == 0);
        for (size_t i = 0; i < n; i++) {
                struct asked a = {.text = SLICE("Subject: abc\n\n")};
                struct search_message m = message(&a);
                int want;

                m.seq = seq + (uint32_t)i;
                m.uid = rows[i].uid;
                m.flags = (uint8_t)(rows[i].flags.system | (rows[i].recent ? IMAP_FLAG_RECENT : 0));
                m.keywords = rows[i].flags.keywords;
                want = !rows[i].gone && search_match((struct search *)(uintptr_t)search, &m) == 1;
                if (search_is_filter(search))
                        assert_int_equal(mask >> i & 1, want);
                else
                        assert_true(!want || mask >> i & 1);
                found += want;
                buf_free(&a.keys);
        }
        return found;
}

/* Many at a time is the same as one after the other. */
static void test_filter_same(void **state)
{
        static const char *const keys[] = {
                "ALL",
                "UNSEEN",
                "NOT DELETED",
                "NEW",
                "OLD",
                "RECENT",
                "KEYWORD $Forwarded",
                "UNKEYWORD $Forwarded",
                "KEYWORD never",
                "UNKEYWORD never",
                "3:70",
                "1,5:7,9,64:66,90:*",
                "UID 1:100,150:155,300:*",
                "UID 7 2:9",
                "OR SEEN FLAGGED",
                "NOT (OR SEEN 10:20)",
                "OR (SEEN 5:80) (UID 100:200 NOT FLAGGED)",
                "SEEN SUBJECT abc",
                "OR SEEN SUBJECT abc",
                "NOT (SEEN SUBJECT abc)",
                "NOT (NOT (UNSEEN SUBJECT x) 5:*)",
        };

        srand(5);
        for (int round = 0; round < 40; round++) {
                struct message rows[SEARCH_BATCH] = {};
                uint32_t uid = (uint32_t)rand() % 20, seq = 1 + (uint32_t)rand() % 30;
                size_t n = 1 + (size_t)rand() % SEARCH_BATCH;

                for (size_t i = 0; i < n; i++) {
                        uid += 1 + (uint32_t)rand() % 4;
                        rows[i] = (struct message){.uid = uid,
                                                   .flags = {.system = (uint8_t)(rand() & FLAG_ALL),
                                                             .keywords = (uint64_t)(rand() & 1) << 40},
                                                   .recent = rand() % 3 == 0,
                                                   .gone = rand() % 9 == 0};
                }
                for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                        struct arena arena = {};
                        struct search *search = NULL;

                        assert_int_equal(make(&arena, slice_of(keys[i]), &search), 0);
                        compare(search, rows, seq, n);
                        search_free(&search);
                        arena_free(&arena);
                }
        }
}

static void test_search_set(void **state)
{
        struct arena arena = {};
        struct search *search = NULL;
        const struct imap_set *set;
        size_t n;
        bool uid = false;

        assert_int_equal(make(&arena, SLICE("1:5 UID 20,22 UNSEEN HEADER X-A b HEADER To c"), &search), 0);
        set = search_set(search, &uid);
        assert_true(uid);
        assert_int_equal(set->n, 2);
        assert_int_equal(set->ranges[1].low, 22);
        assert_true(slice_eq(search_headers(search, &n)[0], SLICE("X-A")));
        assert_int_equal(n, 1);
        search_free(&search);
        assert_int_equal(make(&arena, SLICE("OR 1:5 UNSEEN NOT 3"), &search), 0);
        assert_null(search_set(search, &uid));
        search_free(&search);
        arena_free(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_keys_entries),
                cmocka_unit_test(test_keys_same),
                cmocka_unit_test(test_filter_same),
                cmocka_unit_test(test_search_set),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
