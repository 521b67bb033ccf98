/* The whole command stream after login: the input is all a client says to a session on a small Maildir. What
 * it is told must be an answer to that; see imap_stream.h. */

#include "imap/imap.h"
#include "imap_stream.h"
#include "mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every limit of a command is met by less. */
enum { INPUT_MAX = 24 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(buf_free) struct buf told = {0};
        struct slice said = slice_make(data, size);
        if (size > INPUT_MAX)
                return 0;
        mail_session(imap_session, said, &told);
        imap_stream_check(said, buf_slice(&told));
        return 0;
}
