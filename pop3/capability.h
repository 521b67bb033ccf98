#ifndef POP3_CAPABILITY_H
#define POP3_CAPABILITY_H

/* The answer to CAPA (RFC 2449 section 5) and the mechanisms of AUTH (RFC 5034), which change with the state.
 */

#include "auth/sasl.h"
#include "conf/settings.h"
#include "wire/conn.h"

struct pop3_capability_state {
        const struct settings *settings;
        bool can_start_tls;     /* not after login */
        bool plaintext_allowed; /* after login: it was */
};

/* The whole answer, first line and last. */
void pop3_write_capabilities(struct conn *c, const struct pop3_capability_state *state);
/* One enabled mechanism that can be used now after the other, each with `before` and `after` around it. */
void pop3_write_mechanisms(struct conn *c, const struct pop3_capability_state *state, const char *before,
                           const char *after);

#endif
