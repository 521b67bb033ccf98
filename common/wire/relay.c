#include "wire/relay.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/tls.h"

/* One direction's bytes on the way. */
struct pipe {
        char data[RELAY_BUFFER];
        size_t at, end;
        bool ended; /* nothing more will come in */
};

static bool is_empty(const struct pipe *p)
{
        return p->at == p->end;
}

/* Keeps what a read or write gave. False when the connection is unusable. */
static bool took(struct pipe *p, ssize_t n)
{
        if (n == -EAGAIN)
                return true;
        if (n < 0)
                return false;
        p->at = 0;
        p->end = (size_t)n;
        p->ended = n == 0;
        return true;
}

static bool gave(struct pipe *p, ssize_t n)
{
        if (n == -EAGAIN)
                return true;
        if (n <= 0)
                return false;
        p->at += (size_t)n;
        return true;
}

static ssize_t plain_read(int fd, struct pipe *p)
{
        ssize_t n = read(fd, p->data, sizeof(p->data));
        return n < 0 ? (errno == EINTR ? -EAGAIN : -errno) : n;
}

static ssize_t plain_write(int fd, const struct pipe *p)
{
        ssize_t n = write(fd, p->data + p->at, p->end - p->at);
        return n < 0 ? (errno == EINTR ? -EAGAIN : -errno) : n;
}

static ssize_t read_client(struct conn *c, struct pipe *p)
{
        struct slice unread = slice_head(conn_unread(c), sizeof(p->data));
        if (unread.n == 0)
                return tls_read(c->tls, p->data, sizeof(p->data));
        memcpy(p->data, unread.p, unread.n);
        c->in_at += unread.n;
        return (ssize_t)unread.n;
}

static bool wait_for_either(struct conn *c, int session_fd, const struct pipe *in, const struct pipe *out,
                            deadline_t unless_written)
{
        if (is_empty(in) && !in->ended && (conn_unread(c).n || tls_read_pending(c->tls)))
                return true;
        short session_events = (short)((is_empty(out) ? POLLIN : 0) | (is_empty(in) ? 0 : POLLOUT));
        struct pollfd f[3] = {
                {.fd = is_empty(in) && !in->ended ? c->in_fd : -1, .events = POLLIN},
                {.fd = is_empty(out) ? -1 : c->out_fd, .events = POLLOUT},
                /* left out when there is nothing to ask, or its hang-up would wake us again and again */
                {.fd = session_events ? session_fd : -1, .events = session_events},
        };
        /* the session has the timers: it closes, and this ends; but one that is gone cannot end the wait for
         * a client that never takes the last bytes */
        int r = poll(f, 3, is_empty(out) ? -1 : deadline_left(unless_written));
        return r > 0 || (r < 0 && errno == EINTR);
}

void relay_run(struct conn *c, int session_fd)
{
        struct pipe in = {.at = 0}, out = {.at = 0};
        bool shut = false;
        deadline_t unless_written = DEADLINE_NEVER;
        while (wait_for_either(c, session_fd, &in, &out, unless_written)) {
                if (is_empty(&in) && !in.ended && !took(&in, read_client(c, &in)))
                        in.ended = true;
                if (!is_empty(&in) && !gave(&in, plain_write(session_fd, &in)))
                        return;
                if (in.ended && is_empty(&in) && !shut) {
                        shutdown(session_fd, SHUT_WR);
                        shut = true;
                }
                bool fresh = is_empty(&out);
                if (fresh && !took(&out, plain_read(session_fd, &out)))
                        return;
                if (out.ended)
                        return;
                struct slice bytes = {out.data + out.at, out.end - out.at};
                if (bytes.n && !gave(&out, tls_write(c->tls, bytes)))
                        return;
                if (fresh || out.end - out.at < bytes.n)
                        unless_written = deadline_in_ms(CONN_WRITE_TIMEOUT_MS);
        }
}
