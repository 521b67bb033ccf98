#ifndef BASE_CRLF_H
#define BASE_CRLF_H

/* Line ends on their way from a file, LF or CRLF, to the network, CRLF: a bare LF gets a CR before it. In
 * bulk, a block or a line at a time. `before` and `*last` are the byte before the text, 0 at the start. */

#include <stddef.h>

#include "base/slice.h"

/* LFs without a CR before them: by how many bytes the text grows. */
size_t crlf_bare(struct slice s, char before);

/* Copies with CRLFs until the text ends or `room` bytes, at least 2, are full; takes what was copied off
 * *from. A line end is not split. Returns the bytes written. */
size_t crlf_copy(char *to, size_t room, struct slice *from, char *last);

#endif
