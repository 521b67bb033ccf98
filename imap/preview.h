#ifndef IMAP_PREVIEW_H
#define IMAP_PREVIEW_H

/* PREVIEW (RFC 8970): the beginning of a message's text, as a list of messages shows it. */

#include "base/buf.h"
#include "mime/part.h"

/* RFC 8970 section 3.3: SHOULD be 200 characters, must not be more than 256. */
enum { PREVIEW_CHARACTERS = 200 };

/* Appends the string as it is sent: up to PREVIEW_CHARACTERS of UTF-8 in one line, blanks run together. Of
 * the first part with text that is no attachment, a plain one before one in HTML; quoted lines (">") only
 * when there are no others. "" when there is none, as in an encrypted message. 0 or -E2BIG. */
int preview_write(struct slice message, const struct part *root, struct buf *to);

#endif
