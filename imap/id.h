#ifndef IMAP_ID_H
#define IMAP_ID_H

/* ID (RFC 2971): what the server says of itself, and what it makes of what a client says. */

#include "conf/settings.h"
#include "wire/conn.h"

/* The untagged answer to ID, with its CRLF. The setting imap_id_send holds keys and values in turn, quoted
 * where they have spaces; "*" is this server's own value for name and version and NIL for anything else. */
void imap_write_id(struct conn *c, const struct settings *settings);

/* What the setting imap_id_capability has for a client that calls itself so: words for struct
 * imap_capability_state, in the setting's text; empty when it has nothing. */
struct slice imap_id_capability(const struct settings *settings, struct slice name);

#endif
