#ifndef IMAP_CAPABILITY_H
#define IMAP_CAPABILITY_H

/* The capability list (RFC 3501 section 7.2.1). */

#include "conf/settings.h"
#include "wire/conn.h"

struct imap_capability_state {
        const struct settings *settings; /* imap_capability, auth_mechanisms */
        bool logged_in;
        struct slice client_words; /* imap_id_capability(): "-A -B" are not for this client */
        /* Before login only: */
        bool can_start_tls;
        bool plaintext_allowed; /* LOGIN and plaintext mechanisms */
};

/* The settings ask for QUOTA's commands: both of what were plugins, and a quota root. */
bool imap_has_quota(const struct settings *s);

/* "IMAP4rev1 SASL-IR ...", to stand behind "CAPABILITY ". */
void imap_write_capabilities(struct conn *c, const struct imap_capability_state *state);
/* Whether a name is in that list. The setting imap_capability may be the whole list, or begin with "+" or
 * "-": words that are added ("+A", "A") or taken away ("-A"). */
bool imap_is_announced(const struct imap_capability_state *state, struct slice name);

/* Bytes that a message may have which a client puts in: the setting quota_max_mail_size, and what this server
 * takes at all. */
uint64_t imap_append_limit(const struct settings *settings);

#endif
