#ifndef WIRE_TLS_CONTEXT_H
#define WIRE_TLS_CONTEXT_H

/* What tls.c needs of the credentials; the public side is wire/tls.h. */

#include <gnutls/gnutls.h>

#include "wire/tls.h"

/* Those of the local_name section with this very name, else of the first wildcard that matches `name` (any
 * case, "*.example.org" covers one level), or NULL for the default ones. */
gnutls_certificate_credentials_t tls_context_credentials_for(struct tls_context *c, struct slice name);

/* Priorities, default credentials and tickets for a new session. 0 or GnuTLS' error. */
int tls_context_apply(struct tls_context *c, gnutls_session_t session);

#endif
