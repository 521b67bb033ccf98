#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

/* The journal's file, for journal.c and rotate.c. */

#include "store/index.h"

#define JOURNAL_MAGIC "MSJOURN\n"

enum {
        JOURNAL_VERSION = 1,
        JOURNAL_ORDER = 0x01020304, /* the byte order, as who wrote it saw it */
};

struct journal_header {
        char magic[8];
        uint32_t version, order;
        uint64_t generation;
        struct snapshot_identity snapshot;
        uint64_t hash; /* of the header with 0 here */
};

struct journal_transaction {
        uint64_t hash; /* of the rest, seeded with generation and place */
        uint32_t size; /* of all of it */
        uint32_t zero;
        uint64_t modseq;
};

uint64_t journal_header_hash(const struct journal_header *h);
/* Opens the file, unless it is open; with flags of open(). */
int journal_open(struct index *ix, int flags);
/* What a journal begins with. -EBADMSG: with something else (`why` is set), or it is empty. */
int journal_header(struct index *ix, struct slice text, struct journal_header *ret);
/* The transaction at journal_at, where `tail` begins; false: none that is whole. */
bool journal_next(const struct index *ix, struct slice tail, struct journal_transaction *ret,
                  struct slice *ret_ops);

/* rotate.c: whether the journal has grown, or so much has changed, that a snapshot is cheaper. */
bool rotate_is_due(const struct index *ix);
/* Locked: writes the next generation of both files and goes on with it. On error all is as before. */
int rotate(struct index *ix);

#endif
