#ifndef STORE_REWRITE_H
#define STORE_REWRITE_H

/* Changes a file that many programs append to, so that a kill or a power cut at any system call leaves the
 * old or the new content, never a mixture: what will move is written down in a journal beside (rewrite), the
 * journal gets its name when it is on the disk, then the file is changed, then the journal is removed. Who
 * finds a journal under the file's write lock finishes it first (rewrite_replay()), also when others have
 * appended to the file after the cut: that is kept, behind the new content.
 *
 * Disk space: the journal holds texts, the list of moves and one piece of REWRITE_PIECE bytes (less when
 * there is no room for so much): a file can be made shorter on a disk that is nearly full. A file that grows
 * has its room before anything is changed. */

#include "base/buf.h"
#include "store/perm.h"

#define REWRITE_NAME "mailsession.rewrite"

enum {
        REWRITE_PIECE = 4 * 1024 * 1024, /* moved at a time */
};

/* What is behind `size` when a journal is found was appended by others, and begins with this text ("From ").
 * The new content is made of pieces, in order: what is between two pieces of the old file and is in none is
 * gone. */
struct rewrite {
        int dirfd; /* borrowed: where the journal is */
        struct perm perm;
        bool sync;     /* fsync; false only with mail_fsync=never */
        uint64_t size; /* of the old file */
        uint64_t at;   /* of the new one as far as it is said */
        int fd;        /* the journal, without its name */
        char *name;    /* under which it is now */
        struct buf moves;
        uint64_t texts;
};

/* The new content is said from here on. `keep` bytes at the beginning stay as they are. */
int rewrite_begin(struct rewrite *w, int dirfd, const struct perm *perm, bool sync);
/* Bytes of the old file, from an offset that is not before the end of the last such piece (adjacent ones are
 * one move); those that stay where they are cost nothing. */
int rewrite_move(struct rewrite *w, uint64_t from, uint64_t n);
/* New bytes; may be called many times for one text. They go to the journal at once. */
int rewrite_text(struct rewrite *w, struct slice bytes);
/* Carries it out on the file, of which `size` are old bytes, with its write lock held. On an error before the
 * journal got its name nothing has changed; after that the journal stays, and the next rewrite_replay() goes
 * on
 * (*ret_begun tells). */
int rewrite_run(struct rewrite *w, int file, uint64_t size, bool *ret_begun);
void rewrite_end(struct rewrite *w); /* also a _cleanup_ function: a journal without its name is removed */

/* Whether there is one that waits, without a lock. */
bool rewrite_waits(int dirfd);
/* Finishes it, with the file's write lock held. A journal that is not whole, or is of another file (inode, or
 * what the file must look like), is not followed: -EBADMSG, and it is renamed to mailsession.rewrite.broken
 * for the administrator. */
int rewrite_replay(int dirfd, int file, bool sync);

#endif
