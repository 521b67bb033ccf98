#include "imap/internaldate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY = 86400 };

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* For what the quick way does not cover. */
static char *write_any(time_t t, char *to)
{
        struct tm tm = {0};
        localtime_r(&t, &tm);
        long zone = tm.tm_gmtoff / 60;
        int n = snprintf(to, INTERNALDATE_MAX, "\"%02d-%s-%04d %02d:%02d:%02d %c%02ld%02ld\"", tm.tm_mday,
                         months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
                         zone < 0 ? '-' : '+', labs(zone) / 60, labs(zone) % 60);
        return to + MIN(n, INTERNALDATE_MAX - 1);
}

static int32_t offset_at(time_t t)
{
        struct tm tm = {0};
        localtime_r(&t, &tm);
        return (int32_t)tm.tm_gmtoff;
}

/* A zone changes its offset once in a day at most: one that is the same at both ends holds in between. */
static const struct internaldate_day *look_up(struct internaldate_memory *mem, int32_t day)
{
        struct internaldate_day *d = &mem->days[(uint32_t)day % INTERNALDATE_DAYS];
        if (d->set && d->day == day)
                return d;
        time_t start = (time_t)day * DAY;
        int32_t offset = offset_at(start);
        *d = (struct internaldate_day){
                .day = day, .offset = offset, .set = true, .whole = offset == offset_at(start + DAY - 1)};
        return d;
}

static char *two(char *to, int v, char after)
{
        to[0] = (char)('0' + v / 10);
        to[1] = (char)('0' + v % 10);
        to[2] = after;
        return to + 3;
}

static void make_text(struct internaldate_memory *mem, int64_t date)
{
        time_t t = date * DAY;
        struct tm tm = {0};
        gmtime_r(&t, &tm);
        int year = tm.tm_year + 1900;
        char *p = two(mem->text, tm.tm_mday, '-');
        memcpy(p, months[tm.tm_mon], 3);
        p[3] = '-';
        two(two(p + 4, year / 100, '\0') - 1, year % 100, ' ');
        mem->date = date;
        mem->has_text = true;
}

char *internaldate_write(struct internaldate_memory *mem, time_t t, char *to)
{
        if (t < 0 || t >= INT64_C(250000000000)) /* the year 9892: four digits */
                return write_any(t, to);
        const struct internaldate_day *d = look_up(mem, (int32_t)(t / DAY));
        if (!d->whole)
                return write_any(t, to);
        int64_t local = t + d->offset + DAY, date = local / DAY - 1; /* no zone is a day from Greenwich */
        int second = (int)(local % DAY), zone = d->offset / 60;
        if (!mem->has_text || mem->date != date)
                make_text(mem, date);
        *to++ = '"';
        memcpy(to, mem->text, sizeof(mem->text));
        to = two(two(two(to + sizeof(mem->text), second / 3600, ':'), second / 60 % 60, ':'), second % 60,
                 ' ');
        *to++ = zone < 0 ? '-' : '+';
        to = two(to, abs(zone) / 60, '\0') - 1;
        return two(to, abs(zone) % 60, '"');
}
