#ifndef STORE_REWRITE_H
#define STORE_REWRITE_H

/* Changes a file that many programs append to, so that a kill or a power cut at any system call leaves the
 * old or the new content, never a mixture: what will move is written down in a journal beside it (rewrite),
 * the journal gets its name when it is on the disk, then the file is changed, then the journal is removed.
 * What only adds to the end has a journal of its own, which stays for the next time (rewrite_append.c); what
 * only cuts off the end is one call and needs none.
 * Who finds a journal under the file's write lock finishes it first (rewrite_replay()), also when others have
 * appended to the file after the cut: that is kept, behind the new content.
 *
 * Disk space: the journal holds texts, the list of pieces (16 bytes each) and room for twice REWRITE_WINDOW
 * bytes (less when less is moved, or there is no room for so much): a file can be made shorter on a disk that
 * is nearly full. A file that grows has its room before anything is changed.
 *
 * Speed: what stays in its place is not read. All that moves is read and written once, and up to once more
 * into the journal; with few fsyncs for every REWRITE_WINDOW bytes. Three for what only adds to the end (four
 * where that is more than REWRITE_CHUNK bytes, or the first time), one for what only cuts it off. */

#include "base/buf.h"
#include "store/perm.h"

#define REWRITE_NAME        "mailsession.rewrite"
#define REWRITE_APPEND_NAME "mailsession.append"

enum {
        REWRITE_WINDOW = 4 * 1024 * 1024, /* moved at a time */
        REWRITE_CHUNK = 256 * 1024,       /* hashed at a time, and as much is kept in memory */
};

/* To be told how many bytes of all that move or are new have their place, after each window: often enough for
 * who must not seem dead. It is called with the file's lock held, and must not wait for anything. */
struct rewrite_progress {
        void (*tell)(void *context, uint64_t done, uint64_t all); /* NULL: nobody wants to know */
        void *context;
};

/* The new content is said from its beginning to its end, as pieces: bytes of the old file and texts. Bytes of
 * the old file that are in no piece are gone. Texts are collected in memory, and when they are too many under
 * a name of their own (mailsession.rewrite.N: used again by the next when a process was killed): no lock is
 * needed, and several processes may do so at once. */
struct rewrite {
        int dirfd;                        /* borrowed: where the journal is, open for reading */
        struct perm perm;                 /* of the journal */
        bool sync;                        /* fsync; false only with mail_fsync=never */
        uint64_t stored;                  /* bytes of texts up to now */
        uint64_t at;                      /* bytes of the new content said up to now */
        uint64_t from;                    /* where the old file's next piece may begin */
        uint32_t window;                  /* REWRITE_WINDOW; tests have smaller ones */
        struct rewrite_progress progress; /* behind rewrite_begin(): the caller's */
        int fd;                           /* the journal, without its name; locked. -1: all is in memory */
        unsigned number;                  /* of its name */
        uint64_t hash, written;
        struct buf chunk, pieces; /* not written yet */
};
#define REWRITE_NONE ((struct rewrite){.dirfd = -1, .fd = -1})

void rewrite_begin(struct rewrite *w, int dirfd, const struct perm *perm, bool sync);
/* Next come `n` bytes of the old file, from an offset that is not before the end of the last such piece. */
int rewrite_move(struct rewrite *w, uint64_t from, uint64_t n);
/* Next come these new bytes. */
int rewrite_text(struct rewrite *w, struct slice bytes);
/* The same in two parts: bytes go to the journal now (their offset there is w->stored before), and get their
 * place later. */
int rewrite_store(struct rewrite *w, struct slice bytes);
int rewrite_place(struct rewrite *w, uint64_t stored_at, uint64_t n);
/* Carries it out on the file, open for reading and writing, of which `size` are old bytes, with its write
 * lock held. What is behind them stays behind the new content, also what others append meanwhile. On an error
 * with !*ret_begun nothing has changed (what was only appended is taken back); otherwise the file has
 * changed, and where that is not all the journal stays, and the next rewrite_replay() goes on. -EEXIST: there
 * is one that waits; -EINVAL: what was said does not fit the file; -EBUSY: others wrote to it meanwhile,
 * without the lock. */
int rewrite_run(struct rewrite *w, int file, uint64_t size, bool *ret_begun);
/* Also a _cleanup_ function: a journal that has not got the name is removed. */
void rewrite_end(struct rewrite *w);

/* Removes the one of that name, if no process has it: NAME is REWRITE_NAME and a number. */
void rewrite_tidy(int dirfd, const char *name);

/* Whether there is one that waits, without a lock. One that only adds to the end has left nothing in a file
 * that has not grown (`grown`), and takes longer to look for. */
bool rewrite_waits(int dirfd, bool grown);
/* Finishes it, if there is one, with the file's write lock held; of what is left of it `progress` is told.
 * One that found no room before anything was changed is dropped. A journal that is not whole, or is of
 * another file (inode, or what the file must look like), is not followed: -EBADMSG, and it is renamed to
 * mailsession.rewrite.broken for the administrator; but one of what was to be added to the end was never
 * begun then, or others have gone on, and is dropped. */
int rewrite_replay(int dirfd, int file, bool sync, struct rewrite_progress progress);

#endif
