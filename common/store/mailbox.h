#ifndef STORE_MAILBOX_H
#define STORE_MAILBOX_H

/* An open folder as one session sees it: a view whose sequence numbers (1-based) change only in
 * mailbox_sync().
 *
 * Errors are those of store/store.h; store_error() has the text. -ESTALE: the folder itself was deleted or
 * its UIDVALIDITY changed while it was open: close it. */

#include "store/store.h"

/* System flags (RFC 3501 section 2.3.2). \Recent is not stored: see struct message. */
enum {
        FLAG_SEEN = 1 << 0,
        FLAG_ANSWERED = 1 << 1,
        FLAG_FLAGGED = 1 << 2,
        FLAG_DELETED = 1 << 3,
        FLAG_DRAFT = 1 << 4,
        FLAG_ALL = (1 << 5) - 1,
};

enum {
        KEYWORDS_MAX = 64, /* bits of a mask; Maildir's file names can carry 26 of them (a to z) */
};

struct flags {
        uint64_t keywords; /* bit i: mailbox_keywords()[i] */
        uint8_t system;    /* FLAG_* */
};

struct message {
        uint32_t uid;
        struct flags flags;
        uint64_t modseq; /* of its arrival or the last change of its flags; see mailbox_highest_modseq() */
        bool recent;
        bool gone; /* expunged by somebody, not yet announced: reading it gives -ENOENT */
};

struct mailbox;

struct mailbox_status {
        uint32_t messages, recent, unseen, deleted;
        uint32_t uidnext, uidvalidity;
        uint32_t first_unseen;   /* sequence number, 0: none */
        uint64_t highest_modseq; /* mailbox_highest_modseq() */
};

/* Opens for a session. read_only (EXAMINE, STATUS): nothing in the mailbox changes, \Recent is not claimed
 * and new mail stays in new/, though it is given UIDs. */
int mailbox_open(struct store *s, const char *name, bool read_only, struct mailbox **ret);
void mailbox_close(struct mailbox **m); /* also a _cleanup_ function */

/* What there is to know of a folder without its messages. */
struct mailbox_summary {
        struct mailbox_status status; /* first_unseen is not looked for: 0 */
        bool size_known;
        uint64_t size; /* mailbox_total_size() */
        char guid[40]; /* mailbox_guid() */
};
/* What mailbox_open() with read_only would find, told by the index alone: cheap when nothing has changed
 * since that agreed with the folder. -EAGAIN: it does not tell, open the folder. Other errors are those of
 * mailbox_open(). */
int mailbox_peek(struct store *s, const char *name, struct mailbox_summary *ret);

const char *mailbox_name(const struct mailbox *m);
bool mailbox_read_only(const struct mailbox *m);
/* Of the view as it stands. */
void mailbox_status(struct mailbox *m, struct mailbox_status *ret);
uint32_t mailbox_count(const struct mailbox *m);
uint32_t mailbox_uidvalidity(const struct mailbox *m);
const char *mailbox_guid(const struct mailbox *m); /* 32 hex digits */

/* seq from 1 to mailbox_count(). */
struct message mailbox_message(const struct mailbox *m, uint32_t seq);
/* The same of n messages from seq on, all in the view; for who looks at all of them. */
void mailbox_messages(const struct mailbox *m, uint32_t seq, struct message *ret, size_t n);
/* Sequence number of the first message with this UID or a higher one; mailbox_count() + 1 when there is none.
 */
uint32_t mailbox_seq_at_or_after(const struct mailbox *m, uint32_t uid);

/* Keyword names in use, by bit; NULL for a free bit. */
const char *const *mailbox_keywords(const struct mailbox *m, unsigned *ret_n);
/* The bit of a keyword (ASCII case-insensitive). With `create` a new one is entered, written when a message
 * gets it. -ENOENT; -ENOBUFS when no more fit; -EINVAL not a keyword. */
int mailbox_keyword(struct mailbox *m, struct slice name, bool create, unsigned *ret_bit);
/* Another keyword would get -ENOBUFS. */
bool mailbox_keywords_full(const struct mailbox *m);

/* What a sync found, in an arena. */
struct mailbox_changes {
        uint32_t *expunged; /* sequence numbers in the order to announce: descending, each as it was before
                               the call */
        uint32_t *expunged_uids; /* of the same messages */
        size_t expunged_n;
        uint32_t *flagged; /* sequence numbers, after the removal, whose flags others changed; ascending */
        size_t flagged_n;
        uint32_t added; /* new messages at the end */
        bool keywords_changed;
};

/* Looks at the folder again (cheap when nothing changed) and takes what it finds into the view. Without
 * `allow_expunge` messages that are gone stay in place, marked, until a later call allows it. */
int mailbox_sync(struct mailbox *m, bool allow_expunge, struct arena *arena, struct mailbox_changes *ret);

/* -ENOSPC or -EDQUOT when the last sync kept new mail back because its UIDs could not be written
 * (store_error() says where); 0 when it did not. The mail is shown once there is room. */
int mailbox_waiting(const struct mailbox *m);

enum flags_op { FLAGS_SET, FLAGS_ADD, FLAGS_REMOVE };

/* Changes flags of n messages at once. seqs is ascending. Messages that are gone are left out: *ret_gone
 * tells how many. The view shows the new flags at once and sync will not report them. */
int mailbox_store_flags(struct mailbox *m, const uint32_t *seqs, size_t n, enum flags_op op,
                        struct flags flags, size_t *ret_gone);

/* The same for those whose modseq is not higher than `since` (RFC 7162 section 3.1.3): compared and changed
 * under one lock. The others, ascending, are put where `modified` points, which has room for n; *ret_modified
 * tells how many. With 0 only keywords that a message does not have can be changed. */
int mailbox_store_flags_since(struct mailbox *m, const uint32_t *seqs, size_t n, enum flags_op op,
                              struct flags flags, uint64_t since, uint32_t *modified, size_t *ret_modified,
                              size_t *ret_gone);

/* Removes messages for good; the view follows at the next sync that allows it. The messages must not be
 * changed by anybody's \Deleted: the caller chose them. Those that are gone already are fine. */
int mailbox_expunge(struct mailbox *m, const uint32_t *seqs, size_t n);

/* A message as it is stored (line ends LF or CRLF). Keep it no longer than the command. */
struct message_text {
        struct slice raw;
        void *map; /* of a large one */
        size_t map_size;
        char *copy; /* of a small one */
        /* An mbox: the From_ line. A copy with another one is another message to who reads the file. */
        struct slice from_line;
};
int mailbox_read(struct mailbox *m, uint32_t seq, struct message_text *ret);
/* The header alone, with its empty line where there is one: of a message that is only listed the rest need
 * not be read. It tells nothing about the size. */
int mailbox_read_head(struct mailbox *m, uint32_t seq, struct message_text *ret);
void message_text_release(struct message_text *t); /* also a _cleanup_ function */

/* Bytes as sent to a client: every line end CRLF (RFC 3501 RFC822.SIZE, RFC 1939 section 11). Exact. */
int mailbox_size(struct mailbox *m, uint32_t seq, uint64_t *ret);
/* It does so without a look at the message. */
bool mailbox_size_known(const struct mailbox *m, uint32_t seq);
int mailbox_internaldate(struct mailbox *m, uint32_t seq, time_t *ret);
/* Its messages are in one file, an mbox, and have no names. */
bool mailbox_is_mbox(const struct mailbox *m);
/* The name that stays for the message's life (Maildir: the file name without flags); and a UIDL that another
 * server gave it, empty if none (dovecot-uidlist's P field). Valid until the next sync. */
const char *mailbox_base_name(struct mailbox *m, uint32_t seq);
/* What identifies the message's content wherever it is copied or moved to (RFC 8474 section 5.1). Maildir:
 * dovecot-uidlist's G field, else the base name; mbox: a line of mailsession-guids, else a hash of the header
 * (store/mbox_guid.h). When that is no GUID of Dovecot's form, a hash of it. */
enum { MAILBOX_GUID_LEN = 32 /* hex digits */ };
void mailbox_message_guid(struct mailbox *m, uint32_t seq, char ret[MAILBOX_GUID_LEN + 1]);
/* When the message came into this folder (RFC 8514). Maildir: the time in the file's name, which says when it
 * was delivered, appended, copied or moved there, and stays; names without one: as mailbox_internaldate().
 * -ENODATA: nobody knows (mbox). */
int mailbox_savedate(struct mailbox *m, uint32_t seq, time_t *ret);
struct slice mailbox_pop3_uidl(struct mailbox *m, uint32_t seq);

/* All messages together, 0 when some size is not known; of the folder as it is, which may be ahead of the
 * view. */
bool mailbox_total_size(const struct mailbox *m, uint64_t *ret);
/* Of those in the view that have \Deleted: what an EXPUNGE would give back to the quota. */
uint64_t mailbox_deleted_storage(struct mailbox *m);

/* What the protocols found out about messages by reading them, kept for all sessions in a file of its own, as
 * long as the message is there. It is a cache: whatever can go wrong, what was not kept is not found.
 * Kinds are numbers that the protocol gives a meaning; data of one kind never changes for a message. */
enum { MAILBOX_KINDS = 32 };
struct mailbox_item {
        unsigned kind; /* below MAILBOX_KINDS */
        struct slice data;
};
/* Valid until the next call that is about the cache or changes the view. */
bool mailbox_cached(struct mailbox *m, uint32_t seq, unsigned kind, struct slice *ret);
/* All there is at once, by kind: a mask of those found. */
uint32_t mailbox_cached_all(struct mailbox *m, uint32_t seq, struct slice ret[MAILBOX_KINDS]);
/* Keeps items, together; copied. Written at the latest at the next sync or at the close. */
void mailbox_cache(struct mailbox *m, uint32_t seq, const struct mailbox_item *items, size_t n);
/* A number kept with a message in the same way, found without looking anywhere else; 0: none yet. */
uint64_t mailbox_note(const struct mailbox *m, uint32_t seq);
void mailbox_set_note(struct mailbox *m, uint32_t seq, uint64_t note);

/* Modification sequences (RFC 7162): microseconds since 1970, growing with every change, so that a lost index
 * can make a client look again but never miss a change.
 *
 * Of the view: what changed with this one or a lower one is in it, and was in what mailbox_sync() gave. It
 * stands still while the view keeps back that messages are gone. 0: they are not kept (INDEX=MEMORY, or
 * nobody may write the index), and those of messages mean nothing. */
uint64_t mailbox_highest_modseq(const struct mailbox *m);
/* The first message from seq on that arrived or was changed after `since`, mailbox_count() + 1 when there is
 * none. */
uint32_t mailbox_seq_changed(const struct mailbox *m, uint32_t seq, uint64_t since);
/* What a client remembers can be newer than all this index knows (it was restored from a backup, or is
 * another host's): it says nothing here then, and everything counts as changed. Gives `since`, or 0. */
uint64_t mailbox_modseq_known(const struct mailbox *m, uint64_t since);
/* Gives the folder a higher one, for a change of something beside its messages (section 3.2). */
int mailbox_raise_modseq(struct mailbox *m);
struct mailbox_range {
        uint32_t low, high; /* UIDs */
};
/* UIDs expunged after `since`, in ranges, ascending and apart, in the arena; some may never have been there.
 * -ENODATA: too long ago; what is not in the mailbox has vanished. */
int mailbox_vanished(const struct mailbox *m, uint64_t since, struct arena *arena, struct mailbox_range **ret,
                     size_t *ret_n);

/* Why the last open had to make the folder's index anew ("it is damaged"), for the log; NULL when it had not,
 * or there was none. */
const char *mailbox_index_fault(const struct mailbox *m);

/* A descriptor that becomes readable when something in the folder changes (inotify); drained by
 * mailbox_sync(). -ENOSPC or -EMFILE: the limit of watches is met, look from time to time instead. */
int mailbox_watch(struct mailbox *m, int *ret_fd);

#endif
