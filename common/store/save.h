#ifndef STORE_SAVE_H
#define STORE_SAVE_H

/* Putting messages into a folder: APPEND, COPY, MOVE. All of one save become visible together at
 * save_commit(), durable as mail_fsync says, or none of them do. Errors as in store/store.h. */

#include <time.h>

#include "store/mailbox.h"

struct save;

int save_open(struct store *s, const char *mailbox, struct save **ret);
/* Removes what was not committed; also a _cleanup_ function. */
void save_close(struct save **s);

struct save_message {
        uint8_t flags;                /* FLAG_* */
        const struct slice *keywords; /* names; those that the folder has no room for are left out */
        size_t keywords_n;
        time_t internaldate; /* -1: now */
};

/* One message from its bytes: save_begin(), save_write() as often as needed, save_end(). CRLF is stored as
 * LF. What the quota has no room for is refused as soon as its size is known, -EDQUOT or -EMSGSIZE:
 * by save_expect() or by save_end(). */
int save_begin(struct save *s, const struct save_message *m);
/* Between them, and before the bytes are taken, when it is known how many there will be at least. */
int save_expect(struct save *s, uint64_t size);
int save_write(struct save *s, struct slice bytes);
int save_end(struct save *s);

/* For bytes of the message that have to be looked at as a whole before they are written: keeps them in a file
 * without a name in the folder's file system. Then gives them back, once (message_text_release()); .raw is
 * what was kept, byte by byte. Neither makes them part of the message. */
int save_spool(struct save *s, struct slice bytes);
int save_spooled(struct save *s, struct message_text *ret);

/* One message from an open mailbox, with flags, keywords and INTERNALDATE; a hard link where it can be. All
 * from the same mailbox, which stays open and whose view stays as it is until the commit. -ENOENT: it is
 * gone. */
int save_copy(struct save *s, struct mailbox *from, uint32_t seq);
/* The same, and with the commit it leaves `from`, where the next sync tells that it is gone. Within a file
 * system each message is in one of the two folders at any time, whatever cuts the commit off. */
int save_move(struct save *s, struct mailbox *from, uint32_t seq);

/* A message of an open mailbox that this save takes the place of (RFC 8508): it is removed when the commit
 * has made the rest durable, and not before. To be said before save_begin(): the quota needs room only for
 * what the new one has more. The same mailbox rules as for save_copy(). */
void save_replace(struct save *s, struct mailbox *from, uint32_t seq);

struct save_result {
        uint32_t uidvalidity;
        uint32_t *uids; /* in the order saved; in the arena */
        uint32_t
                *seqs; /* of each that was copied or moved: its sequence number in the mailbox it came from */
        size_t n;
        int left_behind; /* 0, or why messages that were to be moved or replaced are still there: -errno. The
                            copies of the former have been taken back, as far as that could be done */
};
/* -EDQUOT, -EMSGSIZE: the quota has no room for all of them; what is moved within its root needs none.
 * -ENODATA: a message that was to be copied is gone. Of those that were to be moved, what is gone is left
 * out: then fewer come back. */
int save_commit(struct save *s, struct arena *arena, struct save_result *ret);

#endif
