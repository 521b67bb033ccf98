#ifndef IMAP_READER_H
#define IMAP_READER_H

/* Puts one command together from the connection: lines and literals, synchronising or not (RFC 3501
 * section 4.3, RFC 7888), within limits. Used by the edge (small limits) and the session.
 *
 * Whatever is refused, the stream stays in step: what a client sent as the content of a literal is never read
 * as a command (the fault behind many smuggling reports). Where that would cost too much the connection has
 * to end. */

#include "imap/command.h"
#include "wire/conn.h"

struct imap_reader_limits {
        size_t line;    /* bytes of all lines of a command together */
        size_t literal; /* bytes of one literal held in memory */
        size_t total;   /* bytes of a whole command */
        uint64_t skip;  /* bytes read and thrown away to get past one refused command */
};

/* Before login and after it. */
extern const struct imap_reader_limits imap_reader_before_login, imap_reader_logged_in;

/* imap_reader_logged_in by the setting imap_max_line_length, which holds for lines and for literals in
 * commands. */
struct imap_reader_limits imap_reader_limits(uint64_t max_line_length);

/* Reads one command into `to` (emptied first), in the form imap_command_parse() takes. It sends "+ "
 * continuation requests itself, except for the message literal of an APPEND, where it stops. 0; -EMSGSIZE
 * when a limit was met: the command was skipped to its end where that is possible, *ret_tag is its tag (may
 * be empty; it points into `to`) and *ret_text what to say after BAD; -EBADMSG for a NUL in a line, in the
 * same way; -EOVERFLOW when it could not be skipped within reason (the connection must end with BYE,
 * *ret_text); -EPIPE, -ETIMEDOUT, -errno. */
int imap_read_command(struct conn *c, const struct imap_reader_limits *limits, deadline_t deadline,
                      struct buf *to, struct slice *ret_tag, const char **ret_text);

/* After an APPEND's message literal was read from the connection: the end of its command. 0; -EINVAL when it
 * was not the end: what followed was skipped, say BAD; -EOVERFLOW, -EPIPE, -ETIMEDOUT, -errno. */
int imap_read_message_end(struct conn *c, const struct imap_reader_limits *limits, deadline_t deadline);

/* To be called for each command that is answered without its message literal having been read (a parse error,
 * a wrong state, a mailbox that is not there): when `command` ends with the mark of an APPEND's
 * non-synchronising literal, skips that and the rest of the command. 0 (also when there is nothing to skip);
 * errors as above, without -EINVAL. */
int imap_skip_message(struct conn *c, const struct imap_reader_limits *limits, deadline_t deadline,
                      struct slice command);

#endif
