#include "store/filename.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "store/mailbox.h"

static const struct {
        char letter;
        uint8_t flag;
} flag_letters[] = {
        {'D', FLAG_DRAFT}, {'F', FLAG_FLAGGED}, {'R', FLAG_ANSWERED}, {'S', FLAG_SEEN}, {'T', FLAG_DELETED},
};

bool filename_usable(struct slice name)
{
        return name.n && name.n <= FILENAME_MAX_BYTES && name.p[0] != '.' && name.p[0] != ':' &&
               slice_find(name, '\n') == name.n && slice_find(name, '\r') == name.n;
}

void filename_split(struct slice name, struct slice *ret_base, struct slice *ret_info)
{
        size_t colon = slice_find(name, ':');
        *ret_base = slice_head(name, colon);
        *ret_info = slice_from(name, colon);
}

static uint8_t flag_of(char c)
{
        for (size_t i = 0; i < ARRAY_LEN(flag_letters); i++)
                if (flag_letters[i].letter == c)
                        return flag_letters[i].flag;
        return 0;
}

void filename_info_parse(struct slice info, uint8_t *ret_flags, uint32_t *ret_letters)
{
        uint8_t flags = 0;
        uint32_t letters = 0;
        if (slice_starts(info, SLICE(":2,")))
                for (size_t i = 3; i < info.n && info.p[i] != ','; i++) {
                        char c = info.p[i];
                        flags |= flag_of(c);
                        if (c >= 'a' && c <= 'z')
                                letters |= 1u << (c - 'a');
                }
        *ret_flags = flags;
        *ret_letters = letters;
}

bool filename_info_plain(struct slice info, uint8_t *ret_flags, uint32_t *ret_letters)
{
        uint8_t flags = 0;
        uint32_t letters = 0;
        if (!slice_starts(info, SLICE(":2,")))
                return false;
        for (size_t i = 3; i < info.n; i++) {
                char c = info.p[i];
                uint8_t flag = flag_of(c);
                if ((i > 3 && c <= info.p[i - 1]) || (!flag && (c < 'a' || c > 'z')))
                        return false;
                flags |= flag;
                letters |= flag ? 0 : 1u << (c - 'a');
        }
        *ret_flags = flags;
        *ret_letters = letters;
        return true;
}

void filename_info_format(struct buf *to, struct slice old_info, uint8_t flags, uint32_t letters)
{
        bool set[256] = {false};
        struct slice rest = SLICE_NULL;
        if (slice_starts(old_info, SLICE(":2,"))) {
                struct slice old = slice_from(old_info, 3);
                size_t comma = slice_find(old, ',');
                rest = slice_from(old, comma);
                for (size_t i = 0; i < comma; i++) {
                        char c = old.p[i];
                        if (!flag_of(c) && (c < 'a' || c > 'z'))
                                set[(unsigned char)c] = true;
                }
        }
        for (size_t i = 0; i < ARRAY_LEN(flag_letters); i++)
                if (flags & flag_letters[i].flag)
                        set[(unsigned char)flag_letters[i].letter] = true;
        for (unsigned i = 0; i < 26; i++)
                if (letters >> i & 1)
                        set['a' + i] = true;
        buf_append(to, SLICE(":2,"));
        for (unsigned c = 1; c < 256; c++)
                if (set[c])
                        buf_char(to, (char)c);
        buf_append(to, rest);
}

bool filename_size(struct slice base, char key, uint64_t *ret)
{
        for (struct slice rest = base; rest.n;) {
                rest = slice_from(rest, slice_find(rest, ',') + 1);
                if (rest.n > 2 && rest.p[0] == key && rest.p[1] == '=') {
                        struct slice value = slice_head(rest, slice_find(rest, ','));
                        return slice_to_u64(slice_from(value, 2), ret) == 0;
                }
        }
        return false;
}

/* Takes the digits at the start; numbers too large for 64 bits stay at the largest. */
static uint64_t take_number(struct slice *s)
{
        size_t n = 0;
        while (n < s->n && ascii_isdigit(s->p[n]))
                n++;
        uint64_t v = UINT64_MAX;
        if (slice_to_u64(slice_head(*s, n), &v) < 0 && n == 0)
                v = 0;
        *s = slice_from(*s, n);
        return v;
}

/* Behind the seconds: ".M123P45.host". False when there are no microseconds. */
static bool microseconds(struct slice s, uint64_t *ret)
{
        if (s.n == 0 || s.p[0] != '.')
                return false;
        for (size_t i = 1; i < s.n && s.p[i] != '.' && s.p[i] != ':'; i++)
                if (s.p[i] == 'M') {
                        struct slice digits = slice_from(s, i + 1);
                        *ret = take_number(&digits);
                        return true;
                }
        return false;
}

struct filename_order filename_order_of(struct slice base)
{
        struct filename_order order = {.base = base};
        struct slice rest = base;
        uint64_t us;
        order.seconds = take_number(&rest);
        /* names without microseconds come first: the order must be the same whichever two are compared */
        if (microseconds(rest, &us))
                order.microseconds = us < UINT64_MAX ? us + 1 : us;
        return order;
}

int filename_order_cmp(const struct filename_order *a, const struct filename_order *b)
{
        if (a->seconds != b->seconds)
                return a->seconds < b->seconds ? -1 : 1;
        if (a->microseconds != b->microseconds)
                return a->microseconds < b->microseconds ? -1 : 1;
        return slice_cmp(a->base, b->base);
}

bool filename_time(struct slice base, time_t *ret)
{
        uint64_t seconds = filename_order_of(base).seconds;
        /* 1980 to 2100: what else a name begins with is a number of something */
        if (seconds < 315532800 || seconds > UINT64_C(4102444800))
                return false;
        *ret = (time_t)seconds;
        return true;
}

void filename_generate(struct buf *to, int64_t *last_us)
{
        int64_t now = clock_realtime_us();
        if (now <= *last_us)
                now = *last_us + 1;
        *last_us = now;
        char host[256] = "";
        gethostname(host, sizeof(host) - 1);
        buf_printf(to, "%" PRId64 ".M%" PRId64 "P%ld.", now / 1000000, now % 1000000, (long)getpid());
        /* maildir(5): what cannot be in the name is written in octal */
        for (const char *p = host; *p; p++) {
                if (*p == '/')
                        buf_str(to, "\\057");
                else if (*p == ':')
                        buf_str(to, "\\072");
                else
                        buf_char(to, *p);
        }
}
