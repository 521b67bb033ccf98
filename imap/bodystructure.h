#ifndef IMAP_BODYSTRUCTURE_H
#define IMAP_BODYSTRUCTURE_H

/* BODY and BODYSTRUCTURE (RFC 3501 section 7.4.2): the part tree as the parenthesised list that a client
 * reads. Pure.
 *
 * Names and values are as written in the message, but for continuations of parameters, which are joined
 * (RFC 2231 section 6). What is missing has its default: "7bit", and charset us-ascii for text. Sizes are as
 * sent, with CRLF; lines are line ends. A multipart without a part, which the grammar cannot say, is given
 * one empty text part. */

#include "base/buf.h"
#include "mime/part.h"

/* `root` is part_parse()'s of `message`; `extended` makes it BODYSTRUCTURE.
 *
 * A few bytes of header may become many of ENVELOPE, so a hostile message could grow a thousandfold: give
 * `to` a bound. When it is met the message is described as a single application/octet-stream, which is always
 * right. 0, or -E2BIG when `to` had no room even for that, or came with an error. */
int bodystructure_write(struct slice message, const struct part *root, bool extended, struct buf *to);

#endif
