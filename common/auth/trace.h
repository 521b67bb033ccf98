#ifndef AUTH_TRACE_H
#define AUTH_TRACE_H

/* The way to an answer: which databases were asked, in order, and what each said. For auth_debug and for
 * `mailsession auth`; the request's `trace` collects it, and nothing is decided by it. */

#include "auth/fields.h"

/* What was found in a database; NULL where there is none. Strings are in the arena. */
struct auth_step {
        bool userdb; /* else a passdb */
        bool found;  /* it knows the user, and a passdb has accepted the password */
        const char *driver, *name;
        const char *where;  /* "/etc/mailsession/users line 7" */
        const char *scheme; /* of the stored password: "SHA512-CRYPT"; never more of it */
        const char *text;   /* "Password mismatch"; when found: NULL */
        const char *fields; /* fields_text() */
        struct auth_step *next;
};

/* Adds a step; `log` is what the database gave for the log, or NULL. Nothing when nobody asks. */
void trace_add(const struct auth_call *c, const struct auth_step *step, const char *log);

/* "passdb passwd-file, /etc/mailsession/users line 7, SHA512-CRYPT: Password mismatch", in the arena. */
const char *trace_text(struct arena *arena, const struct auth_step *step);

/* A text for the log without "driver(user,192.0.2.7,<session>): ", which call_text() put in front. */
const char *trace_words(const char *log);

#endif
