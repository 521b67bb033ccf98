#ifndef IMAP_ENVELOPE_H
#define IMAP_ENVELOPE_H

/* ENVELOPE (RFC 3501 section 7.4.2): a message's header as the parenthesised list that a client reads. Pure.
 *
 * Texts are the fields as they stand, unfolded, encoded words untouched. NIL is for a field that is not
 * there; one that is there and empty is "". Sender and Reply-To default to From. Where a field that may occur
 * once occurs more often, address lists are put together, and of the others the last counts: what Dovecot's
 * clients saw. */

#include "base/buf.h"
#include "mime/header.h"

enum {
        /* No header gives more: HEADER_MAX_BYTES of text, From thrice and escaped, and under 200,000
         * addresses (ADDRESS_MAX) of 50 bytes of marks each. */
        ENVELOPE_MAX = 16 << 20,
};

/* 0, or -E2BIG from the buffer. */
int envelope_write(struct header_iter header, struct buf *to);

#endif
