#ifndef STORE_MBOX_READING_H
#define STORE_MBOX_READING_H

/* An mbox on its way into the records: mbox_read.c, which takes messages, mbox_base.c, which knows whose word
 * on UIDs counts, and mbox_check.c, which tells how much of it has to be read. */

#include "store/mbox.h"

enum {
        MBOX_NAMES_MAX = 256, /* keywords of a header that are looked at: there is room for 26; a sender's
                                 header may have many */
};

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
        bool names_read;  /* these two are known */
        bool unwritten;   /* a message's UID is not in the file; those behind it do not matter */
        struct buf gone;  /* uint32_t: UIDs */
        struct buf text;
};

/* As mbox_scan_begin(), and the client is told how far it is (mbox_file_tell()). */
void mbox_reading_begin(struct reading *d, uint64_t at, bool unquote);
/* What a header says of flags, into the record. */
int mbox_update_flags(struct reading *d, struct record *rec, const struct mbox_message *msg);
/* Whether the UID of the message that was just met, d->last_uid, is in the file. */
void mbox_note_written(struct reading *d, bool written);
/* Sets the error: what the scan said. */
int mbox_reading_error(struct reading *d, int r);

/* mbox_base.c. What the file's first message says of all of them. Where it is a sender's (a spool was emptied
 * before it came) it says nothing, and the next write puts ours there. -ESTALE: other UIDs than those that
 * were told. */
int mbox_take_base(struct reading *d, const struct mbox_message *first);
/* d->names and d->base_last, when the first message is not among those that are read. */
int mbox_base_read(struct reading *d);
/* Whether the message of a record has another UID in the file, from a program that knows the base. */
bool mbox_has_other_uid(struct reading *d, const struct record *rec, const struct mbox_status *st);

/* mbox_check.c. Both say in *ret_at from where on messages are to be read. */
/* Whether the file went on from what is known of it: the last message is still where it was. What its header
 * says of flags is taken. */
bool mbox_continues(struct reading *d, uint64_t *ret_at);
/* Whether each message begins where it did, with the header that it had: then others changed no more than
 * what headers say of flags, and nothing else has to be read. 1, 0 or -errno. */
int mbox_check_heads(struct reading *d, uint64_t *ret_at);

#endif
