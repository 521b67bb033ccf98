#include "store/maildirsize.h"

#include <errno.h>
#include <inttypes.h>

#include "base/number.h"

/* More is nobody's, and sums of what fits a file stay clear of overflow. */
#define NUMBER_LIMIT (INT64_C(1) << 52)

static struct slice skip_spaces(struct slice s)
{
        while (s.n && s.p[0] == ' ')
                s = slice_from(s, 1);
        return s;
}

static size_t digits_of(struct slice s)
{
        size_t n = 0;
        while (n < s.n && ascii_isdigit(s.p[n]))
                n++;
        return n;
}

/* Courier pads its numbers with spaces. */
static int take_number(struct slice *rest, int64_t *ret)
{
        struct slice s = skip_spaces(*rest);
        bool minus = s.n && s.p[0] == '-';
        uint64_t value;
        s = slice_from(s, s.n && (minus || s.p[0] == '+'));
        size_t n = digits_of(s);
        int r = slice_to_u64(slice_head(s, n), &value);
        if (r < 0 || value > NUMBER_LIMIT)
                return -EINVAL;
        *ret = minus ? -(int64_t)value : (int64_t)value;
        *rest = slice_from(s, n);
        return 0;
}

/* What cannot be understood is no limit. */
static void parse_limits(struct slice line, struct quota_limits *to)
{
        struct slice word;
        uint64_t value;
        while (slice_split(&line, ',', &word)) {
                size_t n = digits_of(word);
                if (n + 1 != word.n || slice_to_u64(slice_head(word, n), &value) < 0)
                        continue;
                value = MIN(value, (uint64_t)INT64_MAX);
                if (word.p[n] == 'S')
                        to->bytes = value;
                else if (word.p[n] == 'C')
                        to->messages = value;
        }
}

static int parse_lines(struct slice text, struct maildirsize *m)
{
        int64_t bytes = 0, messages = 0, b, n;
        struct slice line;
        while (slice_split(&text, '\n', &line)) {
                if (take_number(&line, &b) < 0 || take_number(&line, &n) < 0 || skip_spaces(line).n)
                        return -EINVAL;
                bytes += b;
                messages += n;
                m->lines++;
        }
        if (m->lines == 0 || bytes < 0 || messages < 0)
                return -EINVAL;
        m->bytes = (uint64_t)bytes;
        m->messages = (uint64_t)messages;
        return 0;
}

int maildirsize_parse(struct slice text, struct maildirsize *ret)
{
        struct maildirsize m = {0};
        struct slice line, whole = slice_head(text, slice_rfind(text, '\n'));
        /* a first line that is being written says nothing yet */
        if (whole.n < text.n && slice_split(&whole, '\n', &line))
                parse_limits(line, &m.limits);
        bool bad = whole.n == text.n || text.n > MAILDIRSIZE_MAX;
        int r = bad ? -EINVAL : parse_lines(whole, &m);
        *ret = m;
        return r;
}

void maildirsize_put_line(struct buf *to, int64_t bytes, int64_t messages)
{
        buf_printf(to, "%" PRId64 " %" PRId64 "\n", bytes, messages);
}

void maildirsize_put(struct buf *to, const struct maildirsize *m)
{
        /* never an empty line: for Courier that is no file */
        if (m->limits.bytes || !m->limits.messages)
                buf_printf(to, "%" PRIu64 "S", m->limits.bytes);
        if (m->limits.messages)
                buf_printf(to, "%s%" PRIu64 "C", m->limits.bytes ? "," : "", m->limits.messages);
        buf_char(to, '\n');
        maildirsize_put_line(to, (int64_t)m->bytes, (int64_t)m->messages);
}
