#ifndef POP3_RETRIEVE_H
#define POP3_RETRIEVE_H

/* Sending a message: line ends become CRLF, a line that starts with a dot gets another one (RFC 1939 section
 * 3). */

#include "wire/conn.h"

/* Writes the message without the final "." line; a missing last line end is added. Large runs of it leave
 * without being copied or looked at byte by byte. */
void retrieve_write(struct conn *c, struct slice raw);

/* The part of a message that TOP asks for: the header, the empty line, and so many lines of the body. */
struct slice retrieve_top(struct slice raw, uint64_t lines);

#endif
