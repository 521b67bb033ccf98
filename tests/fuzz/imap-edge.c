/* The whole command stream before login: the input is all a client says to the edge, once where passwords are
 * allowed and once where TLS comes first. What it is told must be an answer to that; see imap_stream.h. */

#include "edge_stage.h"
#include "imap/edge.h"
#include "imap_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every limit before login is met by less. */
enum { INPUT_MAX = 100 * 1024 };

static void run(struct slice said, bool secured)
{
        _cleanup_(buf_free) struct buf told = {0};
        if (edge_stage(imap_edge, secured, said, &told))
                buf_str(&told, "* BYE Logged in.\r\n"); /* the rest of the input is the session's */
        imap_stream_check(said, buf_slice(&told));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size > INPUT_MAX)
                return 0;
        run(slice_make(data, size), true);
        run(slice_make(data, size), false);
        return 0;
}
