/* The whole command stream before login, as imap-edge.c. */

#include "edge_stage.h"
#include "pop3/edge.h"
#include "pop3_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 100 * 1024 /* a line too long is shorter */ };

static void run(struct slice said, bool secured)
{
        _cleanup_(buf_free) struct buf told = {0};
        edge_stage(pop3_edge, secured, said, &told);
        pop3_stream_check(said, buf_slice(&told));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size > INPUT_MAX)
                return 0;
        run(slice_make(data, size), true);
        run(slice_make(data, size), false);
        return 0;
}
