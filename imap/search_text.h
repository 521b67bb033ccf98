#ifndef IMAP_SEARCH_TEXT_H
#define IMAP_SEARCH_TEXT_H

/* Looks for texts in whole messages, decoded, in one pass and in constant memory (besides the part tree).
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

/* What a scan works with, kept from one message to the next; begin with {0}. `window` is the end of what was
 * looked into, as much as a needle may reach back, and the newest piece. */
struct search_scan {
        struct search_needle *needles;
        size_t n, missing, overlap;
        struct buf decoded, utf8, plain, window;
        struct arena line; /* one header line's */
};
void search_scan_free(struct search_scan *s);

/* Sets `found` of those that are in the message, and of no other; ends when all are. The arena holds the part
 * tree. */
int search_text_scan(struct search_scan *s, struct arena *a, struct slice message,
                     struct search_needle *needles, size_t n);

#endif
