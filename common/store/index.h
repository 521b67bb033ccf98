#ifndef STORE_INDEX_H
#define STORE_INDEX_H

/* What is known of all messages of one folder: the snapshot (mailsession.index), mapped privately, brought up
 * to date with the journal (mailsession.journal). Both are a cache of what the Maildir says: `truth` tells
 * what the Maildir looked like when the records agreed with it. README has the formats.
 *
 * Changes are made between index_begin() and index_commit(), which hold the journal's lock: index_add() and
 * its like change the records at once and note an operation; the commit appends all of them as one
 * transaction. Whoever refreshes gets it applied by the same code. When the files cannot be written (or
 * INDEX=MEMORY) everything works the same for this process alone.
 *
 *   index.c     rows, names, counts
 *   change_log.c    the operations: noted
 *   change_apply.c  and applied
 *   journal.c   the file of transactions and its lock; rotate.c its next generation
 *   snapshot.c  the file of records: loaded, written
 *   index_head.c    counts alone */

#include "base/buf.h"
#include "base/slice.h"
#include "store/perm.h"
#include "store/record.h"
#include "store/uidlist.h"

#define INDEX_NAME   "mailsession.index"
#define JOURNAL_NAME "mailsession.journal"

enum {
        INDEX_VANISHED_MAX = 65536, /* ranges of expunged UIDs that are remembered for QRESYNC: 1.5 MB */
};

/* One of new/ and cur/ as it was when it was last read, or changed by nobody but us. */
struct index_dir {
        int64_t sec; /* mtime */
        int64_t read_at_us;
        uint32_t nsec;
        uint32_t took_ms;
        uint32_t settled; /* a later change cannot have left the same mtime */
        uint32_t zero;
};

struct index_truth {
        struct index_dir cur, new;
        struct uidlist_seen list;
        uint32_t uidvalidity, nextuid;
        char guid[40]; /* NUL-terminated */
};

struct index_counts {
        uint32_t messages, unseen, deleted, recent, in_new, cached, unsized;
        uint32_t letters; /* all that were ever seen */
        uint64_t bytes;   /* of those whose size is known */
};

/* UIDs that were expunged at one modseq. */
struct index_range {
        uint64_t modseq;
        uint32_t low, high;
};

/* Part of the snapshot's header, and of the index in memory. */
struct index_head {
        uint64_t generation;    /* the journal with the same number continues it */
        uint64_t modseq;        /* of the last change that a client can see */
        uint64_t vanished_from; /* expunges up to this modseq may have been forgotten */
        uint64_t cache_id;      /* of the cache file that records point into; 0: none */
        uint64_t cache_groups;  /* appended to it */
        uint64_t seed;          /* of record.hash */
        uint32_t unseen_from;   /* row: all before it are seen */
        uint32_t zero;
        struct index_counts counts;
        struct index_truth truth;
};

struct index_rows {
        uint32_t *row;
        size_t n, cap;
};

struct index {
        int dirfd; /* borrowed; -1: in memory only */
        struct perm perm;
        bool sync;     /* the snapshot is on the disk before it takes its name */
        bool ready;    /* holds a state: loaded, or being built */
        bool detached; /* cannot be written: nothing is shared from here on */
        bool locked;
        bool damaged;    /* the journal has an end that cannot be read: the next commit writes a snapshot */
        bool whole;      /* this transaction is too large for the journal, likewise */
        bool adopting;   /* see index_adopt() */
        bool rotated;    /* this process wrote a snapshot; whoever wants to may clear it */
        bool news;       /* what is noted now was found, not done: the view tells of it */
        bool viewed;     /* whether `changed` is collected */
        const char *why; /* static text: what was wrong with the files, for the log; NULL */

        /* A journal with more bytes, or more records changed, beside what the number of messages allows, is
         * followed by the next generation. From index_init(); tests set smaller ones. */
        uint32_t rotate_bytes, rotate_touched;
        struct lock_waiter waiter; /* for the journal's lock; whoever wants to may set it */

        struct index_head head;
        struct record *rows;
        uint32_t n, cap;
        void *region; /* where rows are */
        size_t region_size;

        /* the snapshot */
        char *map;
        size_t map_size;
        uint32_t mapped_n;                  /* rows of it */
        struct slice names;                 /* in map */
        const uint32_t *slots;              /* in map: hash table of rows by base, row + 1, 0: free */
        uint32_t slots_n;                   /* a power of two, or 0 */
        const struct index_range *vanished; /* in map, ascending by modseq */
        uint32_t vanished_n;

        /* since then */
        struct buf more_names; /* offsets continue those of names */
        uint32_t *more_slots;  /* the same for rows from mapped_n on */
        uint32_t more_slots_n;
        struct buf more_vanished; /* struct index_range */
        uint32_t touched;         /* records changed */
        uint64_t layout;          /* grows when a message goes or its fields change */

        /* the journal */
        int journal;
        uint64_t journal_at; /* read up to here */
        struct buf ops;      /* the transaction in hand */
        uint64_t now;        /* its modseq */
        uint64_t intent_at;  /* where in the journal; 0: not in this transaction */
        struct buf intent;   /* what index_intend() said and nobody has settled */

        /* for the view, rows in no order: expunged, flags changed by others */
        struct index_rows gone, changed;

        uint64_t taken_in; /* transactions applied since it was loaded */
};

/* dirfd: the folder's index directory, borrowed; -1: INDEX=MEMORY. */
void index_init(struct index *ix, int dirfd, const struct perm *perm, bool sync);
void index_free(struct index *ix);

/* Loads the files, without a lock. `ready` is false afterwards when there are none that can be used; `why`
 * then says what is wrong with those that are there. */
void index_open(struct index *ix);
/* The same for who needs of it no more than `head` and `intent`: there may be no rows. Only to be freed. */
void index_open_head(struct index *ix);
/* Takes in what others committed. -ESTALE: they went on with another generation (or the files were removed):
 * everything up to there was taken in; index_open() another struct for what came after. */
int index_refresh(struct index *ix);

/* Takes the lock and refreshes. 0; -ESTALE as above (then it is not locked); -ETIMEDOUT. A folder without
 * files: they are made by the commit; the caller fills the index, which is empty and `ready` then. */
int index_begin(struct index *ix);
/* Writes what was noted, if anything, and unlocks. It cannot fail as far as the mail is concerned: what
 * cannot be written, others find out from the Maildir. */
void index_commit(struct index *ix);
/* The files are gone: the next index_begin() makes them again from what is known here. */
void index_adopt(struct index *ix);
/* From here on nothing is shared with others. */
void index_detach(struct index *ix);
/* Empties a locked index: the folder will be read anew. The next commit writes a snapshot. */
void index_reset(struct index *ix);

/* Rows. */
static inline bool index_is_live(const struct record *rec)
{
        return !(rec->state & RECORD_GONE);
}
/* First row with this UID or a higher one. */
uint32_t index_row_at(const struct index *ix, uint32_t uid);
/* The live record; NULL. */
struct record *index_find(const struct index *ix, uint32_t uid);
struct record *index_find_base(const struct index *ix, struct slice base);
const char *index_base(const struct index *ix, const struct record *rec);
const char *index_fields(const struct index *ix, const struct record *rec);
/* Appends the info part of the file's name: ":2,S". */
void index_info(const struct index *ix, const struct record *rec, struct buf *to);
/* First row that is live and not seen, or n. */
uint32_t index_first_unseen(struct index *ix);
void index_rows_push(struct index_rows *r, uint32_t row);

/* Changes. */
struct index_file {
        struct slice base, info, fields;
        bool in_new;
        uint64_t size; /* as sent; 0: what the name or the fields say, if they do */
        int64_t date;  /* 0: not known */
};
/* A message with the next UID or a higher one; nextuid follows. */
struct record *index_add(struct index *ix, uint32_t uid, const struct index_file *f, uint16_t state);
/* Its file has another name or place now. */
void index_set(struct index *ix, struct record *rec, struct slice info, bool in_new);
/* The same for many: in cur/, some flags and letters taken and others given. uids ascending. */
struct index_flags {
        uint32_t add_letters, remove_letters;
        uint8_t add, remove;
};
void index_set_flags(struct index *ix, const struct index_flags *f, const uint32_t *uids, size_t n);
void index_expunge(struct index *ix, const uint32_t *uids, size_t n); /* ascending */
/* Nobody else has those up to the UID as \Recent from here on. */
void index_claim(struct index *ix, uint32_t uid);
void index_set_fields(struct index *ix, const struct record *rec, struct slice fields);
void index_set_truth(struct index *ix, const struct index_truth *truth);
void index_set_size(struct index *ix, const struct record *rec, uint64_t size, bool counted, int64_t date);
void index_set_note(struct index *ix, const struct record *rec, uint64_t note);
/* Offsets in the cache file `id`: those in another file are void. */
void index_set_cache(struct index *ix, uint64_t id, uint32_t uid, uint32_t offset);

/* Nothing of the messages: the modseq grows. */
void index_raise_modseq(struct index *ix);

/* What all adds up to, the last operation of a transaction: for index_open_head(). */
void index_note_sum(struct index *ix);

/* Files that will get their places now, "cur/..." with a NUL each, and are to be removed again unless the
 * list has got a line for one of them: written at once (and, `sync`, to the disk). Empty: that is settled. */
void index_intend(struct index *ix, struct slice paths, bool sync);

/* What `truth` says of its list holds no longer, until it is set again: written at once. */
void index_doubt(struct index *ix);

/* The flags that a change gives a record. */
void index_flags_apply(const struct index_flags *f, const struct record *rec, uint8_t *ret_flags,
                       uint32_t *ret_letters);

/* Ranges of UIDs expunged after `since`, ascending by modseq, in two pieces. False when some may have been
 * forgotten. */
bool index_vanished(const struct index *ix, uint64_t since, const struct index_range *ret[2],
                    size_t ret_n[2]);

/* change_apply.c: applies the operations of a transaction; -EBADMSG when they make no sense
 * (those before are applied). `own`: they are no news for this session's view. */
int change_apply(struct index *ix, struct slice ops, uint64_t modseq, bool own);
/* index.c for change_log.c and snapshot.c. */
struct record *index_new_row(struct index *ix);
void index_reserve(struct index *ix, uint32_t n);
void index_enter_base(struct index *ix, uint32_t row);
uint32_t index_new_name(struct index *ix, struct slice base, struct slice fields, struct slice odd);
void index_count(struct index *ix, const struct record *rec, int by);
void index_forget_all(struct index *ix);

/* journal.c for change_log.c: writes what is noted now, as a transaction, and keeps the lock. */
void journal_write(struct index *ix, bool sync);

/* snapshot.c: -ENOENT, -EBADMSG (why is set) or another -errno. `identity` is what the journal says of it. */
struct snapshot_identity {
        uint64_t ino, size;
        int64_t sec;
        uint32_t nsec, zero;
};
int snapshot_load(struct index *ix, const struct snapshot_identity *identity);
/* No more than `head`. */
int snapshot_load_head(struct index *ix, const struct snapshot_identity *identity);
/* Writes the live records under a temporary name, for perm_replace_end(). */
int snapshot_write(struct index *ix, uint64_t generation, struct snapshot_identity *ret, int *ret_fd);

#endif
