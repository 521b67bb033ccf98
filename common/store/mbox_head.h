#ifndef STORE_MBOX_HEAD_H
#define STORE_MBOX_HEAD_H

/* The headers of an mbox's messages that are about the mailbox and not about the message: Status, X-Status,
 * X-Keywords, X-UID, X-IMAPbase, X-IMAP, Content-Length. Clients never see them. As Dovecot and UW-IMAP write
 * them. Pure. */

#include "store/mbox_scan.h"

/* Appends the header without them. */
void mbox_head_visible(struct slice head, struct buf *to);
/* How long that is, and how long with every line end CRLF. */
void mbox_head_sizes(struct slice head, uint64_t *ret_bytes, uint64_t *ret_size);

/* What a message's header is to say. */
struct mbox_want {
        uint32_t uid;  /* 0: X-UID is left as it is, or out */
        uint8_t flags; /* FLAG_* */
        bool old;
        struct slice keywords;          /* names with a space between */
        bool base;                      /* it is the first message of the file: X-IMAPbase as follows */
        uint32_t uidvalidity, last_uid; /* the latter with ten digits, so that it can grow in place */
        struct slice base_keywords;
};
/* Appends the header as it is wanted, with the line ends it has and room for later changes: in the lines that
 * it has where they are, with the same length when that can be (the padding behind X-Keywords gives and
 * takes); what is missing goes to the end of the header. The rest is not touched, not by a byte. A header
 * that says already what is wanted comes out as it is, whatever its lines look like. -E2BIG: longer than
 * MBOX_HEAD_MAX. */
int mbox_head_write(struct slice head, const struct mbox_want *want, struct buf *to);

/* "From sender  Sat Nov 21 10:11:37 2026" and its line end, in local time; the sender is taken from
 * Return-Path, Sender or From of the header; "MAILER-DAEMON" without one. */
void mbox_from_line(struct slice head, time_t date, struct buf *to);

#endif
