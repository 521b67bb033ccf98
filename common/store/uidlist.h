#ifndef STORE_UIDLIST_H
#define STORE_UIDLIST_H

/* dovecot-uidlist of one folder: read as far as it grew, changed under dovecot-uidlist.lock. UIDs never come
 * twice and only grow. Two ways to use it: with records, for an open mailbox; or light, without them, to
 * append only. Errors are -errno; `path` names what failed. */

#include "base/lock.h"
#include "base/map.h"
#include "store/perm.h"
#include "store/record.h"
#include "store/uidlist_text.h"

#define UIDLIST_NAME "dovecot-uidlist"

/* A million messages with long names. A larger file is not read: no session may need so much memory. */
enum { UIDLIST_MAX_BYTES = 100 * 1024 * 1024 };

struct uidlist {
        int dirfd; /* borrowed: the folder's control directory */
        struct perm perm;
        bool sync;  /* fdatasync what is written */
        bool light; /* no records */

        uint32_t uidvalidity; /* 0: there is none yet */
        uint32_t nextuid;
        char guid[UIDLIST_GUID_LEN + 1];
        char *header_fields;

        struct record **records; /* ascending UIDs; those `replaced` among them */
        size_t n, cap;
        struct map by_base;
        struct arena arena; /* the records and their strings */

        struct stat seen;  /* the file as last read */
        size_t read_to;    /* offset behind the last whole line read */
        size_t lines;      /* in the file */
        uint32_t last_uid; /* of the last line */
        unsigned version;
        bool rewrite; /* lost, damaged, of an old version: must be written anew before anything is appended */
        struct dotlock lock;
};

void uidlist_init(struct uidlist *u, int dirfd, const struct perm *perm, bool sync, bool light);
void uidlist_free(struct uidlist *u);

/* Takes in what changed. A file that is not there or not usable is no error: `rewrite` is set and what was
 * known stays. -ESTALE: UIDVALIDITY is another now. -EFBIG past UIDLIST_MAX_BYTES. */
int uidlist_refresh(struct uidlist *u);

/* Locks and refreshes; -ETIMEDOUT. */
int uidlist_lock(struct uidlist *u);
void uidlist_unlock(struct uidlist *u);

struct record *uidlist_find(const struct uidlist *u, struct slice base);
/* A record for a file that has none, with the next UID; the list on disk is changed by uidlist_write(). What
 * had this base before is `replaced`. -EOVERFLOW when no UID is left. */
int uidlist_add(struct uidlist *u, struct slice base, struct record **ret);
/* Index of the first record with this UID or a higher one. */
size_t uidlist_index(const struct uidlist *u, uint32_t uid);

/* Locked: writes the records that are not listed. Appends them, or writes the whole list anew when it must be
 * or when most of its lines are of files that are gone; then only records `present` or `viewed` are kept. */
int uidlist_write(struct uidlist *u);
/* Locked, light: appends lines; their UIDs are taken from nextuid on. */
int uidlist_append(struct uidlist *u, struct slice lines);

/* A new GUID, 32 hex digits and NUL. */
void uidlist_make_guid(char ret[UIDLIST_GUID_LEN + 1]);

#endif
