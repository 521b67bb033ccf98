#ifndef MIME_MESSAGE_ID_H
#define MIME_MESSAGE_ID_H

/* The msg-ids of Message-ID, In-Reply-To and References (RFC 5322 section 3.6.4, obsolete forms of 4.5.4). */

#include "base/buf.h"

/* Takes the next valid one off the front of *rest, a field's value, and puts it, normalised, in the place of
 * what `to` had: without the angle brackets, quotes and their backslashes (so that <"a"@b> is <a@b>, as RFC
 * 5256 section 3 wants it), blanks, folds and comments. One without "@", or with nothing on either side of
 * it, is not valid. False: there is no more. Linear over a whole value. */
bool message_id_next(struct slice *rest, struct buf *to);

#endif
