#ifndef STORE_SAVED_H
#define STORE_SAVED_H

/* struct save, for save.c, which gets messages into tmp/, and commit.c, which makes them part of the folder.
 */

#include "store/maildir.h"
#include "store/save.h"

/* A message that waits in tmp/. */
struct saved {
        char *tmp;  /* "tmp/<name>" */
        char *path; /* where it went at the commit: "new/..." or "cur/..."; NULL before */
        char *base;
        uint8_t flags;
        uint64_t keywords; /* bits of to->keywords */
        time_t date;       /* INTERNALDATE; 0: not known */
        uint64_t size;     /* as sent; 0: not known */
};

struct save {
        struct mailbox *to; /* owned; without a view */
        struct saved *items;
        size_t n, cap;

        /* the message that is being written: items[n] once it is whole */
        struct saved now;
        int fd;
        time_t internaldate;
        struct buf out;
        uint64_t size, bare_lf;
        bool pending_cr; /* the last byte was a CR, not stored yet */
        char last;       /* the last byte stored */
        int failed;      /* what went wrong; nothing of this save can be committed any more */
        bool committed;
};

/* Keeps the text of an error about a path below the folder. */
int save_error(struct save *s, int r, const char *call, const char *below);
bool save_fsyncs(const struct save *s);
/* Removes the files of all messages. */
void save_undo(struct save *s);

#endif
