#ifndef STORE_MBOX_READING_H
#define STORE_MBOX_READING_H

/* An mbox on its way into the records: mbox_read.c, which takes messages, and mbox_check.c, which tells how
 * much of it has to be read. */

#include "store/mbox.h"

struct reading {
        struct mbox_file *f;
        struct mailbox *m;
        struct mbox_scan scan;
        uint64_t from;  /* where it begins to read */
        unsigned reads; /* up to now */
        struct index_truth truth;
        uint32_t row, rows; /* the next one that can be found, and how many there were */
        uint32_t last_uid;
        bool base;      /* X-UID counts */
        bool base_read; /* and the base was met */
        uint32_t base_last;
        struct buf names; /* keywords of the base */
        bool names_read;
        bool unwritten;  /* a message's UID is not in the file; those behind it do not matter */
        struct buf gone; /* uint32_t: UIDs */
        struct buf text;
};

/* As mbox_scan_begin(), and the client is told how far it is (mbox_file_tell()). */
void mbox_reading_begin(struct reading *d, uint64_t at, bool unquote);
/* What a header says of flags, into the record. */
int mbox_update_flags(struct reading *d, struct record *rec, const struct mbox_message *msg);
/* Whether the UID of the message that was just met, d->last_uid, is in the file. */
void mbox_note_written(struct reading *d, bool written);
/* What the first message says of all of them. -ESTALE: other UIDs than those that were told. */
int mbox_take_base(struct reading *d, const struct mbox_status *st);

/* mbox_check.c. Both say in *ret_at from where on messages are to be read. */
/* Whether the file went on from what is known of it: the last message is still where it was. */
bool mbox_continues(struct reading *d, uint64_t *ret_at);
/* Whether each message begins where it did, with the header that it had: then others changed no more than
 * what headers say of flags, and nothing else has to be read. 1, 0 or -errno. */
int mbox_check_heads(struct reading *d, uint64_t *ret_at);

#endif
