#include "imap/parse.h"

#include <errno.h>

enum {
        MINUTE = 60,
        HOUR = 60 * MINUTE,
};

static int digits(struct lexer *l, size_t min, size_t max, int *ret)
{
        int v = 0;
        size_t n = 0;
        for (; n < max && ascii_isdigit(lexer_peek(l)); n++) {
                v = v * 10 + (lexer_peek(l) - '0');
                l->rest = slice_from(l->rest, 1);
        }
        if (n < min)
                return lexer_fail(l, "Invalid date");
        *ret = v;
        return 0;
}

static int expect(struct lexer *l, char c)
{
        return lexer_take(l, c) ? 0 : lexer_fail(l, "Invalid date");
}

static int month(struct lexer *l, int *ret)
{
        static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        struct slice s = slice_head(l->rest, 3);
        for (int i = 0; i < 12; i++)
                if (slice_ieq(s, slice_make(names + 3 * i, 3))) {
                        l->rest = slice_from(l->rest, 3);
                        *ret = i + 1;
                        return 0;
                }
        return lexer_fail(l, "Invalid month in date");
}

static int days_of(int year, int m)
{
        static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        return days[m - 1] + (m == 2 && leap);
}

/* date-text; the day has one or two digits. */
static int date_text(struct lexer *l, struct imap_date *ret)
{
        struct imap_date d = {0};
        if (digits(l, 1, 2, &d.day) < 0 || expect(l, '-') < 0 || month(l, &d.month) < 0 ||
            expect(l, '-') < 0 || digits(l, 4, 4, &d.year) < 0)
                return -EINVAL;
        if (d.day < 1 || d.day > days_of(d.year, d.month))
                return lexer_fail(l, "Invalid day in date");
        *ret = d;
        return 0;
}

int parse_date(struct lexer *l, struct imap_date *ret)
{
        bool quoted = lexer_take(l, '"');
        if (quoted)
                lexer_take(l, ' '); /* " 1-Feb-1994" as in a date-time */
        int r = date_text(l, ret);
        return r == 0 && quoted ? expect(l, '"') : r;
}

static int time_text(struct lexer *l, int *ret_seconds)
{
        int h = 0, m = 0, s = 0;
        if (digits(l, 2, 2, &h) < 0 || expect(l, ':') < 0 || digits(l, 2, 2, &m) < 0 || expect(l, ':') < 0 ||
            digits(l, 2, 2, &s) < 0)
                return -EINVAL;
        if (h > 23 || m > 59 || s > 60) /* a leap second */
                return lexer_fail(l, "Invalid time");
        *ret_seconds = h * HOUR + m * MINUTE + s;
        return 0;
}

static int zone_text(struct lexer *l, int *ret_seconds)
{
        bool west = lexer_take(l, '-');
        int h = 0, m = 0;
        if ((!west && expect(l, '+') < 0) || digits(l, 2, 2, &h) < 0 || digits(l, 2, 2, &m) < 0)
                return lexer_fail(l, "Invalid time zone");
        if (h > 23 || m > 59)
                return lexer_fail(l, "Invalid time zone");
        int east = h * HOUR + m * MINUTE;
        *ret_seconds = west ? -east : east;
        return 0;
}

int parse_date_time(struct lexer *l, time_t *ret)
{
        struct imap_date d;
        int seconds = 0, zone = 0;
        if (expect(l, '"') < 0)
                return -EINVAL;
        lexer_take(l, ' ');
        if (date_text(l, &d) < 0 || expect(l, ' ') < 0 || time_text(l, &seconds) < 0 || expect(l, ' ') < 0 ||
            zone_text(l, &zone) < 0 || expect(l, '"') < 0)
                return -EINVAL;
        struct tm tm = {.tm_year = d.year - 1900, .tm_mon = d.month - 1, .tm_mday = d.day};
        time_t t = timegm(&tm) + seconds - zone;
        *ret = t == -1 ? 0 : t;
        return 0;
}
