#include "../unit.h"

#include "mime/charset.h"

#include <errno.h>

#include "base/utf8.h"

/* Converts in pieces of every size, which must not matter. */
static void assert_converted(const char *charset, struct slice in, const char *want)
{
        for (size_t step = 1; step <= in.n + 1; step++) {
                _cleanup_(charset_close_p) struct charset *c = NULL;
                _cleanup_(buf_free) struct buf b = {0};
                assert_int_equal(charset_open(slice_of(charset), &c), 0);
                for (struct slice rest = in; rest.n; rest = slice_from(rest, step))
                        assert_int_equal(charset_convert(c, slice_head(rest, step), &b), 0);
                assert_int_equal(charset_finish(c, &b), 0);
                if (!slice_eq(buf_slice(&b), slice_of(want)))
                        fail_msg("%s in steps of %zu: got %s, want %s", charset, step, buf_cstr(&b), want);
        }
}

static void test_utf8(void **state)
{
        assert_converted("utf-8", SLICE("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"),
                         "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
        assert_converted("UTF8", SLICE("\xe2\x82"), "\xef\xbf\xbd");
        assert_converted("us-ascii", SLICE("\xe2\x41\xc3\xa9"), "\xef\xbf\xbd\x41\xc3\xa9");
        assert_converted("", SLICE("\xc3\xc3\xa9\xff"), "\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd");
        assert_converted("ANSI_X3.4-1968", SLICE("x"), "x");
}

static void test_single_byte(void **state)
{
        assert_converted("ISO-8859-1", SLICE("caf\xe9"), "caf\xc3\xa9");
        assert_converted("ISO_8859-1:1987", SLICE("\xe9"), "\xc3\xa9");
        assert_converted("latin1", SLICE("\xe9"), "\xc3\xa9");
        assert_converted("iso-8859-15", SLICE("\xa4"), "\xe2\x82\xac");
        assert_converted("windows-1252", SLICE("\x80\x93\x81"), "\xe2\x82\xac\xe2\x80\x9c\xef\xbf\xbd");
        assert_converted("CP1251", SLICE("\xcf\xf0"), "\xd0\x9f\xd1\x80");
        assert_converted("koi8-r", SLICE("\xf0\xd2"), "\xd0\x9f\xd1\x80");
}

static void test_iconv(void **state)
{
        assert_converted("gb2312", SLICE("\xd6\xd0\xce\xc4"), "\xe4\xb8\xad\xe6\x96\x87");
        assert_converted("Shift_JIS", SLICE("a\x93\xfa\x96\x7b"), "a\xe6\x97\xa5\xe6\x9c\xac");
        assert_converted("iso-2022-jp", SLICE("x\x1b$BF|K\\\x1b(By"), "x\xe6\x97\xa5\xe6\x9c\xacy");
        assert_converted("euc-kr", SLICE("\xc7\xd1"), "\xed\x95\x9c");
        assert_converted("big5", SLICE("\xa4\xa4"), "\xe4\xb8\xad");
        assert_converted("gbk", SLICE("a\xd6"), "a\xef\xbf\xbd");
        assert_converted("utf-16be", SLICE("\0A\x20\xac"), "A\xe2\x82\xac");
        assert_converted("EUC-JP",
                         SLICE("\xff\xff"
                               "b"),
                         "\xef\xbf\xbd\xef\xbf\xbd"
                         "b");
}

static void test_unknown(void **state)
{
        static const char *const bad[] = {"nowhere", "utf-8//TRANSLIT", "utf-8/",  "iso 8859", "-",
                                          "_",       "../../gconv",     "utf-8,x", "a\nb"};
        struct charset *c = NULL;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                assert_int_equal(charset_open(slice_of(bad[i]), &c), -ENOENT);
                assert_false(charset_known(slice_of(bad[i])));
        }
        assert_null(c);
        char name[CHARSET_MAX_NAME + 1];
        memset(name, 'x', sizeof(name));
        assert_false(charset_known(slice_make(name, sizeof(name))));
        _cleanup_(buf_free) struct buf b = {0};
        assert_int_equal(charset_to_utf8(SLICE("nowhere"), SLICE("x"), &b), -ENOENT);
        assert_int_equal(b.n, 0);
        assert_true(charset_known(SLICE("ISO-8859-7")));
}

static void test_bounds(void **state)
{
        _cleanup_(buf_free) struct buf b = BUF_BOUNDED(3);
        assert_int_equal(charset_to_utf8(SLICE("iso-8859-1"), SLICE("\xe9\xe9\xe9"), &b), -E2BIG);
        _cleanup_(buf_free) struct buf c = BUF_BOUNDED(3);
        assert_int_equal(charset_to_utf8(SLICE("gbk"), SLICE("aaaaaaa"), &c), -E2BIG);
        _cleanup_(buf_free) struct buf d = BUF_BOUNDED(3);
        assert_int_equal(charset_fold(SLICE("aaaaaaa"), &d), -E2BIG);
}

static void test_preload(void **state)
{
        struct charset *keep[CHARSET_PRELOAD];
        charset_preload(keep);
        for (size_t i = 0; i < CHARSET_PRELOAD; i++) {
                assert_non_null(keep[i]); /* glibc has them all */
                charset_close(keep[i]);
        }
}

static void assert_fold(const char *in, const char *want)
{
        _cleanup_(buf_free) struct buf b = {0};
        assert_int_equal(charset_fold(slice_of(in), &b), 0);
        assert_string_equal(buf_cstr(&b), want);
}

static void test_fold(void **state)
{
        assert_fold("Hello, World 1", "HELLO, WORLD 1");
#ifdef HAVE_UNISTRING
        assert_fold("\xc3\xa9", "E\xcc\x81");                /* small e acute */
        assert_fold("\xc3\x89", "E\xcc\x81");                /* capital */
        assert_fold("e\xcc\x81", "E\xcc\x81");               /* in two characters */
        assert_fold("\xd0\xbf\xd0\x9f", "\xd0\x9f\xd0\x9f"); /* Cyrillic */
        assert_fold("\xc7\x86",
                    "D\x7a\xcc\x8c"); /* small dz caron: titlecase Dz caron, then RFC 5051's decomposition */
        assert_fold("\xef\xbc\xa1", "A");                   /* full width A: compatibility mapping */
        assert_fold("\xe1\xba\xa5x", "A\xcc\x82\xcc\x81X"); /* a chain of two */
        assert_fold("\xed\x95\x9c", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab"); /* Hangul */
#else
        assert_fold("\xc3\xa9x", "\xc3\xa9X");
#endif
        assert_fold("a\xff"
                    "b",
                    "A\xef\xbf\xbd"
                    "B");
        assert_fold("", "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_utf8),   cmocka_unit_test(test_single_byte),
                cmocka_unit_test(test_iconv),  cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_bounds), cmocka_unit_test(test_preload),
                cmocka_unit_test(test_fold),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
