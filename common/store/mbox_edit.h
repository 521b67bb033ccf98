#ifndef STORE_MBOX_EDIT_H
#define STORE_MBOX_EDIT_H

/* Bytes of an mbox that others take the place of, and how those get into it: in place, where a cut at any
 * point leaves each header old or new, and then the end goes, where that is all that moves; otherwise by a
 * rewrite. */

#include "base/buf.h"

struct mbox_file;

struct mbox_edits {
        struct buf list; /* struct edit, ascending */
        struct buf texts;
        size_t n;
        bool grows;   /* one changes the length */
        bool at_once; /* none may be there without the others, whatever each is like */
};
void mbox_edits_clear(struct mbox_edits *e);
void mbox_edits_free(struct mbox_edits *e);

/* `n` bytes at an offset, behind those of the edits before, become `text`. */
void mbox_edits_put(struct mbox_edits *e, uint64_t at, uint64_t n, struct slice text);
/* A header `old` at an offset becomes `new`, which differs in lines of the mailbox alone: little more is kept
 * and written than those, however long it is. */
void mbox_edits_header(struct mbox_edits *e, uint64_t at, struct slice old, struct slice new);

/* Carries them out, in a file locked for writing. Sets the store's error; m->look_again, when that comes
 * after something was changed. */
int mbox_edits_carry(const struct mbox_edits *e, struct mbox_file *f);

#endif
