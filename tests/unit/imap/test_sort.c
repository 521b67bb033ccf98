/* What SORT compares, and the order it gives. */

#include "../unit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "imap/base_subject.h"
#include "imap/sort_keys.h"
#include "imap/sort_table.h"
#include "mime/message_id.h"

static void assert_base(const char *subject, const char *want, bool want_reply)
{
        _cleanup_(arena_free) struct arena a = {};
        bool reply;
        struct slice got = base_subject(&a, slice_of(subject), &reply);

        if (!slice_eq(got, slice_of(want)) || reply != want_reply)
                fail_msg("%s: got \"%.*s\" %d, want \"%s\"", subject, SLICE_ARG(got), reply, want);
}

/* RFC 5256 sections 2.1 and 5. */
static void test_base_subject(void **state)
{
        assert_base("", "", false);
        assert_base("Lunch", "Lunch", false);
        assert_base("Re: Lunch", "Lunch", true);
        assert_base(" re :Lunch ", "Lunch", true);
        assert_base("FWD: fw: Re: Lunch", "Lunch", true);
        assert_base("Re[2]: Lunch", "Lunch", true);
        assert_base("Re [a b] : Lunch", "Lunch", true);
        assert_base("Re: Re", "Re", true);
        assert_base("Regards: Lunch", "Regards: Lunch", false);
        assert_base("[list] Lunch", "Lunch", false);
        assert_base("[list] Re: [other] Lunch (fwd)", "Lunch", true);
        assert_base("[a][b] [c]", "[c]", false);
        assert_base("[a]", "[a]", false);
        assert_base("Re: [a]", "[a]", true);
        assert_base("[a] Re:", "", true);
        assert_base("[a [b] Lunch", "[a [b] Lunch", false);
        assert_base("Lunch (FWD) (fwd) ", "Lunch", true);
        assert_base("(fwd)", "", true);
        assert_base("[fwd: Lunch]", "Lunch", true);
        assert_base("[Fwd: [fwd: Re: Lunch (fwd)]]", "Lunch", true);
        assert_base("[fwd:]", "", true);
        assert_base("[fwd: Lunch] and more", "and more", false);
        assert_base("[fwd: a] [fwd: b]", "b", true);
        assert_base("Re:", "", true);
        assert_base("two\t \tblanks\r\n and  folds", "two blanks and folds", false);
        assert_base("=?utf-8?q?Re=3A_caf=C3=A9?=", "caf\xc3\xa9", true);
        assert_base("=?utf-8?q?Re?= : Lunch", "Lunch", true);
        assert_base("Fwdd: Lunch", "Fwdd: Lunch", false);
}

/* As many artifacts as fit: the time grows with the bytes and not with their square. */
static void test_base_subject_long(void **state)
{
        static const char *const pieces[] = {"[a]",   "[a] re: ", "[fwd:", "re [",
                                             "(fwd)", "[",        "[]",    "re:[a]"};
        enum { SIZE = 300000 };
        _cleanup_(arena_free) struct arena a = {};
        bool reply;

        for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
                struct slice piece = slice_of(pieces[i]);
                char *text = arena_alloc(&a, SIZE + 1);

                for (size_t n = 0; n < SIZE; n++)
                        text[n] = piece.p[n % piece.n];
                base_subject(&a, slice_make(text, SIZE), &reply);
                text[SIZE - 1] = ']';
                base_subject(&a, slice_make(text, SIZE), &reply);
        }
}

static void assert_ids(const char *value, const char *want)
{
        _cleanup_(buf_free) struct buf id = {}, got = {};
        struct slice rest = slice_of(value);

        while (message_id_next(&rest, &id)) {
                buf_append(&got, buf_slice(&id));
                buf_char(&got, '|');
        }
        assert_slice_equal(buf_slice(&got), slice_of(want));
}

static void test_message_ids(void **state)
{
        assert_ids("<a@b>", "a@b|");
        assert_ids("<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>", "01KF8JCEOCBS0045PS@xxx.yyy.com|");
        assert_ids("<a@b><c@d>\r\n <e@f>", "a@b|c@d|e@f|");
        assert_ids("Your message of today <a@b> and <nobody>, <>", "a@b|");
        assert_ids(" < a @\r\n\tb > ", "a@b|");
        assert_ids("<\"a\\\"b\"@c>", "a\"b@c|");
        assert_ids("<\"a>b\"@c>", "a>b@c|");
        assert_ids("<a@[127.0.0.1]>", "a@[127.0.0.1]|");
        assert_ids("<a(comment)@b>", "a@b|");
        assert_ids("<a@b <c@d>", "c@d|");
        assert_ids("<@b> <a@> a@b <a", "");
        assert_ids("<a@b@c>", "a@b@c|");
}

static void keys_of(const char *header, struct buf *item, struct sort_keys *ret)
{
        item->n = 0;
        assert_int_equal(sort_keys_write(header_iter(slice_of(header)), item), 0);
        assert_int_equal(sort_keys_read(buf_slice(item), ret), 0);
}

static void test_keys(void **state)
{
        _cleanup_(buf_free) struct buf item = {};
        struct sort_keys k;

        keys_of("From: =?utf-8?q?J=C3=BCrgen?= <Jay@b>\nTo:\nTo: b@c, d@e\nCC: (x) y@z (Why)\n"
                "Subject: re: Caf\xc3\xa9\nSubject: other\nMessage-ID: <1@x>\nReferences: <a@b> <c@d>\n"
                "In-Reply-To: <z@z>\n\nbody",
                &item, &k);
        assert_slice_equal(k.texts[SORT_TEXT_SUBJECT], SLICE("CAFE\xcc\x81"));
        assert_true(k.reply);
        assert_slice_equal(k.texts[SORT_TEXT_FROM], SLICE("JAY"));
        assert_slice_equal(k.texts[SORT_TEXT_DISPLAYFROM], SLICE("JU\xcc\x88RGEN"));
        assert_slice_equal(k.texts[SORT_TEXT_TO], SLICE("B"));
        assert_slice_equal(k.texts[SORT_TEXT_DISPLAYTO], SLICE("B@C"));
        assert_slice_equal(k.texts[SORT_TEXT_CC], SLICE("Y"));
        assert_int_equal(sort_keys_references(&k), 2);
        assert_true(k.id == hash_bytes(SLICE("1@x"), 0));
        assert_true(sort_keys_reference(&k, 1) == hash_bytes(SLICE("c@d"), 0));

        /* RFC 5957 section 3: a group has a name and no host */
        keys_of("From: Friends: a@b;\nReferences: none\nIn-Reply-To: <a@b> <c@d>\n", &item, &k);
        assert_slice_equal(k.texts[SORT_TEXT_FROM], SLICE("FRIENDS"));
        assert_slice_equal(k.texts[SORT_TEXT_DISPLAYFROM], SLICE("FRIENDS"));
        assert_int_equal(sort_keys_references(&k), 1);
        assert_true(sort_keys_reference(&k, 0) == hash_bytes(SLICE("a@b"), 0));

        keys_of("X: y\n", &item, &k);
        for (size_t i = 0; i < SORT_TEXTS; i++)
                assert_int_equal(k.texts[i].n, 0);
        assert_true(k.id == 0 && !k.reply && sort_keys_references(&k) == 0);
}

static void test_keys_bounds(void **state)
{
        _cleanup_(buf_free) struct buf item = {}, header = {};
        struct sort_keys k;

        buf_str(&header, "Subject: ");
        for (int i = 0; i < 3000; i++)
                buf_char(&header, 'x');
        buf_str(&header, "\nReferences:");
        for (int i = 0; i < 5000; i++)
                buf_printf(&header, " <%d@x>", i);
        buf_str(&header, "\n");
        keys_of(buf_cstr(&header), &item, &k);
        assert_int_equal(k.texts[SORT_TEXT_SUBJECT].n, SORT_TEXT_MAX);
        assert_int_equal(sort_keys_references(&k), SORT_REFERENCES_MAX);
        assert_true(sort_keys_reference(&k, 0) == hash_bytes(SLICE("0@x"), 0));
        assert_true(sort_keys_reference(&k, 1) == hash_bytes(SLICE("4001@x"), 0));
        assert_true(sort_keys_reference(&k, SORT_REFERENCES_MAX - 1) == hash_bytes(SLICE("4999@x"), 0));
        for (size_t n = 0; n < item.n; n++)
                if (sort_keys_read(slice_head(buf_slice(&item), n), &k) == 0)
                        assert_true((item.n - n) % 8 == 0);
        assert_int_equal(sort_keys_read(SLICE(""), &k), -EBADMSG);
        buf_free(&header);
}

static int cmp_rows(const struct sort_order *orders, size_t n, const struct sort_value *a,
                    const struct sort_value *b)
{
        for (size_t i = 0; i < n; i++) {
                int c = orders[i].text ? slice_cmp(a[i].text, b[i].text)
                                       : (a[i].number > b[i].number) - (a[i].number < b[i].number);

                if (c)
                        return orders[i].reverse ? -c : c;
        }
        return 0;
}

/* Random tables against what the comparison of two rows says. */
static void test_table(void **state)
{
        enum { ROWS = 400, ORDERS = 3 };
        static char texts[ROWS][ORDERS][40];

        srand(5);
        for (int round = 0; round < 60; round++) {
                _cleanup_(sort_table_free) struct sort_table t = {.orders_n = ORDERS};
                struct sort_value rows[ROWS][ORDERS];
                uint32_t n = round < 3 ? (uint32_t)round : ROWS;

                for (size_t i = 0; i < ORDERS; i++)
                        t.orders[i] = (struct sort_order){.text = rand() % 3 > 0, .reverse = rand() % 2};
                for (uint32_t r = 0; r < n; r++) {
                        for (size_t i = 0; i < ORDERS; i++) {
                                size_t size = (size_t)(rand() % 5 * 8 + rand() % 3) % 40;

                                memset(texts[r][i], 'a', size);
                                if (size)
                                        texts[r][i][(size_t)rand() % size] = (char)(rand() % 3 ? 'a' : 0xc3);
                                rows[r][i] = (struct sort_value){(uint64_t)rand() % 4 << (rand() % 2 * 60),
                                                                 slice_make(texts[r][i], size)};
                        }
                        sort_table_add(&t, r, rows[r]);
                }
                sort_table_sort(&t);
                for (uint32_t p = 1; p < n; p++) {
                        uint32_t a = sort_table_at(&t, p - 1), b = sort_table_at(&t, p);
                        int c = cmp_rows(t.orders, ORDERS, rows[a], rows[b]);

                        assert_true(c < 0 || (c == 0 && a < b));
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_base_subject), cmocka_unit_test(test_base_subject_long),
                cmocka_unit_test(test_message_ids),  cmocka_unit_test(test_keys),
                cmocka_unit_test(test_keys_bounds),  cmocka_unit_test(test_table),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
