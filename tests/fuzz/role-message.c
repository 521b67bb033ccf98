/* role_decode(): what the monitor makes of a packet from the edge, and the edge of one from the monitor. */

#include <stdlib.h>

#include "priv/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const uint8_t *data, size_t size, enum role_sender from)
{
        struct role_message m;
        if (role_decode(slice_make(data, size), from, &m) < 0)
                return;
        /* every field lies in the packet */
        for (size_t i = 0; i < ROLE_FIELDS_MAX; i++)
                if (m.field[i].n && (m.field[i].p < (const char *)data ||
                                     m.field[i].p + m.field[i].n > (const char *)data + size))
                        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        decode(data, size, SENT_BY_EDGE);
        decode(data, size, SENT_BY_MONITOR);
        return 0;
}
