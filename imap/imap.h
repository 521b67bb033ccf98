#ifndef IMAP_IMAP_H
#define IMAP_IMAP_H

#include "priv/protocol.h"

/* struct protocol's session: serves the user until LOGOUT or the end of the connection. */
void imap_session(const struct session_start *start);

#endif
