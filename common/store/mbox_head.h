#ifndef STORE_MBOX_HEAD_H
#define STORE_MBOX_HEAD_H

/* The header of an mbox's message without the fields that are about the mailbox (mbox_status.h), which
 * clients never see, and with other ones. `head` is struct mbox_message's. Pure. */

#include "store/mbox_scan.h"

enum {
        MBOX_HEAD_PADDING = 50, /* blanks behind X-Keywords of a new header, as many as Dovecot leaves */
};

/* Appends the header without them. */
void mbox_head_visible(struct slice head, struct buf *to);
/* How long that is, and how long with every line end CRLF. */
void mbox_head_sizes(struct slice head, uint64_t *ret_bytes, uint64_t *ret_size);

/* What a message's header is to say. */
struct mbox_want {
        uint32_t uid;  /* 0: X-UID is left as it is, or out */
        uint8_t flags; /* FLAG_* */
        bool old;
        struct slice keywords; /* names with a space between */
        bool base;   /* it is the first message of the file: X-IMAPbase as follows; otherwise that goes */
        bool pseudo; /* with it: X-IMAP instead, the message is none */
        uint32_t uidvalidity, last_uid; /* the latter with ten digits, so that it can grow in place */
        struct slice base_keywords;
        bool has_length; /* Content-Length as follows; otherwise it is left as it is: for new messages */
        uint64_t length;
};
/* Appends the header as it is wanted, with the line ends it has and room for later changes: in the lines that
 * it has where they are (the base before the others, or Dovecot does not believe X-UID), with the same length
 * when that can be (the padding behind X-Keywords gives and takes); what is missing goes to the end of the
 * header: X-IMAPbase, Status, X-Status, X-Keywords, X-UID, Content-Length. Second lines of a kind go. The
 * rest is not touched, not by a byte. A header that says already what is wanted comes out as it is, whatever
 * its lines look like. In what was written here a change of flags never changes the length, nor one of
 * keywords while there is room. -E2BIG, and nothing appended: longer than MBOX_HEAD_MAX, or without a
 * place for a line (all there is is a fold that does not end). */
int mbox_head_write(struct slice head, const struct mbox_want *want, struct buf *to);

#endif
