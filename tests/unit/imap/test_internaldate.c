/* INTERNALDATE in zones of all sorts, against what localtime() says of each second. */
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "imap/internaldate.h"

static void check(struct internaldate_memory *mem, time_t t)
{
        char got[INTERNALDATE_MAX], want[INTERNALDATE_MAX + 32];
        struct tm tm;
        localtime_r(&t, &tm);
        long zone = tm.tm_gmtoff / 60;
        static const char *const months = "JanFebMarAprMayJunJulAugSepOctNovDec";
        snprintf(want, sizeof(want), "\"%02d-%.3s-%04d %02d:%02d:%02d %c%02ld%02ld\"", tm.tm_mday,
                 months + 3L * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
                 zone < 0 ? '-' : '+', labs(zone) / 60, labs(zone) % 60);
        char *end = internaldate_write(mem, t, got);
        assert_in_range(end - got, 28, INTERNALDATE_MAX);
        assert_slice_equal(slice_make(got, (size_t)(end - got)), slice_of(want));
}

static void test_zones(void **state)
{
        (void)state;
        static const char *const zones[] = {"UTC0",
                                            "CET-1CEST,M3.5.0,M10.5.0/3",
                                            "EST5EDT,M3.2.0,M11.1.0",
                                            "<+0530>-5:30",
                                            "<-0330>3:30",
                                            "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
                                            "<+1245>-12:45",
                                            "<+14>-14",
                                            "<-12>12",
                                            "<-004430>0:44:30"};
        static const time_t times[] = {0,
                                       1,
                                       86399,
                                       86400,
                                       -1,
                                       -86400,
                                       837596665,
                                       951782399,
                                       951782400,
                                       1711846799,
                                       1711846800,
                                       1711846801,
                                       1698541200,
                                       2147483647,
                                       4107542400,
                                       INT64_C(253402214400),
                                       INT64_C(253402300800)};
        for (size_t z = 0; z < ARRAY_LEN(zones); z++) {
                struct internaldate_memory mem = {0};
                setenv("TZ", zones[z], 1);
                tzset();
                for (size_t i = 0; i < ARRAY_LEN(times); i++)
                        check(&mem, times[i]);
                /* all hours of two years, and back again over days that share a place */
                for (time_t t = 1700000000; t < 1700000000 + 2 * 366 * 86400; t += 3599)
                        check(&mem, t);
                for (time_t t = 1700000000; t > 1600000000; t -= 1234567)
                        check(&mem, t);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_zones),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
