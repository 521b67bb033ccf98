#ifndef TESTS_FUZZ_IMAP_STREAM_H
#define TESTS_FUZZ_IMAP_STREAM_H

/* What must hold between all a client said and all it was told, read as a client reads it (RFC 3501 sections
 * 2.2, 4.3, 7; RFC 7888):
 *
 *   - the output is lines that end in CRLF and literals of the announced length; quoted strings are quoted
 *     strings and parentheses are balanced;
 *   - each command, whatever literals it has, gets one tagged answer with its tag ("*" when it has none), in
 *     order, unless the connection ended by BYE or the end of input: bytes of a literal never are commands;
 *   - FETCH and EXPUNGE name sequence numbers that EXISTS told of.
 *
 * Ends the process where one does not hold. */

#include "base/slice.h"

void imap_stream_check(struct slice said, struct slice told);

#endif
