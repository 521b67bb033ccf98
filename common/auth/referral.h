#ifndef AUTH_REFERRAL_H
#define AUTH_REFERRAL_H

/* What a user hears who may not log in here: the fields `reason`, and for IMAP `host`, `port` and `destuser`,
 * which name the server that has the mail (RFC 2221: only after the right password). */

#include "auth/fields.h"

/* For the client, in the arena: "[REFERRAL imap://kevin;AUTH=*@mail2.example.org/] Try this server instead.",
 * the reason, or a few words. NULL when a field cannot be told, with *ret_error for the log. */
const char *referral_text(const struct auth_call *c, const struct auth_fields *fields,
                          const char **ret_error);

#endif
