#ifndef STORE_MBOX_GUID_H
#define STORE_MBOX_GUID_H

/* GUIDs of an mbox's messages. A message's own is the hash of its From_ line and header (mbox_scan.h); one
 * that was copied or moved from a folder where it had another one keeps that (RFC 8474 section 5.1), and the
 * file `mailsession-guids` in the folder's control directory says so. It is truth: no index knows it.
 *
 * A line a message: "UID HASH GUID\n". It counts for the message that has both, the UID and the hash; the
 * last such line does. What is no such line, or has no line end yet, is nothing. Lines are appended under the
 * mbox's write lock, and are on the disk (unless mail_fsync=never) before their messages are in the mbox:
 * who sees a message finds its line. When the file grows past a power of two, and more than half of it is of
 * messages that are gone, it is written anew without them. Most folders have no such file. */

#include "base/buf.h"
#include "base/slice.h"

struct mailbox;
struct record;
struct save;

#define MBOX_GUIDS_NAME "mailsession-guids"

enum {
        /* About 700 thousand messages that were copied into one mbox: what comes then has its own GUID, and a
         * longer file is not read. */
        MBOX_GUIDS_MAX = 64 * 1024 * 1024,
        MBOX_GUIDS_MIN = 4096, /* a shorter one is not worth to be written anew */
};

struct mbox_guid_line {
        uint32_t uid;
        struct slice hash, guid;
};
/* Pure, without the line end. -EINVAL. */
int mbox_guid_parse(struct slice line, struct mbox_guid_line *ret);

/* Of struct mbox: the file as far as it has been read; zeros: not at all. */
struct mbox_guids {
        struct buf text;
        struct buf lines; /* struct guid_at, by UID */
        /* Of the index when it was read: the file has all that there is to say of messages below it. */
        uint32_t nextuid, uidvalidity;
};
void mbox_guids_free(struct mbox_guids *g);

/* format.h's guid. */
struct slice mbox_guid(struct mailbox *m, const struct record *rec);

/* The own GUID of a message to be; `head` is without the mailbox's fields and its empty line. */
void mbox_guid_own(struct slice from_line, struct slice head, struct buf *ret);
/* Both locked, as mbox_begin() has it: writes the lines of those that are about to be appended with UIDs from
 * `first` on. The error is set. */
int mbox_guid_put(struct save *s, uint32_t first);

#endif
