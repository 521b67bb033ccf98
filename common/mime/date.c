#include "mime/date.h"

#include <errno.h>

#include "mime/lex.h"

static const char months[12][4] = {"jan", "feb", "mar", "apr", "may", "jun",
                                   "jul", "aug", "sep", "oct", "nov", "dec"};

/* RFC 5322 section 4.3. The military letters were specified wrong in RFC 822 and mean nothing. */
static const struct {
        char name[4];
        int hours;
} zones[] = {
        {"ut", 0},   {"gmt", 0},  {"utc", 0},  {"est", -5}, {"edt", -4}, {"cst", -6},
        {"cdt", -5}, {"mst", -7}, {"mdt", -6}, {"pst", -8}, {"pdt", -7},
};

static struct slice take_alpha(struct lex *l)
{
        lex_skip(l);
        size_t start = l->pos;
        while (!lex_end(l) && ascii_isalpha(lex_peek(l)))
                l->pos++;
        return lex_since(l, start);
}

/* Digits, at least one; values beyond max or more digits than that are an error. */
static int take_number(struct lex *l, int max, int *ret, int *ret_digits)
{
        lex_skip(l);
        int v = 0, digits = 0;
        for (; !lex_end(l) && ascii_isdigit(lex_peek(l)); l->pos++, digits++) {
                v = v * 10 + (lex_peek(l) - '0');
                if (v > max)
                        return -EINVAL;
        }
        if (digits == 0)
                return -EINVAL;
        *ret = v;
        if (ret_digits)
                *ret_digits = digits;
        return 0;
}

static bool is_leap(int year)
{
        return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month)
{
        static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

int64_t date_of_day(int year, int month, int day)
{
        static const int before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
        int64_t y = year - 1;
        int64_t days = y * 365 + y / 4 - y / 100 + y / 400 + before[month - 1] + day - 1;
        if (month > 2 && is_leap(year))
                days++;
        return (days - 719162) * 86400; /* days from 1 January 1 to 1970 */
}

static int take_month(struct lex *l, int *ret)
{
        struct slice name = take_alpha(l);
        for (int m = 0; m < 12; m++)
                if (slice_istarts(name, slice_make(months[m], 3))) {
                        *ret = m + 1;
                        return 0;
                }
        return -EINVAL;
}

static int take_year(struct lex *l, int *ret)
{
        int year, digits;
        int r = take_number(l, 9999, &year, &digits);
        if (r < 0)
                return r;
        if (digits == 2)
                year += year < 50 ? 2000 : 1900;
        else if (digits == 3)
                year += 1900;
        if (year < 1900)
                return -EINVAL;
        *ret = year;
        return 0;
}

static int read_time(struct lex *l, struct date *d)
{
        lex_skip(l);
        if (!ascii_isdigit(lex_peek(l)))
                return 0; /* a date alone: midnight */
        if (take_number(l, 23, &d->hour, NULL) < 0)
                return -EINVAL;
        lex_skip(l);
        if (!lex_take(l, ':') || take_number(l, 59, &d->minute, NULL) < 0)
                return -EINVAL;
        lex_skip(l);
        if (lex_take(l, ':'))
                return take_number(l, 60, &d->second, NULL);
        return 0;
}

/* What is no time counts as 00:00:00 (RFC 5256 section 2.2); the zone is looked for behind it. */
static void take_time(struct lex *l, struct date *d)
{
        if (read_time(l, d) == 0)
                return;
        d->hour = d->minute = d->second = 0;
        for (lex_skip(l); !lex_end(l); l->pos++, lex_skip(l))
                if (lex_peek(l) == '+' || lex_peek(l) == '-' || ascii_isalpha(lex_peek(l)))
                        return;
}

/* At a sign or a name. */
static int read_zone(struct lex *l, int *ret_minutes)
{
        char sign = lex_peek(l);
        if (sign == '+' || sign == '-') {
                int v, digits;
                l->pos++;
                if (take_number(l, 2359, &v, &digits) < 0 || digits != 4 || v % 100 > 59)
                        return -EINVAL;
                int minutes = v / 100 * 60 + v % 100;
                *ret_minutes = sign == '-' ? -minutes : minutes;
                return 0;
        }
        struct slice name = take_alpha(l);
        for (size_t i = 0; i < ARRAY_LEN(zones); i++)
                if (slice_ieq(name, slice_of(zones[i].name))) {
                        *ret_minutes = zones[i].hours * 60;
                        return 0;
                }
        return -EINVAL;
}

int date_zone(struct slice word, int *ret_minutes)
{
        struct lex l = {.in = word};
        int minutes;
        if (read_zone(&l, &minutes) < 0 || !lex_end(&l))
                return -EINVAL;
        *ret_minutes = minutes;
        return 0;
}

static int take_zone(struct lex *l)
{
        int minutes = 0;
        lex_skip(l);
        read_zone(l, &minutes);
        return minutes;
}

int date_parse(struct slice value, struct date *ret)
{
        struct lex l = {.in = value};
        struct date d = {0};
        take_alpha(&l); /* the day of the week says nothing new */
        lex_skip(&l);
        lex_take(&l, ',');
        int r = take_number(&l, 31, &d.day, NULL);
        if (r < 0)
                return r;
        lex_take(&l, '-'); /* 1-Jan-1999, as old news software writes */
        r = take_month(&l, &d.month);
        if (r < 0)
                return r;
        lex_take(&l, '-');
        r = take_year(&l, &d.year);
        if (r < 0)
                return r;
        if (d.day < 1 || d.day > days_in(d.year, d.month))
                return -EINVAL;
        take_time(&l, &d);
        d.zone_minutes = take_zone(&l);
        d.utc = date_of_day(d.year, d.month, d.day) + d.hour * 3600 + d.minute * 60 + d.second -
                d.zone_minutes * 60;
        *ret = d;
        return 0;
}
