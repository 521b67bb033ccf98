/* The whole command stream after login, as imap-session.c. */

#include "mail.h"
#include "pop3/session.h"
#include "pop3_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 24 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(buf_free) struct buf told = {0};
        struct slice said = slice_make(data, size);
        if (size > INPUT_MAX)
                return 0;
        mail_session(pop3_session, said, &told);
        pop3_stream_check(said, buf_slice(&told));
        return 0;
}
