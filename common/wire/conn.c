#include "wire/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crlf.h"
#include "wire/tls.h"

enum {
        CRLF_CHUNK =
                CONN_OUTPUT_FLUSH, /* what is looked at, then copied, while it is in the processor's cache */
        CRLF_ROOM = 1024,          /* for less the output is rather flushed */
};

void conn_init(struct conn *c, int in_fd, int out_fd)
{
        *c = (struct conn){.in_fd = in_fd, .out_fd = out_fd, .ends = DEADLINE_NEVER};
}

void conn_free(struct conn *c)
{
        if (c->tls)
                tls_session_free(&c->tls);
        if (c->in)
                explicit_bzero(c->in, c->in_used);
        free(c->in);
        buf_free(&c->out);
        conn_init(c, c->in_fd, c->out_fd);
}

static int wait_for(int fd, short events, deadline_t deadline)
{
        for (;;) {
                struct pollfd p = {.fd = fd, .events = events};
                int r = poll(&p, 1, deadline_left(deadline));
                if (r > 0)
                        return 0;
                if (r == 0)
                        return -ETIMEDOUT;
                if (errno != EINTR)
                        return -errno;
        }
}

static void make_room(struct conn *c)
{
        if (!c->in)
                c->in = xmalloc(CONN_INPUT_MAX);
        if (c->in_at == c->in_end)
                c->in_at = c->in_end = 0;
        if (c->in_end == CONN_INPUT_MAX && c->in_at > 0) {
                memmove(c->in, c->in + c->in_at, c->in_end - c->in_at);
                c->in_end -= c->in_at;
                c->in_at = 0;
        }
}

int conn_unshift(struct conn *c, struct slice s)
{
        make_room(c);
        size_t have = c->in_end - c->in_at;
        if (s.n > CONN_INPUT_MAX - have)
                return -E2BIG;
        memmove(c->in + s.n, c->in + c->in_at, have);
        if (s.n)
                memcpy(c->in, s.p, s.n);
        c->in_at = 0;
        c->in_end = have + s.n;
        c->in_used = MAX(c->in_used, c->in_end);
        c->bytes_in += s.n;
        return 0;
}

void conn_discard(struct conn *c)
{
        c->in_at = c->in_end = 0;
}

void conn_forget(struct conn *c)
{
        if (!c->in)
                return;
        explicit_bzero(c->in, c->in_at);
        explicit_bzero(c->in + c->in_end, c->in_used - c->in_end);
        c->in_used = c->in_end;
}

/* One read without waiting; -EAGAIN when nothing is there. */
static ssize_t read_some(struct conn *c, char *to, size_t n)
{
        if (c->tls)
                return tls_read(c->tls, to, n);
        for (;;) {
                ssize_t r = read(c->in_fd, to, n);
                if (r >= 0)
                        return r;
                if (errno != EINTR)
                        return -errno;
        }
}

ssize_t conn_fill(struct conn *c, deadline_t deadline)
{
        if (c->eof)
                return 0;
        if (c->error)
                return c->error;
        make_room(c);
        if (c->in_end == CONN_INPUT_MAX)
                return -ENOBUFS;
        int r = conn_flush(c);
        if (r < 0)
                return r;
        deadline = MIN(deadline, c->ends);
        for (;;) {
                /* who always has something to say would never be waited for */
                if (deadline_left(c->ends) == 0)
                        return -ETIMEDOUT;
                if (!(c->tls && tls_read_pending(c->tls))) {
                        r = wait_for(c->in_fd, POLLIN, deadline);
                        if (r < 0)
                                return r;
                }
                ssize_t n = read_some(c, c->in + c->in_end, CONN_INPUT_MAX - c->in_end);
                if (n == -EAGAIN)
                        continue;
                if (n < 0)
                        return c->error = (int)n;
                if (n == 0)
                        c->eof = true;
                c->in_end += (size_t)n;
                c->in_used = MAX(c->in_used, c->in_end);
                c->bytes_in += (uint64_t)n;
                return n;
        }
}

/* As conn_fill() for callers that need more: 0, -EPIPE at end of input, or the error. */
static int fill_more(struct conn *c, deadline_t deadline)
{
        ssize_t r = conn_fill(c, deadline);
        return r > 0 ? 0 : r == 0 ? -EPIPE : (int)r;
}

int conn_line(struct conn *c, size_t max, deadline_t deadline, struct slice *ret)
{
        size_t looked = 0;
        for (;;) {
                struct slice have = conn_unread(c);
                size_t lf = looked + slice_find(slice_from(have, looked), '\n');
                if (lf < have.n) {
                        size_t n = lf > 0 && have.p[lf - 1] == '\r' ? lf - 1 : lf;
                        if (n > max)
                                return -EMSGSIZE;
                        *ret = slice_head(have, n);
                        c->in_at += lf + 1;
                        return 0;
                }
                if (have.n > max + 1) /* a CR may still be followed by its LF */
                        return -EMSGSIZE;
                looked = have.n;
                if (c->in_at > 0 && c->in_end == CONN_INPUT_MAX)
                        make_room(c);
                int r = fill_more(c, deadline);
                if (r == -ENOBUFS)
                        return -EMSGSIZE;
                if (r < 0)
                        return r;
        }
}

int conn_skip_line(struct conn *c, deadline_t deadline)
{
        for (;;) {
                struct slice have = conn_unread(c);
                size_t lf = slice_find(have, '\n');
                if (lf < have.n) {
                        c->in_at += lf + 1;
                        return 0;
                }
                conn_discard(c);
                int r = fill_more(c, deadline);
                if (r < 0)
                        return r;
        }
}

ssize_t conn_take(struct conn *c, size_t max, deadline_t deadline, struct slice *ret)
{
        if (conn_unread(c).n == 0) {
                int r = fill_more(c, deadline);
                if (r < 0)
                        return r;
        }
        *ret = slice_head(conn_unread(c), max);
        c->in_at += ret->n;
        return (ssize_t)ret->n;
}

int conn_take_exact(struct conn *c, size_t n, deadline_t deadline, struct buf *to)
{
        while (n) {
                struct slice part;
                ssize_t r = conn_take(c, n, deadline, &part);
                if (r < 0)
                        return (int)r;
                int e = buf_append(to, part);
                if (e < 0)
                        return e;
                n -= part.n;
        }
        return 0;
}

int conn_skip(struct conn *c, uint64_t n, deadline_t deadline)
{
        while (n) {
                struct slice part;
                ssize_t r = conn_take(c, n > SIZE_MAX ? SIZE_MAX : (size_t)n, deadline, &part);
                if (r < 0)
                        return (int)r;
                n -= part.n;
        }
        return 0;
}

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
                        c->bytes_out += (uint64_t)n;
                        deadline = deadline_in_ms(CONN_WRITE_TIMEOUT_MS);
                } else if (n == -EAGAIN) {
                        int r = wait_for(c->out_fd, POLLOUT, MIN(deadline, c->ends));
                        if (r < 0)
                                c->error = r;
                } else if (n != -EINTR) {
                        c->error = n == 0 ? -EPIPE : (int)n;
                }
        }
}

int conn_flush(struct conn *c)
{
        if (c->out.n && !c->error)
                write_out(c, buf_slice(&c->out));
        c->out.n = 0;
        return c->error;
}

void conn_write(struct conn *c, struct slice s)
{
        if (c->error)
                return;
        if (s.n >= CONN_OUTPUT_FLUSH) {
                conn_flush(c);
                write_out(c, s);
                return;
        }
        buf_append(&c->out, s);
        if (c->out.n >= CONN_OUTPUT_FLUSH)
                conn_flush(c);
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
                conn_flush(c);
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

bool conn_input_pending(struct conn *c)
{
        if (conn_unread(c).n || (c->tls && tls_read_pending(c->tls)))
                return true;
        return wait_for(c->in_fd, POLLIN, 0) == 0;
}
