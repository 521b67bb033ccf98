#include "imap/search_return.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

/* What is said of the results `numbers` (sequence numbers; UIDs are ten times as much), and the UIDs of "$"
 * behind " $ ". */
static const char *told(struct imap_search asked, bool uid, const char *numbers, unsigned *ret_asked_of)
{
        static char text[1024];
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_(search_return_free) struct search_return r = {0};
        uint32_t found[32], n = 0;
        struct imap_set saved;
        struct conn conn;

        for (char *end; *numbers; numbers = end) {
                found[n++] = (uint32_t)strtoul(numbers, &end, 10);
                end += *end == ' ';
        }
        conn_init(&conn, -1, -1);
        search_return_begin(&r, &asked, uid, false);
        *ret_asked_of = 0;
        for (uint32_t i = 0; i < n; i++) {
                uint32_t seq = found[r.from_end ? n - 1 - i : i];

                ++*ret_asked_of;
                if (!search_return_add(&r, seq, seq * 10, 0))
                        break;
        }
        search_return_end(&r);
        search_return_respond(&r, &conn, SLICE("a"));
        if (asked.results & RETURN_SAVE) {
                saved = search_return_saved(&r, &arena);
                conn_puts(&conn, "$ ");
                search_return_write_set(&conn, &saved);
        }
        snprintf(text, sizeof(text), "%.*s", (int)conn.out.n, conn.out.p);
        conn_free(&conn);
        return text;
}

#define NUMBERS "2 3 4 7 9 10"

static void options(void **state)
{
        static const struct {
                unsigned results;
                struct imap_partial partial;
                const char *want;
                unsigned asked_of; /* results that had to be looked for */
        } rows[] = {
                {RETURN_MIN, {}, "* ESEARCH (TAG \"a\") MIN 2\r\n", 1},
                {RETURN_MAX, {}, "* ESEARCH (TAG \"a\") MAX 10\r\n", 1},
                {RETURN_MIN | RETURN_MAX, {}, "* ESEARCH (TAG \"a\") MIN 2 MAX 10\r\n", 6},
                {RETURN_ALL, {}, "* ESEARCH (TAG \"a\") ALL 2:4,7,9:10\r\n", 6},
                {RETURN_COUNT, {}, "* ESEARCH (TAG \"a\") COUNT 6\r\n", 6},
                {RETURN_MIN | RETURN_COUNT, {}, "* ESEARCH (TAG \"a\") MIN 2 COUNT 6\r\n", 6},
                {RETURN_PARTIAL, {false, 2, 4}, "* ESEARCH (TAG \"a\") PARTIAL (2:4 3:4,7)\r\n", 4},
                {RETURN_PARTIAL, {false, 4, 2}, "* ESEARCH (TAG \"a\") PARTIAL (4:2 3:4,7)\r\n", 4},
                {RETURN_PARTIAL, {false, 5, 50}, "* ESEARCH (TAG \"a\") PARTIAL (5:50 9:10)\r\n", 6},
                {RETURN_PARTIAL, {false, 7, 8}, "* ESEARCH (TAG \"a\") PARTIAL (7:8 NIL)\r\n", 6},
                {RETURN_PARTIAL, {true, 1, 3}, "* ESEARCH (TAG \"a\") PARTIAL (-1:-3 7,9:10)\r\n", 3},
                {RETURN_PARTIAL, {true, 5, 9}, "* ESEARCH (TAG \"a\") PARTIAL (-5:-9 2:3)\r\n", 6},
                {RETURN_PARTIAL, {true, 7, 9}, "* ESEARCH (TAG \"a\") PARTIAL (-7:-9 NIL)\r\n", 6},
                {RETURN_PARTIAL | RETURN_MAX,
                 {true, 2, 3},
                 "* ESEARCH (TAG \"a\") MAX 10 PARTIAL (-2:-3 7,9)\r\n",
                 3},
                {RETURN_PARTIAL | RETURN_MIN,
                 {true, 2, 3},
                 "* ESEARCH (TAG \"a\") MIN 2 PARTIAL (-2:-3 7,9)\r\n",
                 6},
                {RETURN_PARTIAL | RETURN_COUNT,
                 {true, 6, 9},
                 "* ESEARCH (TAG \"a\") PARTIAL (-6:-9 2) COUNT 6\r\n",
                 6},
                {RETURN_ALL | RETURN_RELEVANCY,
                 {},
                 "* ESEARCH (TAG \"a\") ALL 2:4,7,9:10 RELEVANCY (100 100 100 100 100 100)\r\n",
                 6},
                {RETURN_UPDATE | RETURN_MIN, {}, "* ESEARCH (TAG \"a\") MIN 2\r\n", 6},
                {RETURN_SAVE, {}, "$ 20,30,40,70,90,100", 6},
                {RETURN_SAVE | RETURN_MIN, {}, "* ESEARCH (TAG \"a\") MIN 2\r\n$ 20", 1},
                {RETURN_SAVE | RETURN_MAX, {}, "* ESEARCH (TAG \"a\") MAX 10\r\n$ 100", 1},
                {RETURN_SAVE | RETURN_MIN | RETURN_MAX,
                 {},
                 "* ESEARCH (TAG \"a\") MIN 2 MAX 10\r\n$ 20,100",
                 6},
                {RETURN_SAVE | RETURN_MIN | RETURN_COUNT,
                 {},
                 "* ESEARCH (TAG \"a\") MIN 2 COUNT 6\r\n$ 20,30,40,70,90,100",
                 6},
                {RETURN_SAVE | RETURN_PARTIAL,
                 {true, 1, 2},
                 "* ESEARCH (TAG \"a\") PARTIAL (-1:-2 9:10)\r\n$ 90,100",
                 2},
                {RETURN_SAVE | RETURN_PARTIAL | RETURN_MIN,
                 {true, 1, 2},
                 "* ESEARCH (TAG \"a\") MIN 2 PARTIAL (-1:-2 9:10)\r\n$ 20,90,100",
                 6},
                {RETURN_SAVE | RETURN_PARTIAL | RETURN_COUNT,
                 {false, 1, 2},
                 "* ESEARCH (TAG \"a\") PARTIAL (1:2 2:3) COUNT 6\r\n$ 20,30,40,70,90,100",
                 6},
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                unsigned asked_of;

                assert_string_equal(told((struct imap_search){.extended = true,
                                                              .results = rows[i].results,
                                                              .partial = rows[i].partial},
                                         false, NUMBERS, &asked_of),
                                    rows[i].want);
                assert_int_equal(asked_of, rows[i].asked_of);
        }
}

/* RFC 4731 section 3.1: without results only COUNT and PARTIAL say something. */
static void nothing_found(void **state)
{
        unsigned asked_of;

        assert_string_equal(
                told((struct imap_search){.results = RETURN_MIN | RETURN_MAX | RETURN_ALL | RETURN_COUNT},
                     true, "", &asked_of),
                "* ESEARCH (TAG \"a\") UID COUNT 0\r\n");
        assert_string_equal(
                told((struct imap_search){.results = RETURN_PARTIAL | RETURN_SAVE, .partial = {true, 1, 1}},
                     true, "", &asked_of),
                "* ESEARCH (TAG \"a\") UID PARTIAL (-1:-1 NIL)\r\n$ ");
}

static void uids(void **state)
{
        unsigned asked_of;

        assert_string_equal(
                told((struct imap_search){.results = RETURN_MAX | RETURN_ALL}, true, "1 2", &asked_of),
                "* ESEARCH (TAG \"a\") UID MAX 20 ALL 10,20\r\n");
}

/* RFC 5267 section 3.2: a range ascends; sorted results that descend are told one by one. */
static void sorted(void **state)
{
        static const uint32_t order[] = {5, 4, 8, 9, 10, 1};
        const struct imap_search asked = {.results = RETURN_MIN | RETURN_MAX | RETURN_ALL | RETURN_SAVE};
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_(search_return_free) struct search_return r = {0};
        struct imap_set saved;
        struct conn conn;

        conn_init(&conn, -1, -1);
        search_return_begin(&r, &asked, false, true);
        for (size_t i = 0; i < ARRAY_LEN(order); i++)
                assert_true(search_return_add(&r, order[i], order[i], 0));
        search_return_end(&r);
        search_return_respond(&r, &conn, SLICE("s"));
        saved = search_return_saved(&r, &arena);
        search_return_write_set(&conn, &saved);
        assert_true(slice_eq(buf_slice(&conn.out),
                             SLICE("* ESEARCH (TAG \"s\") MIN 5 MAX 1 ALL 5,4,8:10,1\r\n1,4,5,8:10")));
        conn_free(&conn);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(options),
                cmocka_unit_test(nothing_found),
                cmocka_unit_test(uids),
                cmocka_unit_test(sorted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
