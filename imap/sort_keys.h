#ifndef IMAP_SORT_KEYS_H
#define IMAP_SORT_KEYS_H

/* What SORT and THREAD compare of a header, made ready. It is kept in the store's cache as CACHED_SORT
 * (imap/cached.h), so a change of the encoding, or of how text is folded, takes a new kind. Pure.
 *
 *   u8      1: the subject is that of a reply or a forward; 0
 *   u8      0
 *   u16     bytes of each text, in the byte order of the machine
 *           the texts: UTF-8, folded as i;unicode-casemap compares it (mime/charset.h), without NULs
 *   u64     hash of the normalised Message-ID; 0: there is none
 *   u64...  hashes of its references, the oldest first
 *
 * Of two different msg-ids 64 bits are the same with a chance of one in 10 million in a folder of a million
 * messages; whoever makes such two on purpose could as well have used one Message-ID twice. */

#include "base/buf.h"
#include "mime/header.h"

enum sort_text {
        SORT_TEXT_SUBJECT, /* base subject (RFC 5256 section 2.1) */
        SORT_TEXT_FROM,    /* addr-mailbox of the first address */
        SORT_TEXT_TO,
        SORT_TEXT_CC,
        SORT_TEXT_DISPLAYFROM, /* RFC 5957 section 3 */
        SORT_TEXT_DISPLAYTO,
        SORT_TEXTS
};

enum {
        /* Bytes of a text that are compared: longer than any line may be (RFC 5322 section 2.1.1). It bounds
         * what a message costs in memory while a folder is sorted. */
        SORT_TEXT_MAX = 1000,
        /* References that are kept: the first one, which all messages of a thread share, and the newest ones,
         * as RFC 5537 section 3.4.4 cuts a long list. With the texts they fit into CACHED_ITEM_MAX. */
        SORT_REFERENCES_MAX = 1000,
};

struct sort_keys {
        bool reply;
        struct slice texts[SORT_TEXTS]; /* empty when there is none */
        uint64_t id;
        struct slice references; /* for sort_keys_reference() */
};

/* Appends the item of a header. 0 or -E2BIG from the buffer. */
int sort_keys_write(struct header_iter header, struct buf *to);

/* Takes an item apart: its slices point into it. 0; -EBADMSG: it is empty or broken. */
int sort_keys_read(struct slice item, struct sort_keys *ret);

static inline size_t sort_keys_references(const struct sort_keys *k)
{
        return k->references.n / sizeof(uint64_t);
}
static inline uint64_t sort_keys_reference(const struct sort_keys *k, size_t i)
{
        uint64_t hash;

        memcpy(&hash, k->references.p + i * sizeof(hash), sizeof(hash));
        return hash;
}

#endif
