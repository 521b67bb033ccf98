#include "pop3/retrieve.h"

/* A loop of a fixed length over bytes is one that compilers turn into a few vector instructions. */
enum { BLOCK = 64 };

/* Whether in so many bytes a line end has a dot behind it; one byte more is looked at. */
static bool block_has_dot(const char *p)
{
        unsigned char n = 0;
        for (int i = 0; i < BLOCK; i++)
                n |= (unsigned char)((p[i] == '\n') & (p[i + 1] == '.'));
        return n;
}

/* Offset of the first dot that follows a line end, or s.n. */
static size_t find_dot(struct slice s)
{
        size_t i = 0;
        while (s.n - i > BLOCK && !block_has_dot(s.p + i))
                i += BLOCK;
        for (; i + 1 < s.n; i++)
                if (s.p[i] == '\n' && s.p[i + 1] == '.')
                        return i + 1;
        return s.n;
}

void retrieve_write(struct conn *c, struct slice raw)
{
        char last = '\0';
        if (raw.n && raw.p[0] == '.')
                conn_puts(c, ".");
        struct slice rest = raw;
        while (rest.n) {
                /* up to the next dot that starts a line; the dot itself begins the next piece */
                size_t take = find_dot(rest);
                conn_write_crlf(c, slice_head(rest, take), &last);
                rest = slice_from(rest, take);
                if (rest.n)
                        conn_puts(c, ".");
        }
        if (raw.n && raw.p[raw.n - 1] != '\n')
                conn_puts(c, "\r\n");
}

static bool is_empty_line(struct slice line)
{
        return line.n == 0 || slice_eq(line, SLICE("\r"));
}

struct slice retrieve_top(struct slice raw, uint64_t lines)
{
        struct slice rest = raw, line;
        bool in_body = false;
        while (rest.n && (!in_body || lines > 0)) {
                slice_split(&rest, '\n', &line);
                if (in_body)
                        lines--;
                else
                        in_body = is_empty_line(line);
        }
        return slice_head(raw, raw.n - rest.n);
}
