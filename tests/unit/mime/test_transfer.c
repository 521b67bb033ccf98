#include "../unit.h"

#include "mime/transfer.h"

#include <errno.h>

/* Decodes in pieces of every size, which must not matter. */
static void assert_decoded(enum transfer kind, const char *in, const char *want)
{
        struct slice all = slice_of(in);
        for (size_t step = 1; step <= all.n + 1; step++) {
                struct transfer_decoder d = {.kind = kind};
                _cleanup_(buf_free) struct buf b = {0};
                for (struct slice rest = all; rest.n; rest = slice_from(rest, step))
                        assert_int_equal(transfer_decode(&d, slice_head(rest, step), &b), 0);
                assert_int_equal(transfer_finish(&d, &b), 0);
                if (!slice_eq(buf_slice(&b), slice_of(want)))
                        fail_msg("\"%s\" in steps of %zu: got \"%s\", want \"%s\"", in, step, buf_cstr(&b),
                                 want);
        }
}

static void test_names(void **state)
{
        assert_int_equal(transfer_of(SLICE("BASE64")), TRANSFER_BASE64);
        assert_int_equal(transfer_of(SLICE("Quoted-Printable")), TRANSFER_QP);
        assert_int_equal(transfer_of(SLICE("")), TRANSFER_IDENTITY);
        assert_int_equal(transfer_of(SLICE("8Bit")), TRANSFER_IDENTITY);
        assert_int_equal(transfer_of(SLICE("binary")), TRANSFER_IDENTITY);
        assert_int_equal(transfer_of(SLICE("x-uuencode")), TRANSFER_UNKNOWN);
}

static void test_base64(void **state)
{
        assert_decoded(TRANSFER_BASE64, "", "");
        assert_decoded(TRANSFER_BASE64, "Zm9vYmFy", "foobar");
        assert_decoded(TRANSFER_BASE64, "Zm9v\r\nYm\r\nE=\r\n", "fooba");
        assert_decoded(TRANSFER_BASE64, "Zm 9*v!YmFy", "foobar");
        assert_decoded(TRANSFER_BASE64, "Zm9vYg==\nfooter", "foob");
        assert_decoded(TRANSFER_BASE64, "Zm9vYg", "foob");
        assert_decoded(TRANSFER_BASE64, "Zm9vY", "foo");
        assert_decoded(TRANSFER_BASE64, "+/+/", "\xfb\xff\xbf");
        assert_decoded(TRANSFER_BASE64, "====", "");
}

/* RFC 2045 section 6.7 */
static void test_quoted_printable(void **state)
{
        assert_decoded(TRANSFER_QP,
                       "Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.",
                       "Now's the time for all folk to come to the aid of their country.");
        assert_decoded(TRANSFER_QP, "a=3Db=c3=A9", "a=b\xc3\xa9");
        assert_decoded(TRANSFER_QP, "a  \t\r\nb \nc  ", "a\r\nb\nc");
        assert_decoded(TRANSFER_QP, "a  b\t=20\r\n", "a  b\t \r\n");
        assert_decoded(TRANSFER_QP, "a= \t\r\nb=\nc", "abc");
        assert_decoded(TRANSFER_QP, "a=zz=4=", "a=zz=4");
        assert_decoded(TRANSFER_QP, "==41=4g= x=\rx", "=A=4g= x=\rx");
        assert_decoded(TRANSFER_QP, "a=4", "a=4");
        assert_decoded(TRANSFER_QP, "a=4\nb", "a=4\nb");
        assert_decoded(TRANSFER_QP, "a= ", "a");
        /* more blanks than a line may have are no padding that a transport added */
        char blanks[202];
        memset(blanks, ' ', 200);
        strcpy(blanks + 200, "x");
        assert_decoded(TRANSFER_QP, blanks, blanks);
}

static void test_identity_and_bounds(void **state)
{
        assert_decoded(TRANSFER_IDENTITY, "a=41 \r\n", "a=41 \r\n");
        assert_decoded(TRANSFER_UNKNOWN, "a=41 \r\n", "a=41 \r\n");
        for (int kind = TRANSFER_IDENTITY; kind <= TRANSFER_UNKNOWN; kind++) {
                _cleanup_(buf_free) struct buf b = BUF_BOUNDED(2);
                assert_int_equal(transfer_decode_all((enum transfer)kind, SLICE("YWJjZGVm"), &b), -E2BIG);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_base64),
                cmocka_unit_test(test_quoted_printable),
                cmocka_unit_test(test_identity_and_bounds),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
