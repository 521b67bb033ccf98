#ifndef MIME_ADDRESS_H
#define MIME_ADDRESS_H

/* Address lists of From, To, Cc and their like (RFC 5322 section 3.4, obsolete syntax of 4.4), in the shape
 * that IMAP's ENVELOPE wants (RFC 3501 section 7.4.2). Never fails: what cannot be read is skipped or filled
 * up, so that "foo" is <foo@MISSING_DOMAIN> and "<@example.org>" is <MISSING_MAILBOX@example.org>, as
 * Dovecot's clients know it.
 *
 * A slice with p == NULL is NIL, which is not the empty string.
 *   mailbox      name, route, mailbox, host
 *   group start  mailbox is the group's name, the rest NIL
 *   group end    all NIL
 * Quotes and backslashes are removed; encoded words are kept as they stand (see encoded_word.h); bytes above
 * 127 pass. `name` is the phrase before <>, or else the comment after the address: "a@b (Name)". */

#include "base/arena.h"

enum {
        ADDRESS_MAX =
                10000, /* CVE-2024-23184: entries of one list, group marks included; the rest is dropped */
};

enum address_kind { ADDRESS_MAILBOX, ADDRESS_GROUP_START, ADDRESS_GROUP_END };

struct address {
        struct address *next;
        enum address_kind kind;
        struct slice name, route, mailbox, host;
};

/* `value` as header_next() gives it, folds included. NULL for an empty list: ENVELOPE sends NIL. Every group
 * start has its end. Slices are in the arena or in `value`. */
struct address *address_parse(struct arena *a, struct slice value);

#endif
