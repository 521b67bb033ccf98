#ifndef IMAP_SEARCH_TEXT_H
#define IMAP_SEARCH_TEXT_H

/* Looks for texts in a whole message, decoded, in one pass and in constant memory (besides the part tree).
 * Pure. */

#include "base/arena.h"
#include "base/buf.h"

struct search_needle {
        struct slice text; /* as search_text_fold() gives it, not empty */
        bool headers;      /* look into headers as well */
        bool found;
};

/* Appends valid UTF-8 as it is compared: folded, without CRs. 0 or -E2BIG from the buffer. */
int search_text_fold(struct slice utf8, struct buf *to);

/* Sets `found` of those that are in the message; ends when all are. The arena holds the part tree. */
int search_text_scan(struct arena *a, struct slice message, struct search_needle *needles, size_t n);

#endif
