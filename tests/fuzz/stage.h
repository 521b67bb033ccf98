#ifndef TESTS_FUZZ_STAGE_H
#define TESTS_FUZZ_STAGE_H

/* A client in memory: what it says is a file that is read to its end, what it is told is another. Nothing
 * waits: the client has said all it will ever say. */

#include "base/buf.h"

struct stage {
        int in_fd, out_fd;
};

/* What does not hold ends the process, with the reason on stderr: a fuzzer keeps the input. */
_noreturn_ void stage_fail(const char *what, struct slice at);

void stage_open(struct stage *s, struct slice input);
/* All that was written, appended. */
void stage_output(const struct stage *s, struct buf *to);
void stage_close(struct stage *s); /* also a _cleanup_ function */

#endif
