/* pop3-session: see priv/start.c for what happens before a command is read. */

#include "pop3/edge.h"
#include "pop3/session.h"

static const struct protocol pop3 = {
        .name = "pop3",
        .program = "pop3-session",
        .tls_port = 995,
        .edge = pop3_edge,
        .session = pop3_session,
        .refusal = "-ERR [SYS/TEMP] ",
};

int main(int argc, char **argv)
{
        return start_main(&pop3, argc, argv);
}
