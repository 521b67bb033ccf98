#include "../unit.h"

#include <errno.h>

#include "base/buf.h"
#include "mime/unbinary.h"

static int take(void *context, struct slice bytes)
{
        return buf_append(context, bytes);
}

static void check(struct slice message, int result, struct slice want)
{
        _cleanup_(buf_free) struct buf got = {0};
        assert_int_equal(unbinary(message, take, &got), result);
        if (result == 0)
                assert_slice_equal(buf_slice(&got), want);
}
#define CHECK(message, want) check(SLICE(message), 0, SLICE(want))

static void text_stays(void **state)
{
        CHECK("", "");
        CHECK("Subject: x\r\n\r\nText\r\n", "Subject: x\r\n\r\nText\r\n");
        CHECK("Content-Transfer-Encoding: 8bit\n\nText\n", "Content-Transfer-Encoding: 8bit\n\nText\n");
        check(SLICE("Subject: x\r\n\r\nT\0xt\r\n"), -EILSEQ, SLICE(""));
}

static void a_binary_message(void **state)
{
        CHECK("Subject: x\r\ncontent-transfer-encoding: BINARY\r\nTo: y\r\n\r\n\0\1\r\n\n",
              "Subject: x\r\nContent-Transfer-Encoding: base64\r\nTo: y\r\n\r\nAAENCgo=\r\n");
        CHECK("Content-Transfer-Encoding: binary\r\n\r\n", "Content-Transfer-Encoding: base64\r\n\r\n");
        CHECK("Content-Transfer-Encoding: binary\r\n\r\n"
              "0123456789012345678901234567890123456789012345678901234567",
              "Content-Transfer-Encoding: base64\r\n\r\n"
              "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2\r\n"
              "Nw==\r\n");
}

static void binary_parts(void **state)
{
        CHECK("Content-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: binary\r\n\r\n"
              "--x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\n\r\n"
              "--x\r\n\r\ntext\r\n"
              "--x\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: binary\r\n\r\n"
              "Content-Transfer-Encoding: binary\r\n\r\nhello\r\n--x--\r\n",
              "Content-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
              "--x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAo=\r\n"
              "--x\r\n\r\ntext\r\n"
              "--x\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
              "Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--x--\r\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_stays),
                cmocka_unit_test(a_binary_message),
                cmocka_unit_test(binary_parts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
