#include "pop3/retrieve.h"

void retrieve_write(struct conn *c, struct slice raw)
{
        char last = '\0';
        if (raw.n && raw.p[0] == '.')
                conn_puts(c, ".");
        struct slice rest = raw;
        while (rest.n) {
                /* up to the line end before the next dot that starts a line; the dot itself begins the next
                 * piece */
                size_t at = slice_find_slice(rest, SLICE("\n."));
                size_t take = at < rest.n ? at + 1 : rest.n;
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
