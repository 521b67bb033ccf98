#include "mime/header.h"

/* Bytes of the line at offset, its line break included. */
static size_t line_size(struct slice s, size_t offset)
{
        struct slice rest = slice_from(s, offset);
        size_t n = slice_find(rest, '\n');
        return n < rest.n ? n + 1 : n;
}

/* Of a line with its line break. */
static bool line_is_empty(struct slice line)
{
        return line.n == 1 ? line.p[0] == '\n' : line.n == 2 && line.p[0] == '\r' && line.p[1] == '\n';
}

static struct slice line_chop(struct slice line)
{
        if (line.n && line.p[line.n - 1] == '\n') {
                line.n--;
                if (line.n && line.p[line.n - 1] == '\r')
                        line.n--;
        }
        return line;
}

size_t header_size(struct slice message)
{
        size_t offset = 0;
        while (offset < message.n) {
                size_t n = line_size(message, offset);
                struct slice line = slice_head(slice_from(message, offset), n);
                offset += n;
                if (line_is_empty(line))
                        break;
        }
        return offset;
}

struct header_iter header_iter(struct slice header)
{
        return (struct header_iter){.header = header};
}

struct header_iter header_iter_listed(const struct header_field *fields, size_t n)
{
        return (struct header_iter){.listed = fields, .listed_end = n ? fields + n : fields};
}

/* A field name is printable ASCII without blanks (RFC 5322 section 3.6.8); blanks may stand before the colon
 * (section 4.5). */
static size_t name_size(struct slice line, size_t *ret_colon)
{
        size_t limit = MIN(line.n, (size_t)HEADER_MAX_NAME + 1), n = 0;
        while (n < limit && line.p[n] > ' ' && line.p[n] <= '~' && line.p[n] != ':')
                n++;
        size_t colon = n;
        while (colon < limit && (line.p[colon] == ' ' || line.p[colon] == '\t'))
                colon++;
        if (colon == limit || line.p[colon] != ':')
                return 0;
        *ret_colon = colon;
        return n;
}

bool header_next(struct header_iter *it, struct header_field *ret)
{
        if (it->listed != it->listed_end) {
                *ret = *it->listed++;
                return true;
        }
        struct slice rest = slice_from(it->header, it->offset);
        size_t n = line_size(rest, 0);
        if (n == 0 || line_is_empty(slice_head(rest, n)))
                return false;
        struct slice first = slice_head(rest, n);
        while (n < rest.n && (rest.p[n] == ' ' || rest.p[n] == '\t'))
                n += line_size(rest, n);
        if (!it->everything && (it->fields >= HEADER_MAX_FIELDS || it->offset + n > HEADER_MAX_BYTES))
                return false;

        struct header_field f = {.raw = slice_head(rest, n), .offset = it->offset};
        size_t colon = 0;
        f.name = slice_head(first, name_size(first, &colon));
        if (f.name.n)
                f.value = slice_from(line_chop(f.raw), colon + 1);
        it->fields++;
        it->offset += n;
        *ret = f;
        return true;
}

bool header_find_nth(struct slice header, struct slice name, unsigned nth, struct header_field *ret)
{
        struct header_iter it = header_iter(header);
        for (struct header_field f; header_next(&it, &f);)
                if (f.name.n && slice_ieq(f.name, name) && nth-- == 0) {
                        *ret = f;
                        return true;
                }
        return false;
}

struct slice header_unfold(struct arena *a, struct slice value)
{
        value = slice_trim(value);
        if (slice_find(value, '\n') == value.n && slice_find(value, '\r') == value.n)
                return value;
        char *p = arena_alloc(a, value.n + 1);
        size_t n = 0;
        for (size_t i = 0; i < value.n; i++) {
                char c = value.p[i];
                size_t brk = c == '\n' ? 1 : c == '\r' && i + 1 < value.n && value.p[i + 1] == '\n' ? 2 : 0;
                if (brk &&
                    (value.p[i + brk] == ' ' || value.p[i + brk] == '\t')) /* trimmed: a byte follows */
                        i += brk - 1;
                else
                        p[n++] = c == '\r' || c == '\n' ? ' ' : c;
        }
        return slice_make(p, n);
}
