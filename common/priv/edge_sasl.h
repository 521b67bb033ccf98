#ifndef PRIV_EDGE_SASL_H
#define PRIV_EDGE_SASL_H

/* A SASL exchange with the client: "+ challenge" and response lines in base 64, the same in IMAP's
 * AUTHENTICATE (RFC 3501 section 6.2.2, RFC 4959) and POP3's AUTH (RFC 5034). What follows it is the
 * protocol's. */

#include "auth/sasl.h"
#include "wire/conn.h"

/* Runs it until `sasl` has its credentials. `initial` is the initial response in base 64, as sent.
 * 0; -EINVAL: malformed or given up by the client (*ret_text says which, for the tagged answer); -EACCES:
 * well-formed, but no credentials of the mechanism; otherwise the connection's error. */
int edge_sasl(struct conn *c, deadline_t deadline, struct sasl *sasl, bool has_initial, struct slice initial,
              const char **ret_text);

#endif
