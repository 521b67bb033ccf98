#ifndef STORE_MBOX_QUOTE_H
#define STORE_MBOX_QUOTE_H

/* ">" before "From " at the beginning of a line. As mboxrd has it, a line that begins with "From " behind any
 * number of ">" (none, too) gets one more, and loses one when it is read, so that what was written is what is
 * read; as mboxo has it (`bare`), only "From " itself gets one, which stays. Incremental; pieces may end
 * anywhere.
 *
 * What is appended is quoted, as Postfix and procmail do with what they deliver: c-client (alpine), mailx and
 * their like look at no Content-Length and would see two messages. Where settings say that all programs quote
 * as mboxrd does it is undone when it is read; elsewhere a sender's own ">From " would lose its ">". A header
 * is quoted, too: Content-Length does not reach it. */

#include "base/buf.h"

struct mbox_quote {
        bool unquote;
        bool bare;        /* mboxo: only lines without ">" are quoted; they are not told from others again */
        bool text;        /* in a line that is not one of them */
        bool held;        /* unquote: a ">" is kept back until it is known what follows */
        unsigned matched; /* bytes of "From " seen and kept back */
        uint64_t lines;   /* quoted, or unquoted, until now */
};

/* {.unquote = ...} is the beginning of a text. 0 or the buffer's error; `to` NULL: only counts. */
int mbox_quote_push(struct mbox_quote *q, struct slice bytes, struct buf *to);
/* The text ends: what was kept back. */
int mbox_quote_end(struct mbox_quote *q, struct buf *to);

#endif
