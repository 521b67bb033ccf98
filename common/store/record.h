#ifndef STORE_RECORD_H
#define STORE_RECORD_H

/* What is known of one message of an open Maildir. Records are made by the uidlist, filled in by scans and
 * shown by the view; they stay where they are until the mailbox is closed. */

#include "store/mailbox.h"

#define RECORD_SIZE_UNKNOWN UINT64_MAX

/* The ":2,S" part of file names, each different one kept once. */
struct record_info {
        struct slice text;
        uint32_t letters; /* keywords, bit 0: a */
        uint8_t flags;
};

struct record {
        struct message message;
        struct slice base;
        struct slice fields;            /* of its line in the uidlist */
        const struct record_info *info; /* of the file as last seen */
        const char *pop3_uidl;          /* its P field, once it was asked for */
        uint64_t vsize;                 /* with CRLF; RECORD_SIZE_UNKNOWN */
        uint32_t pass;                  /* number of the last pass over the directories that saw the file */
        bool counted;                   /* vsize was counted, not believed */
        bool in_new;                    /* the file is in new/, else in cur/ */
        bool present;                   /* the last sync found the file */
        bool listed;                    /* has a line in the uidlist as last read */
        bool viewed;                    /* in the view, with a sequence number */
        bool changed;                   /* flags were changed by others and that was not told yet */
        bool replaced;                  /* its file has another UID now */
        bool ours;                      /* we gave it its UID or moved it out of new/: \Recent here */
};

#endif
