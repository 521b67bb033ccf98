#ifndef IMAP_SOURCE_H
#define IMAP_SOURCE_H

/* Which mailboxes the specifiers of ESEARCH and NOTIFY mean (RFC 5465 section 6, RFC 7377 section 2.2). */

#include "imap/session.h"

/* Turns the names of n sources into the store's, once a command: they may be asked of very many folders. */
void imap_source_resolve(struct imap_session *s, struct imap_source *sources, size_t n);
/* Whether one of n sources means this folder, as one that is not selected: SOURCE_SELECTED and its like mean
 * none. "inboxes" is "personal" (RFC 5465 section 6.3): a delivery may go anywhere. */
bool imap_source_has(const struct imap_session *s, const struct imap_source *sources, size_t n,
                     const struct folder *folder);
/* A source of one of these kinds (a mask) is there. */
bool imap_source_kinds(const struct imap_source *sources, size_t n, unsigned kinds);

#endif
