#include "store/mbox_from.h"

#include <errno.h>

#include "mime/address.h"
#include "mime/date.h"
#include "mime/header.h"

#define PREFIX "From "
#define NOBODY "MAILER-DAEMON"

enum {
        SENDER_MAX = 256, /* of a path: RFC 5321 section 4.5.3.1.3 */
        YEAR_LAST = 9999, /* that four digits can say */
};

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

static struct slice line_chop(struct slice line)
{
        if (line.n && line.p[line.n - 1] == '\n')
                line.n--;
        if (line.n && line.p[line.n - 1] == '\r')
                line.n--;
        return line;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static void skip_blanks(struct slice *s)
{
        while (s->n && is_blank(s->p[0]))
                *s = slice_from(*s, 1);
}

/* The bytes before the next blank; the blanks behind them are taken too. */
static struct slice take_word(struct slice *s)
{
        size_t n = 0;
        while (n < s->n && !is_blank(s->p[n]))
                n++;
        struct slice word = slice_head(*s, n);
        *s = slice_from(*s, n);
        skip_blanks(s);
        return word;
}

/* Decimal digits, all of the word, at most max; -1 when it is no such number. */
static int number_of(struct slice word, size_t digits, int max)
{
        int v = 0;
        if (word.n == 0 || word.n > digits)
                return -1;
        for (size_t i = 0; i < word.n; i++) {
                if (!ascii_isdigit(word.p[i]))
                        return -1;
                v = v * 10 + (word.p[i] - '0');
        }
        return v <= max ? v : -1;
}

static bool is_weekday(struct slice word)
{
        return word.n == 3 && ascii_isalpha(word.p[0]) && ascii_isalpha(word.p[1]) &&
               ascii_isalpha(word.p[2]);
}

static bool read_month(struct slice word, struct tm *tm)
{
        for (int m = 0; m < 12; m++)
                if (slice_ieq(word, slice_make(months[m], 3))) {
                        tm->tm_mon = m;
                        return true;
                }
        return false;
}

static bool read_day(struct slice word, struct tm *tm)
{
        tm->tm_mday = number_of(word, 2, 31);
        return tm->tm_mday > 0;
}

/* Four digits; no mail is older than 1900. */
static bool read_year(struct slice word, struct tm *tm)
{
        int year = word.n == 4 ? number_of(word, 4, YEAR_LAST) : -1;
        tm->tm_year = year - 1900;
        return year >= 1900;
}

static bool read_time(struct slice word, struct tm *tm)
{
        struct slice part;
        bool seconds = slice_count(word, ':') == 2;
        if (!slice_split(&word, ':', &part) || (tm->tm_hour = number_of(part, 2, 23)) < 0)
                return false;
        if (!slice_split(&word, ':', &part) || (tm->tm_min = number_of(part, 2, 59)) < 0)
                return false;
        tm->tm_sec = seconds ? number_of(word, 2, 60) : 0;
        return tm->tm_sec >= 0 && (seconds || word.n == 0);
}

static time_t date_of(struct tm *tm, bool zone, int zone_minutes)
{
        if (zone)
                return date_of_day(tm->tm_year + 1900, tm->tm_mon + 1, 1) + (tm->tm_mday - 1) * 86400 +
                       tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec - zone_minutes * 60;
        tm->tm_isdst = -1;
        return mktime(tm);
}

/* Behind the sender. */
static bool read_date(struct slice s, time_t *ret_date)
{
        struct tm tm = {0};
        int minutes = 0;
        bool zone = false;
        struct slice word = take_word(&s);
        if (word.n == 4 && word.p[3] == ',') {
                if (!is_weekday(slice_head(word, 3)) || !read_day(take_word(&s), &tm) ||
                    !read_month(take_word(&s), &tm) || !read_year(take_word(&s), &tm) ||
                    !read_time(take_word(&s), &tm))
                        return false;
        } else {
                if (!is_weekday(word) || !read_month(take_word(&s), &tm) || !read_day(take_word(&s), &tm) ||
                    !read_time(take_word(&s), &tm))
                        return false;
                word = take_word(&s);
                if (!read_year(word, &tm)) {
                        zone = date_zone(word, &minutes) == 0;
                        if (!read_year(take_word(&s), &tm))
                                return false;
                }
        }
        if (!zone)
                zone = date_zone(take_word(&s), &minutes) == 0;
        if (ret_date)
                *ret_date = date_of(&tm, zone, minutes);
        return true;
}

/* A quoted local part and the domain behind it, or a word. */
static struct slice behind_sender(struct slice s)
{
        if (s.n && s.p[0] == '"') {
                size_t i = 1;
                while (i < s.n && s.p[i] != '"')
                        i += s.p[i] == '\\' ? 2 : 1;
                s = slice_from(s, i + 1);
        }
        take_word(&s);
        return s;
}

bool mbox_is_from_line(struct slice line, time_t *ret_date)
{
        if (line.n < sizeof(PREFIX) || memcmp(line.p, PREFIX, sizeof(PREFIX) - 1) != 0)
                return false;
        struct slice rest = behind_sender(slice_from(line_chop(line), sizeof(PREFIX) - 1));
        if (slice_istarts(rest, SLICE("at "))) {
                take_word(&rest);
                take_word(&rest);
        }
        return read_date(rest, ret_date);
}

time_t mbox_from_date(struct slice line)
{
        time_t date = -1;
        (void)mbox_is_from_line(line, &date);
        return date;
}

/* Of what will be between "From " and the date: it must read as one word. */
static bool is_word(struct slice s)
{
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"')
                        return false;
        return s.n > 0;
}

static bool append_sender(struct slice head, struct slice field, struct arena *a, struct buf *to)
{
        struct header_field f;
        if (!header_find(head, field, &f))
                return false;
        const struct address *at = address_parse(a, f.value);
        while (at && at->kind != ADDRESS_MAILBOX)
                at = at->next;
        if (!at || !is_word(at->mailbox) || at->mailbox.n + at->host.n >= SENDER_MAX)
                return false;
        if (slice_eq(at->mailbox, SLICE("MISSING_MAILBOX"))) { /* <>: a notice about other mail */
                buf_str(to, NOBODY);
                return true;
        }
        bool host = is_word(at->host) && !slice_eq(at->host, SLICE("MISSING_DOMAIN"));
        buf_append(to, at->mailbox);
        if (host) {
                buf_char(to, '@');
                buf_append(to, at->host);
        }
        return true;
}

void mbox_from_line(struct slice head, time_t date, struct buf *to)
{
        static const char *const fields[] = {"Return-Path", "Sender", "From"};
        _cleanup_(arena_free) struct arena a = {0};
        size_t first = slice_find(head, '\n');
        bool crlf = first > 0 && first < head.n && head.p[first - 1] == '\r', done = false;
        struct tm tm = {.tm_mday = 1, .tm_year = 70, .tm_wday = 4};
        localtime_r(&date, &tm);
        buf_str(to, PREFIX);
        for (size_t i = 0; i < ARRAY_LEN(fields) && !done; i++)
                done = append_sender(head, slice_of(fields[i]), &a, to);
        if (!done)
                buf_str(to, NOBODY);
        buf_printf(to, "  %s %s %2d %02d:%02d:%02d %04d%s", weekdays[tm.tm_wday], months[tm.tm_mon],
                   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, MIN(MAX(tm.tm_year + 1900, 1900), YEAR_LAST),
                   crlf ? "\r\n" : "\n");
}
