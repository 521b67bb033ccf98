#ifndef AUTH_SASL_H
#define AUTH_SASL_H

/* The unprivileged half of SASL: server-side exchanges that collect what the privileged half verifies. Pure:
 * no I/O. Mechanisms: PLAIN (RFC 4616) and LOGIN (as clients use it). */

#include "base/buf.h"
#include "conf/settings.h"

enum {
        SASL_TEXT_MAX = 1024, /* user name or password, in bytes */
};

struct sasl_credentials {
        struct slice authzid; /* who to act as; empty: the same as user */
        struct slice user;
        struct slice password; /* the owner wipes it */
};

struct sasl_mechanism {
        const char *name; /* "PLAIN" */
        bool plaintext;   /* the password itself crosses the connection */
};

/* By name (any case) among those in the setting auth_mechanisms; NULL when it is unknown or not enabled. */
const struct sasl_mechanism *sasl_mechanism(struct slice name, const struct settings_list *enabled);
/* The i-th mechanism this library knows, NULL past the end: to announce them. */
const struct sasl_mechanism *sasl_mechanism_at(size_t i);

struct sasl {
        const struct sasl_mechanism *mechanism;
        int step;
        struct buf user, secret; /* what was collected; wiped by sasl_free() */
};

enum sasl_result {
        SASL_CONTINUE, /* send *ret_challenge (not yet base 64; may be empty), wait for a response */
        SASL_DONE,     /* sasl_credentials() has all */
        SASL_INVALID,  /* the response is malformed */
};

void sasl_init(struct sasl *s, const struct sasl_mechanism *mechanism);
/* One response, already decoded from base 64. The first call has the initial response, or has_response false
 * when the client sent none. *ret_challenge is static text. */
enum sasl_result sasl_step(struct sasl *s, bool has_response, struct slice response,
                           struct slice *ret_challenge);
/* After SASL_DONE; slices live until sasl_free(). */
struct sasl_credentials sasl_credentials(const struct sasl *s);
void sasl_free(struct sasl *s); /* wipes; also a _cleanup_ function */

#endif
