#ifndef TESTS_FUZZ_MAIL_H
#define TESTS_FUZZ_MAIL_H

/* A user with a small Maildir, the same for each input, for targets that run a whole session. It lies in
 * memory where the system has /dev/shm (or in TMPDIR) and is gone when the process ends. */

#include "priv/protocol.h"
#include "stage.h"

/* Puts everything back as it was and runs the session, which reads the input as what its client says. What
 * the client is told is appended to `told`. */
void mail_session(void (*session)(const struct session_start *start), struct slice input, struct buf *told);

#endif
