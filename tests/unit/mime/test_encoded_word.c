#include "../unit.h"

#include "mime/encoded_word.h"

#include "base/utf8.h"

static void assert_decoded(const char *value, const char *want)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct slice got = encoded_word_decode(&a, slice_of(value));
        if (!slice_eq(got, slice_of(want)))
                fail_msg("%s\n  got  %.*s\n  want %s", value, SLICE_ARG(got), want);
        assert_true(utf8_valid(got));
}

/* RFC 2047 section 8 */
static void test_rfc_examples(void **state)
{
        assert_decoded("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>");
        assert_decoded("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>",
                       "Keld J\xc3\xb8rn Simonsen <keld@dkuug.dk>");
        assert_decoded("=?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.ac.be>",
                       "Andr\xc3\xa9 Pirard <PIRARD@vm1.ulg.ac.be>");
        assert_decoded("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n "
                       "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
                       "If you can read this you understand the example.");
        assert_decoded(
                "=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=",
                "\xd7\x9d\xd7\x95\xd7\x9c\xd7\xa9 \xd7\x9f\xd7\x91 \xd7\x99\xd7\x9c\xd7\x98\xd7\xa4\xd7\xa0");
        assert_decoded("(=?ISO-8859-1?Q?a?=)", "(a)");
        assert_decoded("(=?ISO-8859-1?Q?a?= b)", "(a b)");
        assert_decoded("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)");
        assert_decoded("(=?ISO-8859-1?Q?a?=  \r\n   =?ISO-8859-1?Q?b?=)", "(ab)");
        assert_decoded("(=?ISO-8859-1?Q?a_b?=)", "(a b)");
        assert_decoded("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)");
        /* RFC 2231 section 5 */
        assert_decoded("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore");
}

static void test_cut_characters(void **state)
{
        assert_decoded("=?utf-8?q?=E2=82?= =?UTF-8?q?=AC?=", "\xe2\x82\xac");
        assert_decoded("=?utf-8?b?4oI=?= =?utf-8?q?=AC?= x", "\xe2\x82\xac x");
        assert_decoded("=?utf-8?q?=E2=82?= x", "\xef\xbf\xbd x");
        assert_decoded("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac");
        assert_decoded("=?gb2312?B?1tA=?= =?gb2312?B?zsQ=?=", "\xe4\xb8\xad\xe6\x96\x87");
}

static void test_kept(void **state)
{
        assert_decoded("plain text", "plain text");
        assert_decoded(" fol\r\n ded ", "fol ded");
        assert_decoded("=?nowhere?q?a?= =?nowhere?q?b?=", "=?nowhere?q?a?= =?nowhere?q?b?=");
        assert_decoded("=?utf-8?q?a?= =?nowhere?q?b?= =?utf-8?q?c?=", "a =?nowhere?q?b?= c");
        assert_decoded("=?utf-8?x?a?=", "=?utf-8?x?a?=");
        assert_decoded("=?utf-8?q?a", "=?utf-8?q?a");
        assert_decoded("=?utf-8?q?a? =", "=?utf-8?q?a? =");
        assert_decoded("=?", "=?");
        assert_decoded("=??q?a?=", "=??q?a?=");
        assert_decoded("a =?utf-8?q?"
                       "?= b",
                       "a  b");
        assert_decoded("=?utf-8?q?=4?= =?utf-8?q?=zz=?=", "=4=zz=");
        assert_decoded("x=?utf-8?q?y?=z", "xyz");
        assert_decoded("=?utf-8?q?a?=\t b", "a\t b");
}

static void test_bytes(void **state)
{
        assert_decoded("caf\xc3\xa9", "caf\xc3\xa9");
        assert_decoded("caf\xe9 =?utf-8?q?=C3=A9?=", "caf\xef\xbf\xbd \xc3\xa9");
        assert_decoded("=?utf-8?q?=E9?=", "\xef\xbf\xbd");
        /* no line break or NUL comes out of a word */
        assert_decoded("=?utf-8?q?a=0D=0Ab=00c=7F?=", "a  b c ");
}

static void test_long(void **state)
{
        static const char *const pieces[] = {"=?", "=?a?q?", "=?utf-8?q?a?= ", "=?utf-8?q?", " ", "=?utf-8*"};
        for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
                _cleanup_(arena_free) struct arena a = {0};
                _cleanup_(buf_free) struct buf b = {0};
                buf_str(&b, "=?utf-8?q?a?=");
                for (int k = 0; k < 100000; k++)
                        buf_str(&b, pieces[i]);
                assert_true(utf8_valid(encoded_word_decode(&a, buf_slice(&b))));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rfc_examples), cmocka_unit_test(test_cut_characters),
                cmocka_unit_test(test_kept),         cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_long),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
