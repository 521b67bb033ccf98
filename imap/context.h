#ifndef IMAP_CONTEXT_H
#define IMAP_CONTEXT_H

/* Searches whose results are kept up to date: RETURN (UPDATE), ADDTO, REMOVEFROM, CANCELUPDATE (RFC 5267
 * section 4.3). A context remembers its keys and the numbers of what it has told; after each sync those
 * messages are looked at again that have changed. What its sequence numbers and "$" meant is fixed when it is
 * made. */

#include "imap/search_return.h"
#include "imap/session.h"

enum { IMAP_CONTEXTS_MAX = 16 /* each is another look at every message that changes */ };

struct context;

/* Whether a tag is in use: BAD (section 4.3). */
bool imap_context_exists(const struct imap_session *s, struct slice tag);
/* Begins to watch the search that `c` is, SEARCH or ESEARCH in the selected mailbox, from its results on;
 * `uid`: they are UIDs. "* NO [NOUPDATE ...]" when there are too many. */
void imap_context_begin(struct imap_session *s, const struct imap_command *c, bool uid,
                        const struct search_return *result);
/* "* NO [NOUPDATE "tag"]": for a search that cannot be watched. */
void imap_context_refuse(struct imap_session *s, struct slice tag);

/* From imap_sync(): before EXPUNGE is told, `expunged` as of struct mailbox_changes; and behind everything
 * else. */
void imap_contexts_expunge(struct imap_session *s, const uint32_t *expunged, size_t n);
void imap_contexts_update(struct imap_session *s);

/* From now on all tell UIDs: UIDONLY was enabled, and there are no message numbers any more (RFC 9586). */
void imap_contexts_use_uids(struct imap_session *s);

/* When the mailbox is closed. */
void imap_contexts_free(struct imap_session *s);

#endif
