#ifndef IMAP_CAPABILITY_H
#define IMAP_CAPABILITY_H

/* What the server says about itself: the capability list (RFC 3501 section 7.2.1) and its ID (RFC 2971). */

#include "conf/settings.h"
#include "wire/conn.h"

struct imap_capability_state {
        const struct settings *settings; /* imap_capability, auth_mechanisms */
        bool logged_in;
        /* Before login only: */
        bool can_start_tls;
        bool plaintext_allowed; /* LOGIN and plaintext mechanisms */
};

/* The settings ask for QUOTA's commands: both of what were plugins, and a quota root. */
bool imap_has_quota(const struct settings *s);

/* "IMAP4rev1 SASL-IR ...", to stand behind "CAPABILITY ". */
void imap_write_capabilities(struct conn *c, const struct imap_capability_state *state);

/* Bytes that a message may have which a client puts in: the setting quota_max_mail_size, and what this server
 * takes at all. */
uint64_t imap_append_limit(const struct settings *settings);

/* The untagged answer to ID, with its CRLF. The setting imap_id_send holds keys and values in turn, quoted
 * where they have spaces; "*" is this server's own value for name and version and NIL for anything else. */
void imap_write_id(struct conn *c, const struct settings *settings);

#endif
