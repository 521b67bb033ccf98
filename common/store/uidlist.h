#ifndef STORE_UIDLIST_H
#define STORE_UIDLIST_H

/* dovecot-uidlist of one folder: read as far as it grew, changed under dovecot-uidlist.lock. UIDs never come
 * twice and only grow. Nothing is kept of its lines: who reads gets them one by one. Errors are -errno. */

#include "base/lock.h"
#include "store/perm.h"
#include "store/uidlist_text.h"

#define UIDLIST_NAME "dovecot-uidlist"

enum {
        UIDLIST_MAX_LINE = 4096, /* a longer one is damage: a file name has 255 bytes at most */
};

/* The file as it was last read or written. Fixed in size and without pointers: the index keeps it, so that a
 * file that did not change is not read again by anybody. */
struct uidlist_seen {
        uint64_t dev, ino, size;
        int64_t sec; /* mtime */
        uint32_t nsec;
        uint32_t last_uid; /* of the last line */
        uint64_t read_to;  /* offset behind the last whole line; 0: nothing usable was read */
        uint32_t lines;
        uint32_t version; /* of the header, 1 or 3 */
};

struct uidlist {
        int dirfd; /* borrowed: the folder's control directory */
        struct perm perm;
        struct lock_waiter waiter; /* for the lock; whoever wants to may set it */
        bool sync;                 /* fdatasync what is written */

        uint32_t uidvalidity; /* 0: there is none yet */
        uint32_t nextuid;
        char guid[UIDLIST_GUID_LEN + 1];
        struct uidlist_seen seen;
        bool rewrite; /* lost, damaged, of an old version: must be written anew before anything is appended */
        struct dotlock lock;
};

void uidlist_init(struct uidlist *u, int dirfd, const struct perm *perm, bool sync);
/* Releases the lock. */
void uidlist_free(struct uidlist *u);

/* Who reads. `begin` is called once before the first line; `whole`: the file is another than before and is
 * given from its first line, so what does not come is not in it. Slices are valid during the call. */
struct uidlist_reader {
        void (*begin)(void *context, bool whole);
        void (*line)(void *context, const struct uidlist_line *line);
        void *context;
};

/* Whether a stat says that there is something to read. A file that is not there counts as a change once. */
int uidlist_is_due(const struct uidlist *u, bool *ret);

/* Takes in what changed, in constant memory. A file that is not there or has no usable header is no error:
 * `rewrite` is set (begin(whole) is called, no line follows) and uidvalidity, nextuid and guid stay. -ESTALE:
 * UIDVALIDITY is another now; nothing was given to the reader. Lines that cannot be read, or whose UID is not
 * above that of the line before, are passed over; `rewrite` is set and nextuid grows by one for each, for a
 * UID may have been lost with it. An unfinished last line is left for the next time; with the lock held it is
 * torn: `rewrite`. */
int uidlist_refresh(struct uidlist *u, const struct uidlist_reader *reader);

/* -ETIMEDOUT. Does not refresh. */
int uidlist_lock(struct uidlist *u);
void uidlist_unlock(struct uidlist *u);

/* Locked and refreshed, `rewrite` not set: appends n whole lines, whose UIDs go from nextuid on without a
 * gap; nextuid follows. What cannot be written whole is cut off again. */
int uidlist_append(struct uidlist *u, struct slice lines, uint32_t n);

/* Locked: replaces the file. `next` gives one line after the other, UIDs ascending, until it says false. A
 * GUID is made when there is none; header fields with unknown keys are taken over from the old file.
 * uidvalidity and nextuid must be set. */
int uidlist_write(struct uidlist *u, bool (*next)(void *context, struct uidlist_line *ret), void *context);

/* A new GUID, 32 hex digits and NUL. */
void uidlist_make_guid(char ret[UIDLIST_GUID_LEN + 1]);

#endif
