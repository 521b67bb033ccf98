#ifndef STORE_MBOX_H
#define STORE_MBOX_H

/* An mbox that is open:
 *   mbox.c         the format's table; open, what is looked at
 *   mbox_file.c    the file itself, locked for one operation; a rewrite that was cut off is finished first
 *   mbox_rows.c    where messages lie, from the records; what a header is to say
 *   mbox_read.c    the file against the records; with mbox_base.c and, by headers alone, mbox_check.c
 *   mbox_write.c   headers and removals; with mbox_edit.c, in place or by a rewrite
 *   mbox_text.c    bytes
 *   mbox_save.c    new messages at the end
 *   mbox_guid.c    GUIDs of those that have them from another folder
 *
 * A message's record has as its base the hash of its header (mbox_scan.h), as its fields how long it is
 * (struct mbox_extent); size and date are always known. Offsets are sums: what is removed or grows before a
 * message changes nothing that is kept of it. Rows are in the order of the file.
 *
 * Of index_truth: `list` has dev, ino, size, mtime of the file, `read_to` where the first message is (behind
 * a pseudo message), `last_uid` the highest UID that is in the file with all that are lower, `lines`
 * MBOX_TRUTH_*, `version` MBOX_TRUTH_VERSION (0: in doubt, what is in the file is being changed); `cur` tells
 * whether the stamp is settled (touch.c).
 *
 * UIDs get into the file when something else is written there, or at the close (mbox_lazy_writes), or at
 * once; so they do when there is no index (INDEX=MEMORY). Until then they are what everybody would give to
 * messages without X-UID: the next ones, in order; nothing is removed or added before them without writing
 * theirs. */

#include "store/mbox_guid.h"
#include "store/mbox_head.h"
#include "store/mbox_lock.h"
#include "store/mbox_scan.h"
#include "store/opened.h"
#include "store/rewrite.h"

enum {
        MBOX_TRUTH_VERSION = 16,       /* no version of a uidlist */
        MBOX_TRUTH_UNCHECKED = 1 << 0, /* it grew, and what was there before has not been looked at */
        MBOX_TRUTH_BASE = 1 << 1,      /* X-IMAPbase (or X-IMAP) is in the file */
        MBOX_TRUTH_LAST = 1 << 2,      /* and says which UID was the last one given */
};

struct mbox_extent {
        uint64_t stored, head_n;
        uint32_t from_n;
};
/* From a record's fields. A record without sense has no bytes. */
struct mbox_extent mbox_extent(const struct mailbox *m, const struct record *rec);
void mbox_extent_format(const struct mbox_extent *e, struct buf *to);
/* The first row that is live, or ix->n; the last one, plus one, or 0. */
uint32_t mbox_first_live(const struct index *ix);
uint32_t mbox_last_live(const struct index *ix);
/* Where a row's message begins. */
uint64_t mbox_offset(struct mailbox *m, uint32_t row);

/* The file for one operation. */
struct mbox_file {
        struct mailbox *m;
        int fd;   /* the mailbox's; -1: there is none, it is empty */
        int tree; /* owned: mbox_tree.h; -1 */
        struct mbox_lock lock;
        struct stat st; /* behind the lock */
        struct mbox_source source;
        unsigned done,
                share; /* percent of the client's command: of what was done before, of what is done now */
};
#define MBOX_FILE_NONE ((struct mbox_file){.fd = -1, .tree = -1, .lock = MBOX_LOCK_NONE})

/* Of struct mailbox: kept while the folder is open. */
struct mbox {
        int fd; /* of the file, as it was when it was last opened; -1 */
        bool writable;
        uint64_t *offset; /* of the first `known` rows */
        uint32_t known, cap;
        uint64_t layout;       /* of the index when they were right */
        struct mbox_file file; /* locked between lock() and unlock() of the format */
        struct mbox_guids guids;
};

int mbox_file_open(struct mailbox *m, bool write, struct mbox_file *ret);
/* Opens the file that has the name now, in this directory when that is known (-1: it is not); without a lock.
 */
int mbox_file_reopen(struct mailbox *m, int dir, bool write);
void mbox_file_close(struct mbox_file *f); /* also a _cleanup_ function */
/* It is as it was when the records agreed with it. */
bool mbox_is_known(const struct mailbox *m, const struct stat *st);
bool mbox_file_is_known(const struct mbox_file *f);
/* It has grown, and settings say that what was there is as it was. */
bool mbox_has_grown(const struct mailbox *m, const struct stat *st);
/* DUE_* of one that is not. */
unsigned mbox_file_due(const struct mbox_file *f);
/* Enters what it looks like now: what we read or wrote, f->st.st_size bytes. What somebody without locks has
 * appended meanwhile has not been read. */
void mbox_file_note(struct mbox_file *f, struct index_truth *truth);
int mbox_file_stat(struct mbox_file *f);
/* Before all of it is read or moved, which takes long: from now on mbox_file_tell() is about that. It is half
 * of what the command has left to do; all of it, when it is the `last`. */
void mbox_file_begin_long(struct mbox_file *f, bool last);
/* Tells the client how many bytes of how many are done, and keeps the lock. The context is the file. */
void mbox_file_tell(void *context, uint64_t done, uint64_t all);

/* Index and file locked (the file first): makes the records agree with it. 0: only we have appended to it. */
int mbox_read_locked(struct mbox_file *f, unsigned due);
/* Both locked, before something is written at these messages, or also at those that have no UID in the file:
 * they are where the records say. While the file was read from its old end on only, others may have made one
 * header longer and another one shorter. 1: that was so, and the records have changed. */
int mbox_check_places(struct mbox_file *f, const uint32_t *uids, size_t n, bool unwritten);
/* Both locked, for writing, and the records agree. */
int mbox_begin(struct mailbox *m, struct mbox_file *ret);
/* Then, before something is written behind what is there: its last line gets a line end. A From_ line begins
 * a line, and what follows a header without an end is another message then, so UIDs are given later. */
int mbox_end_file(struct mbox_file *f);

/* Some messages get flags, others go, and all get what is not in the file yet; under the locks of
 * mbox_begin(). UIDs ascending. The index follows. */
struct mbox_changes {
        const uint32_t *uids;
        size_t n;
        bool expunge;
        bool keywords; /* X-IMAPbase is to name all keywords: for Dovecot there are no others */
        struct index_flags flags;
};
int mbox_write(struct mbox_file *f, const struct mbox_changes *c);
/* Whether UIDs or the base are missing in the file, or the base does not know of all that were given. */
bool mbox_is_unwritten(const struct mailbox *m);

/* Names of a record's keywords, and of all, with spaces between. */
void mbox_keyword_names(const struct mailbox *m, uint32_t letters, struct buf *to);
void mbox_all_keywords(const struct mailbox *m, struct buf *to);
/* Letters of names as a header has them; those without one go to `unknown` (NULL: nowhere). */
uint32_t mbox_known_letters(struct mailbox *m, struct slice names, struct buf *unknown);

/* Of the n bytes behind a header, those of the body: without the line end that separates messages. */
int mbox_body_length(const struct mbox_file *f, uint64_t at, uint64_t n, uint64_t *ret);

/* The functions of the format's table. */
int mbox_change(struct change *c);
int mbox_text(struct mailbox *m, uint32_t seq, bool head, struct message_text *ret);
/* A file without a name, beside the index; MBOX_SPOOL_NAME is the beginning of the one that it has for a
 * moment. */
#define MBOX_SPOOL_NAME "mailsession.tmp."
int mbox_spool(struct mailbox *m, int *ret_fd);
int mbox_save_begin(struct save *s);
int mbox_save_bytes(struct save *s, struct slice bytes);
int mbox_save_end(struct save *s);
void mbox_save_drop(struct save *s);
int mbox_save_commit(struct save *s, struct save_result *ret, uint32_t *ret_first);
void mbox_save_undo(struct save *s);
int mbox_save_spool(struct save *s, int *ret_fd);

#endif
