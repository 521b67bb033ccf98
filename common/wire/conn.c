#include "wire/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "wire/deflate.h"
#include "wire/tls.h"

enum { PACKED_INPUT = 4096 /* compressed bytes that are read at once: mostly commands */ };

void conn_init(struct conn *c, int in_fd, int out_fd)
{
        *c = (struct conn){.in_fd = in_fd, .out_fd = out_fd, .ends = DEADLINE_NEVER};
}

void conn_free(struct conn *c)
{
        if (c->tls)
                tls_session_free(&c->tls);
        deflate_free(&c->deflate);
        buf_free(&c->packed);
        if (c->in)
                explicit_bzero(c->in, c->in_used);
        free(c->in);
        buf_free(&c->out);
        conn_init(c, c->in_fd, c->out_fd);
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

int conn_compress(struct conn *c)
{
        int r = conn_flush(c);
        if (r < 0)
                return r;
        struct slice early = conn_unread(c);
        buf_append(&c->packed, early);
        c->bytes_in -= early.n;
        conn_discard(c);
        c->deflate = deflate_new();
        return 0;
}

/* One read without waiting; -EAGAIN when nothing is there. */
static ssize_t read_wire(struct conn *c, char *to, size_t n)
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

static bool has_packed(const struct conn *c)
{
        return c->packed_at < c->packed.n || c->packed_more;
}

/* What can be decompressed of what is here; -EAGAIN when that is nothing. */
static ssize_t read_packed(struct conn *c, char *to, size_t n)
{
        struct slice packed = slice_from(buf_slice(&c->packed), c->packed_at);
        ssize_t r = deflate_unpack(c->deflate, &packed, to, n);
        c->packed_at = c->packed.n - packed.n;
        c->packed_more = r == (ssize_t)n;
        return r == 0 ? -EAGAIN : r == -EPIPE ? 0 : r;
}

/* As read_wire(), of what the client meant. */
static ssize_t read_some(struct conn *c, char *to, size_t n)
{
        if (!c->deflate)
                return read_wire(c, to, n);
        if (!has_packed(c)) {
                c->packed.n = c->packed_at = 0;
                ssize_t r = read_wire(c, buf_reserve(&c->packed, PACKED_INPUT), PACKED_INPUT);
                if (r <= 0)
                        return r;
                c->packed.n = (size_t)r;
        }
        return read_packed(c, to, n);
}

/* Something is here that the descriptor does not tell of. */
static bool has_input(const struct conn *c)
{
        return has_packed(c) || (c->tls && tls_read_pending(c->tls));
}

/* One read into the buffer, which has room: bytes, 0 at the end, -EAGAIN, or the error, which stays. */
static ssize_t take_in(struct conn *c)
{
        ssize_t n = read_some(c, c->in + c->in_end, CONN_INPUT_MAX - c->in_end);
        if (n == -EAGAIN)
                return n;
        if (n < 0)
                return c->error = (int)n;
        if (n == 0)
                c->eof = true;
        c->in_end += (size_t)n;
        c->in_used = MAX(c->in_used, c->in_end);
        c->bytes_in += (uint64_t)n;
        return n;
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
                if (!has_input(c)) {
                        r = fd_wait(c->in_fd, POLLIN, deadline);
                        if (r < 0)
                                return r;
                }
                ssize_t n = take_in(c);
                if (n != -EAGAIN)
                        return n;
        }
}

/* As conn_fill() for callers that need more: 0, -EPIPE at end of input, or the error. */
static int fill_more(struct conn *c, deadline_t deadline)
{
        ssize_t r = conn_fill(c, deadline);
        return r > 0 ? 0 : r == 0 ? -EPIPE : (int)r;
}

static int find_line(struct conn *c, size_t max, deadline_t deadline, struct slice *ret)
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

int conn_line(struct conn *c, size_t max, deadline_t deadline, struct slice *ret)
{
        int r = find_line(c, max, deadline, ret);
        c->too_long = r == -EMSGSIZE;
        return r;
}

int conn_skip_line(struct conn *c, deadline_t deadline)
{
        for (;;) {
                struct slice have = conn_unread(c);
                size_t lf = slice_find(have, '\n');
                if (lf < have.n) {
                        c->in_at += lf + 1;
                        c->too_long = false;
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

bool conn_input_pending(struct conn *c)
{
        if (conn_unread(c).n || c->eof || c->error)
                return true;
        if (!c->deflate)
                return has_input(c) || fd_wait(c->in_fd, POLLIN, 0) == 0;
        /* it may be no more than the end of a flush: what counts is what it decompresses to */
        make_room(c);
        while (has_input(c) || fd_wait(c->in_fd, POLLIN, 0) == 0)
                if (take_in(c) != -EAGAIN)
                        return true;
        return false;
}

void conn_linger(struct conn *c)
{
        if (c->eof || c->error || (!c->too_long && !conn_input_pending(c)))
                return;
        deadline_t deadline = deadline_in_ms(CONN_LINGER_MS);
        size_t sum = 0;
        ssize_t n;
        make_room(c);
        do {
                if (!(c->tls && tls_read_pending(c->tls)) && fd_wait(c->in_fd, POLLIN, deadline) < 0)
                        return;
                n = read_wire(c, c->in, CONN_INPUT_MAX);
                if (n > 0)
                        c->in_used = MAX(c->in_used, (size_t)n);
                sum += (size_t)MAX(n, 0);
        } while ((n > 0 || n == -EAGAIN) && sum < CONN_LINGER_MAX && deadline_left(deadline) > 0);
}
