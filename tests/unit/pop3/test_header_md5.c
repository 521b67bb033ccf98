#include "../unit.h"

#include "pop3/header_md5.h"

/* As Dovecot 2.3 gives them: a sum of the values, written down here, one after the other. */
static void test_sums(void **state)
{
        static const char traced[] =
                "Delivered-To: kevin\r\nReceived:  from a\r\n\tby b\r\r\nReceived: from c\nDate: Mon\n"
                "Message-ID: <a@b>\nX-Delivery-ID: 7\nStatus: RO\nX-UID: 5  \nx-imapbase: 1 2\nodd line\n "
                "more\n"
                "Content-length: 9\nX-Status: F\nX-Keywords: a\nX-IMAP: 1 2\nSubject:\n\nDate: body\n";
        static const char dated[] =
                "DATE: Mon\nMessage-Id :\t <a@b>\nreceived: by b\nDate: Tue\nDelivered-To: k\n";
        static const struct {
                const char *message;
                enum settings_mbox_md5 fields;
                const char *sum;
        } cases[] = {
                /* "kevin" " from a" "\tby b\r" "7" */
                {traced, SETTINGS_MBOX_MD5_APOP3D, "f30d1dbce5da1577a872e427cae9eeff"},
                /* "kevin" " from a" "\tby b\r" "from c" "Mon" "<a@b>" "7" "odd line" " more" */
                {traced, SETTINGS_MBOX_MD5_ALL, "e16082533367a6bad5dce1729a5efb9d"},
                /* "Mon" " <a@b>" "by b" "k" */
                {dated, SETTINGS_MBOX_MD5_APOP3D, "7268a48afaa1860530e458f8bbac68dc"},
                /* nothing */
                {"\nDate: Mon\n", SETTINGS_MBOX_MD5_APOP3D, "d41d8cd98f00b204e9800998ecf8427e"},
                {"", SETTINGS_MBOX_MD5_ALL, "d41d8cd98f00b204e9800998ecf8427e"},
        };
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char sum[HEADER_MD5_LEN + 1] = "";
                assert_int_equal(header_md5(slice_of(cases[i].message), cases[i].fields, sum), 0);
                assert_string_equal(sum, cases[i].sum);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sums),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
