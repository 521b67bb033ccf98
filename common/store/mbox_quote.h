#ifndef STORE_MBOX_QUOTE_H
#define STORE_MBOX_QUOTE_H

/* ">" before "From " at the beginning of a line, as mboxrd has it: a line that begins with "From " behind any
 * number of ">" (none, too) gets one more, and loses one when it is read, so that what was written is what
 * is read. Incremental; pieces may end anywhere.
 *
 * When: Dovecot quotes nothing and undoes nothing, it writes Content-Length and believes it where it proves
 * true, and so do mutt and mbox_scan. So a body is stored as it was uploaded (signatures hold, FETCH gives
 * what APPEND took), its header has Content-Length, and one line end without CR follows it: all three read
 * one message. c-client (alpine), mailx and their like look at no length, and would see two messages where a
 * body has a whole From_ line; for a mailbox that is shared with them the bodies are quoted when they are
 * written and unquoted when they are read, both or neither. Unquoted when they were not quoted, as files of
 * mboxo programs are (local deliveries of Postfix), the ">From " of a sender loses a ">"; so that is not the
 * default.
 *
 * A header has no length: text that is to become one is always quoted, which nothing but a From_ line in it
 * notices. */

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
