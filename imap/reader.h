#ifndef IMAP_READER_H
#define IMAP_READER_H

/* Puts one command together from the connection: lines and literals, synchronising or not (RFC 3501 section 4.3,
 * RFC 7888), within limits. Used by the edge (small limits) and the session. */

#include "imap/command.h"
#include "wire/conn.h"

struct imap_reader_limits {
        size_t line;    /* bytes of all lines of a command together */
        size_t literal; /* bytes of one literal held in memory */
        size_t total;   /* bytes of a whole command */
};

/* Before login and after it. */
extern const struct imap_reader_limits imap_reader_before_login, imap_reader_logged_in;

/* Reads one command into `to` (emptied first), in the form imap_command_parse() takes. It sends "+ " continuation
 * requests itself, except for the message literal of an APPEND, where it stops.
 * 0; -EMSGSIZE when a limit was met: the command was skipped to its end where that is possible, *ret_tag is its
 * tag (may be empty) and *ret_text what to say after BAD; -EOVERFLOW when it could not be skipped within reason
 * (the connection must end with BYE, *ret_text); -EBADMSG for a NUL in a line; -EPIPE, -ETIMEDOUT, -errno. */
int imap_read_command(struct conn *c, const struct imap_reader_limits *limits, deadline_t deadline,
                      struct buf *to, struct slice *ret_tag, const char **ret_text);

#endif
