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

/* Where reading stopped in a command: the messages of APPEND and REPLACE are not read into memory. */
struct imap_literal {
        bool open;     /* at such a message, or within or behind it: more of the command is to come */
        bool waits;    /* the client sends it when it is asked to, by "+" */
        uint64_t left; /* bytes of it that are still to come */
};

/* Reads one command into `to` (emptied first), in the form imap_command_parse() takes. It sends "+ "
 * continuation requests itself, except for the message literal of an APPEND or REPLACE, where it stops:
 * *ret_literal says so. 0; -EMSGSIZE when a limit was met: the command was skipped to its end where that is
 * possible, *ret_tag is its tag (may be empty; it points into `to`) and *ret_text what to say after BAD;
 * -EBADMSG for a NUL in a line, in the same way; -EOVERFLOW when it could not be skipped within reason (the
 * connection must end with BYE, *ret_text); -EPIPE, -ETIMEDOUT, -errno. */
int imap_read_command(struct conn *c, const struct imap_reader_limits *limits, deadline_t deadline,
                      struct buf *to, struct imap_literal *ret_literal, struct slice *ret_tag,
                      const char **ret_text);

/* The same command from behind a message literal that was taken off the connection to the next one, or to the
 * command's end. The limits are for this stretch. Errors as above; after -EMSGSIZE and -EBADMSG nothing of
 * the command is left. */
int imap_read_on(struct conn *c, const struct imap_reader_limits *limits, deadline_t deadline, struct buf *to,
                 struct imap_literal *ret_literal, const char **ret_text);

/* To be called for each command that is answered before it was read to its end (a wrong state, a mailbox that
 * is not there, no room): skips what is left of it, unless the client waits for "+" and was told NO instead.
 * Afterwards nothing is open. 0 (also when there is nothing to skip); -EOVERFLOW when that is too much,
 * -EPIPE, -ETIMEDOUT, -errno. */
int imap_skip_command(struct conn *c, const struct imap_reader_limits *limits, deadline_t deadline,
                      struct imap_literal *literal);

#endif
