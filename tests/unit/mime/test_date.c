#include "../unit.h"

#include "mime/date.h"

#include <errno.h>
#include <stdio.h>

static void assert_date(const char *value, int64_t utc, int zone, int year, int month, int day)
{
        struct date d;
        if (date_parse(slice_of(value), &d) < 0)
                fail_msg("not a date: %s", value);
        if (d.utc != utc || d.zone_minutes != zone || d.year != year || d.month != month || d.day != day)
                fail_msg("%s: got %lld zone %d, %d-%d-%d", value, (long long)d.utc, d.zone_minutes, d.year,
                         d.month, d.day);
}

static void test_examples(void **state)
{
        assert_date("Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360, 1997, 11, 21);
        assert_date("Tue, 1 Jul 2003 10:52:37 +0200", 1057049557, 120, 2003, 7, 1);
        assert_date("Thu, 13 Feb 1969 23:32:54 -0330", -27723426, -210, 1969, 2, 13);
        /* RFC 5322 A.5: comments and folds; A.6.2: obsolete forms */
        assert_date("Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               "
                    "-0330 (Newfoundland Time)",
                    -27723480, -210, 1969, 2, 13);
        assert_date("21 Nov 97 09:55:06 GMT", 880106106, 0, 1997, 11, 21);
        assert_date("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706, -360, 1997, 11, 21);
        /* RFC 3501 section 8 */
        assert_date("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)", 837595405, -420, 1996, 7, 17);
}

static void test_forms(void **state)
{
        assert_date("1 Jan 1970 00:00 +0000", 0, 0, 1970, 1, 1);
        assert_date("1 jan 70 00:00:00", 0, 0, 1970, 1, 1);
        assert_date("Thu 1 January 1970 00:00:00 UT", 0, 0, 1970, 1, 1);
        assert_date("1 Jan 1970", 0, 0, 1970, 1, 1);
        assert_date("01-Jan-1970 00:00:60 Z", 60, 0, 1970, 1, 1);
        assert_date("31 Dec 1969 19:00:00 EST", 0, -300, 1969, 12, 31);
        assert_date("31 Dec 1969 17:00:00 PDT", 0, -420, 1969, 12, 31);
        assert_date("1 Jan 1970 00:00:00 A", 0, 0, 1970, 1, 1);
        assert_date("1 Jan 1970 00:00:00 +9999", 0, 0, 1970, 1, 1);
        assert_date("29 Feb 2000 00:00:00 +0000", 951782400, 0, 2000, 2, 29);
        assert_date("1 Mar 104 00:00:00 +0000", 1078099200, 0, 2004, 3, 1);
        assert_date("1 Jan 49 00:00:00 +0000", 2493072000, 0, 2049, 1, 1);
        assert_date("31 Dec 9999 23:59:59 +0000", 253402300799, 0, 9999, 12, 31);
        assert_int_equal(date_of_day(1970, 1, 1), 0);
        assert_int_equal(date_of_day(2026, 11, 21), 1795219200);
}

/* RFC 5256 section 2.2: 00:00:00, and UTC when the zone is invalid too. */
static void test_invalid_times(void **state)
{
        static const char *const times[] = {"24:00",
                                            "12:60",
                                            "12",
                                            "12:",
                                            "12:00:61",
                                            "12:00:",
                                            "12.30.00",
                                            "999",
                                            "99999999999:00",
                                            "25:00:00 nowhere",
                                            "(at) 12 (noon)",
                                            "12 :"};
        for (size_t i = 0; i < ARRAY_LEN(times); i++) {
                char value[64];
                snprintf(value, sizeof(value), "Sat, 1 Jan 2000 %s", times[i]);
                assert_date(value, 946684800, 0, 2000, 1, 1);
        }
        assert_date("1 Jan 2000 25:00:00 +0100", 946681200, 60, 2000, 1, 1);
        assert_date("1 Jan 2000 12:61 (why) EST", 946702800, -300, 2000, 1, 1);
        assert_date("1 Jan 2000 12 +0100", 946681200, 60, 2000, 1, 1);
}

static void test_not_dates(void **state)
{
        static const char *const bad[] = {
                "",
                "yesterday",
                "Fri,",
                "32 Jan 2000 00:00:00 +0000",
                "0 Jan 2000",
                "31 Feb 2000",
                "29 Feb 1900",
                "1 Foo 2000",
                "1 Jan",
                "1 Jan 1899",
                "1 Jan 10000 00:00",
                "(1 Jan 2000)",
                "99999999999999999999 Jan 2000",
        };
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct date d = {.year = 7};
                if (date_parse(slice_of(bad[i]), &d) != -EINVAL)
                        fail_msg("a date: %s", bad[i]);
                assert_int_equal(d.year, 7);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_examples),
                cmocka_unit_test(test_forms),
                cmocka_unit_test(test_invalid_times),
                cmocka_unit_test(test_not_dates),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
