#ifndef TESTS_FUZZ_POP3_STREAM_H
#define TESTS_FUZZ_POP3_STREAM_H

/* What must hold between all a client said and all it was told (RFC 1939 section 3): the greeting and then
 * one answer a line, "+OK" or "-ERR", in order; some are followed by lines up to one with a dot alone; all
 * lines end in CRLF. Answers may be missing where the connection ended. Ends the process where one does not
 * hold. */

#include "base/slice.h"

void pop3_stream_check(struct slice said, struct slice told);

#endif
