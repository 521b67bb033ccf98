#ifndef PRIV_ACCEPTING_H
#define PRIV_ACCEPTING_H

/* The accept loop of a server: priv/listen.h with this server's settings, certificates and connections.
 * Settings and certificates are read again when their files change; what is wrong in them leaves what is in
 * force. */

#include "priv/connection.h"
#include "priv/listen.h"
#include "priv/options.h"

/* Runs until the quiet spell or SIGTERM. `arena` holds the settings, and is replaced as they are. An exit
 * status. */
int accepting_run(struct server *s, const struct options *o, struct arena *arena,
                  const struct listener *listeners, size_t n);

#endif
