#ifndef WIRE_DEFLATE_H
#define WIRE_DEFLATE_H

/* The two raw DEFLATE streams (RFC 1951) of a connection under COMPRESS (RFC 4978), for wire/conn.c.
 *
 * What is sent ends in a full flush wherever the client may be waiting: nothing is held back, and no text
 * shapes the size of a later answer. (Who can send mail and see sizes on the wire could otherwise guess, one
 * character at a time, what else is in the mailbox, as CRIME and BREACH did with HTTP.) Behind such a flush
 * the compressor remembers nothing, so it is given back: an idle connection holds no more than what reading
 * needs, some 7 KiB and as much of a window of 32 KiB as the client has filled; 128 KiB are added while an
 * answer is sent. */

#include <sys/types.h>

#include "base/slice.h"

struct deflate;

struct deflate *deflate_new(void);
void deflate_free(struct deflate **d);

/* Compresses some of *plain, which is moved on, into `room` bytes at `to`. With `flush` everything has to go
 * out: call until *ret_more is false, with room for more than the six bytes of a flush's mark. Number of
 * bytes, or -ENOMEM. */
ssize_t deflate_pack(struct deflate *d, struct slice *plain, bool flush, char *to, size_t room,
                     bool *ret_more);
/* Something was packed since the last flush. */
bool deflate_unflushed(const struct deflate *d);

/* Decompresses some of *packed, which is moved on, into `room` bytes at `to`, room > 0. Number of bytes:
 * fewer than room when all of *packed was taken and nothing is left inside. -EPIPE behind the end of the
 * stream; -EPROTO: what came is no such stream; -ENOMEM. */
ssize_t deflate_unpack(struct deflate *d, struct slice *packed, char *to, size_t room);

#endif
