/* imap-session: see priv/start.c for what happens before a command is read. */

#include "imap/edge.h"
#include "imap/imap.h"

static const struct protocol imap = {
        .name = "imap",
        .program = "imap-session",
        .tls_port = 993,
        .edge = imap_edge,
        .session = imap_session,
        .refusal = "* BYE [UNAVAILABLE] ",
};

int main(int argc, char **argv)
{
        return start_main(&imap, argc, argv);
}
