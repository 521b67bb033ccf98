#ifndef IMAP_SEARCH_KEYS_H
#define IMAP_SEARCH_KEYS_H

/* What SEARCH compares of a header, made ready: the fields that it has keys for, decoded and folded as
 * search_text_fold() does it. It is kept in the store's cache as CACHED_SEARCH (imap/cached.h), so a change
 * of the encoding, or of how text is folded, takes a new kind. Pure.
 *
 *   u8   a bit for each field that is there at all
 *   then each field of these names, in the order of the header:
 *   u8   enum search_key
 *   u32  bytes, in the byte order of the machine
 *        the folded value */

#include "base/buf.h"
#include "mime/header.h"

enum search_key {
        SEARCH_KEY_FROM,
        SEARCH_KEY_TO,
        SEARCH_KEY_CC,
        SEARCH_KEY_BCC,
        SEARCH_KEY_SUBJECT,
        SEARCH_KEYS,
};

/* Which one a field's name is, ASCII case-insensitive; -1: none. */
int search_key_of(struct slice name);

/* Appends those of a header; at least one byte. 0 or -E2BIG from
 * the buffer. */
int search_keys_write(struct header_iter header, struct buf *to);

/* The next value of this field; begin with *at 0. 1; 0: there is no more; -EBADMSG: no item, or a broken one.
 */
int search_keys_next(struct slice item, enum search_key key, size_t *at, struct slice *ret);

/* Whether a value of this field has the folded text in it (each has the empty text). 1, 0 or -EBADMSG. */
int search_keys_match(struct slice item, enum search_key key, struct slice text);

#endif
