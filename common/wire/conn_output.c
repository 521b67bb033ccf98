/* The output half of a connection. */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crlf.h"
#include "base/fd.h"
#include "wire/conn.h"
#include "wire/deflate.h"
#include "wire/tls.h"

enum {
        CRLF_CHUNK =
                CONN_OUTPUT_FLUSH, /* what is looked at, then copied, while it is in the processor's cache */
        CRLF_ROOM = 1024,          /* for less the output is rather flushed */
        PACKED_OUTPUT = 16 * 1024, /* compressed bytes that are written at once */
        AT_ONCE =
                PIPE_BUF - 1024, /* what is writable takes PIPE_BUF bytes; so much of it is for what comes */
};

static ssize_t write_some(struct conn *c, struct slice s)
{
        if (c->tls)
                return tls_write(c->tls, s);
        ssize_t n = write(c->out_fd, s.p, s.n);
        return n < 0 ? -errno : n;
}

/* Writes all of it, waiting for a slow client up to CONN_WRITE_TIMEOUT_MS without progress. */
static void write_out(struct conn *c, struct slice s)
{
        deadline_t deadline = deadline_in_ms(CONN_WRITE_TIMEOUT_MS);
        while (s.n && !c->error) {
                ssize_t n = write_some(c, s);
                if (n > 0) {
                        s = slice_from(s, (size_t)n);
                        c->bytes_out += c->deflate ? 0 : (uint64_t)n;
                        deadline = deadline_in_ms(CONN_WRITE_TIMEOUT_MS);
                } else if (n == -EAGAIN) {
                        int r = fd_wait(c->out_fd, POLLOUT, MIN(deadline, c->ends));
                        if (r < 0)
                                c->error = r;
                } else if (n != -EINTR) {
                        c->error = n == 0 ? -EPIPE : (int)n;
                }
        }
}

static void write_packed(struct conn *c, struct slice s, bool flush)
{
        char to[PACKED_OUTPUT];
        for (bool more = s.n > 0 || flush; more && !c->error;) {
                size_t before = s.n;
                ssize_t n = deflate_pack(c->deflate, &s, flush, to, sizeof(to), &more);
                if (n < 0)
                        c->error = (int)n;
                else
                        write_out(c, slice_make(to, (size_t)n));
                c->bytes_out += before - s.n;
        }
}

/* Makes room in the output buffer, no more: the client need not see it yet. */
static void spill(struct conn *c)
{
        if (c->out.n && c->deflate)
                write_packed(c, buf_slice(&c->out), false);
        else if (c->out.n)
                write_out(c, buf_slice(&c->out));
        c->out.n = 0;
}

int conn_flush(struct conn *c)
{
        spill(c);
        if (c->deflate && deflate_unflushed(c->deflate))
                write_packed(c, SLICE_NULL, true);
        return c->error;
}

bool conn_takes_more(const struct conn *c)
{
        struct pollfd p = {.fd = c->out_fd, .events = POLLOUT};
        /* nobody knows how much a compressor holds that has not been flushed */
        return !c->error && !(c->deflate && deflate_unflushed(c->deflate)) && c->out.n < AT_ONCE &&
               poll(&p, 1, 0) == 1 && p.revents == POLLOUT;
}

void conn_write(struct conn *c, struct slice s)
{
        if (c->error)
                return;
        if (s.n >= CONN_OUTPUT_FLUSH) {
                spill(c);
                if (c->deflate)
                        write_packed(c, s, false);
                else
                        write_out(c, s);
                return;
        }
        buf_append(&c->out, s);
        if (c->out.n >= CONN_OUTPUT_FLUSH)
                spill(c);
}

void conn_puts(struct conn *c, const char *s)
{
        conn_write(c, slice_of(s));
}

void conn_printf(struct conn *c, const char *fmt, ...)
{
        char small[512];
        va_list ap, again;
        va_start(ap, fmt);
        va_copy(again, ap);
        int n = vsnprintf(small, sizeof(small), fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t)n < sizeof(small)) {
                conn_write(c, slice_make(small, (size_t)n));
        } else if (n >= 0) {
                _cleanup_(free_p) char *large = xmalloc((size_t)n + 1);
                vsnprintf(large, (size_t)n + 1, fmt, again);
                conn_write(c, slice_make(large, (size_t)n));
        }
        va_end(again);
}

char *conn_make_room(struct conn *c, size_t n)
{
        if (c->out.n + n > CONN_OUTPUT_FLUSH)
                spill(c);
        return buf_reserve(&c->out, n);
}

/* Whether text has nothing to be turned. Mail is of one kind: its first line end tells of most others. */
static bool is_crlf(struct slice s, char before)
{
        size_t lf = slice_find(s, '\n');
        if (lf < s.n && (lf > 0 ? s.p[lf - 1] : before) != '\r')
                return false;
        return lf == s.n || crlf_bare(slice_from(s, lf), '\r') == 0;
}

void conn_write_crlf(struct conn *c, struct slice s, char *last)
{
        while (s.n && !c->error) {
                struct slice chunk = slice_head(s, CRLF_CHUNK);
                s = slice_from(s, chunk.n);
                if (is_crlf(chunk, *last)) {
                        conn_write(c, chunk);
                        *last = chunk.p[chunk.n - 1];
                        continue;
                }
                while (chunk.n) {
                        size_t room = MIN(chunk.n * 2, CRLF_ROOM);
                        char *to = conn_room(c, room);
                        room = MIN(c->out.cap, (size_t)CONN_OUTPUT_FLUSH) - c->out.n;
                        conn_sent(c, to + crlf_copy(to, room, &chunk, last));
                }
        }
}
