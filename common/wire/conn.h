#ifndef WIRE_CONN_H
#define WIRE_CONN_H

/* One client connection: bounded buffered input, buffered output, in the clear or under TLS, with deadlines.
 *
 * Input is pulled: nothing is read ahead of what the caller asked for beyond one buffer of CONN_INPUT_MAX
 * bytes. Output errors are sticky: writers may ignore results and look at conn_error() once a command. */

#include <sys/types.h>

#include "base/buf.h"
#include "base/clock.h"

struct tls_session;
struct deflate;

enum {
        CONN_INPUT_MAX = 64 * 1024, /* the longest line a caller may ask for, with its line end */
        CONN_OUTPUT_FLUSH = 32 * 1024,
        CONN_WRITE_TIMEOUT_MS = 5 * 60 * 1000, /* a client that stops reading is dropped after this */
        CONN_LINGER_MS = 2000,                 /* for a client to read why, and to close: some round trips */
        CONN_LINGER_MAX = 1024 * 1024,         /* bytes until then: what may be on its way */
};

struct conn {
        int in_fd;               /* borrowed */
        int out_fd;              /* borrowed; may equal in_fd */
        struct tls_session *tls; /* owned; NULL in the clear */
        struct deflate *deflate; /* owned; NULL when not compressed */
        struct buf packed;       /* compressed input from packed_at on */
        size_t packed_at;
        bool packed_more; /* the decompressor has more without further input */
        char *in;         /* CONN_INPUT_MAX bytes, allocated on first use */
        size_t in_at, in_end;
        size_t in_used; /* the most that was ever in it: wiped at the end, for it may have held a password */
        struct buf out;
        int error; /* sticky: -errno of a failed read or write, 0 otherwise */
        bool eof;
        bool too_long;   /* the rest of the last line may still be on its way */
        deadline_t ends; /* DEADLINE_NEVER, or when reading and waiting to write are over, however busy the
                            client */
        uint64_t bytes_in, bytes_out; /* application bytes: decrypted, not compressed */
};

void conn_init(struct conn *c, int in_fd, int out_fd);
/* Ends TLS, frees buffers, leaves the descriptors open. Unflushed output is lost. */
void conn_free(struct conn *c);

/* Behind the last words. Who closes a socket that has unread input resets it, and the client may never see
 * them (RFC 9293 section 3.6.1). When there is such input, or the client is in a line that was refused, what
 * comes is thrown away until it closes, for CONN_LINGER_MS and CONN_LINGER_MAX at most. */
void conn_linger(struct conn *c);

/* What was read and not yet consumed. */
static inline struct slice conn_unread(const struct conn *c)
{
        return c->in ? slice_make(c->in + c->in_at, c->in_end - c->in_at) : SLICE_NULL;
}
/* Puts bytes before everything unread (at most CONN_INPUT_MAX in all): what another role read already.
 * -E2BIG. */
int conn_unshift(struct conn *c, struct slice s);
/* Throws away what was read and not consumed (before a TLS handshake, RFC 3501 section 6.2.1). */
void conn_discard(struct conn *c);

/* From here on both directions are raw DEFLATE streams, below TLS if there is any (RFC 4978 section 3). What
 * was written goes out in clear first; what was read and not consumed is compressed input already. All limits
 * and deadlines are about what it decompresses to. Once only. Later reads may give -EPROTO: that is no such
 * stream. 0 or a connection error. */
int conn_compress(struct conn *c);

/* Overwrites everything in the input buffer that was consumed: it held a password. */
void conn_forget(struct conn *c);

/* Reads once, waiting until the deadline. Number of bytes added (> 0); 0 at end of input; -ETIMEDOUT;
 * -ENOBUFS when the buffer is full; -errno. Flushes output first, so nobody waits for a prompt that is still
 * here. */
ssize_t conn_fill(struct conn *c, deadline_t deadline);

/* The next line without its CRLF or LF; valid until the next call that reads. `max` is the longest line
 * allowed, line end excluded. 0; -EMSGSIZE when it is longer (conn_skip_line() drops the rest of it); -EPIPE
 * at end of input (an unterminated last line is dropped); -ETIMEDOUT; -errno. */
int conn_line(struct conn *c, size_t max, deadline_t deadline, struct slice *ret);
/* Drops everything up to and including the next LF, in constant memory. 0, -EPIPE, -ETIMEDOUT, -errno. */
int conn_skip_line(struct conn *c, deadline_t deadline);

/* Up to max bytes, at least 1, of what follows: for literals. Valid until the next call that reads.
 * Count, -EPIPE, -ETIMEDOUT, -errno. */
ssize_t conn_take(struct conn *c, size_t max, deadline_t deadline, struct slice *ret);
/* Exactly n bytes appended to `to`. */
int conn_take_exact(struct conn *c, size_t n, deadline_t deadline, struct buf *to);
/* Drops exactly n bytes in constant memory. */
int conn_skip(struct conn *c, uint64_t n, deadline_t deadline);

/* Buffered; written when CONN_OUTPUT_FLUSH bytes have gathered, at conn_flush() and before conn_fill() waits.
 * A large slice (a mapped message) goes out without being copied. */
void conn_write(struct conn *c, struct slice s);
void conn_puts(struct conn *c, const char *s);
void conn_printf(struct conn *c, const char *fmt, ...) _printf_(2, 3);
/* As conn_write() with every bare LF sent as CRLF; *last is the byte before s (carry it over chunks; start
 * with 0). */
void conn_write_crlf(struct conn *c, struct slice s, char *last);
/* Writes what is buffered; under compression nothing stays behind in the compressor either. */
int conn_flush(struct conn *c);
/* A flush does not wait, with some hundred bytes more: who holds a lock may say something. */
bool conn_takes_more(const struct conn *c);

/* For replies in great numbers, put together in place: at least n bytes, up to CONN_OUTPUT_FLUSH, in the
 * output buffer; conn_sent() says where what was written there ends. Never NULL; after an error what is
 * written is dropped. */
char *conn_make_room(struct conn *c, size_t n);
static inline char *conn_room(struct conn *c, size_t n)
{
        if (c->out.n + n > CONN_OUTPUT_FLUSH || c->out.cap - c->out.n < n)
                return conn_make_room(c, n);
        return c->out.p + c->out.n;
}
static inline void conn_sent(struct conn *c, const char *end)
{
        c->out.n = (size_t)(end - c->out.p);
}

static inline int conn_error(const struct conn *c)
{
        return c->error;
}

/* True when input is waiting (buffered here, in TLS, compressed, or readable now). */
bool conn_input_pending(struct conn *c);

#endif
