#ifndef IMAP_METADATA_H
#define IMAP_METADATA_H

/* Annotations as GETMETADATA (RFC 5464) and LIST RETURN (METADATA) (RFC 9590) tell them. */

#include "imap/session.h"
#include "store/annotation.h"

struct imap_metadata {
        struct imap_entries entries; /* in lower case */
        unsigned depth;              /* 0, 1, IMAP_DEPTH_INFINITY */
        bool limited;
        uint32_t maxsize; /* with `limited`: longer values are left out */
};

/* "* METADATA mailbox (entry value ...)" with what there is of the entries, NIL for those that are not there
 * (DEPTH 0 only); nothing at all when that is empty. `mailbox` "" is the server. *ret_longest: size of the
 * longest value that was left out, or 0. -errno of the store: nothing was written. */
int imap_write_metadata(struct imap_session *s, const char *mailbox, const struct imap_metadata *what,
                        uint64_t *ret_longest);

#endif
