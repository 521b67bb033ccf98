#ifndef STORE_REWRITE_JOURNAL_H
#define STORE_REWRITE_JOURNAL_H

/* The journal of rewrite.h on the disk (README), and how it is carried out. */

#include "store/rewrite.h"

#define REWRITE_MAGIC "MSREWRT\n"

enum {
        REWRITE_VERSION = 1,
        REWRITE_ORDER = 0x01020304,
        REWRITE_SAMPLES = 16,
        REWRITE_SAMPLE_LEN = 64,
        REWRITE_WINDOW_MIN = 4096,
        /* 8 million: a text and a move for each of 4 million messages, and 128 MB of memory */
        REWRITE_PIECES_MAX = 8 * 1024 * 1024,
};

/* A piece of the new content. Where it comes in the new file is the sum of those before. */
struct rewrite_piece {
        uint64_t from; /* offset in the old file, or REWRITE_IS_TEXT and in the texts */
        uint64_t n;
};
#define REWRITE_IS_TEXT ((uint64_t)1 << 63)

/* Some bytes of the old file that move or stay, to know the file again. */
struct rewrite_sample {
        uint64_t from, to;
        uint64_t hash;
        uint64_t n;
};

struct rewrite_header {
        char magic[8];
        uint32_t version, order;
        uint64_t hash;    /* of the header */
        uint64_t content; /* hash of what follows it: texts, then pieces */
        uint64_t ino;
        uint64_t old_size, new_size;
        uint64_t texts; /* bytes */
        uint32_t pieces;
        uint32_t window; /* bytes, at most, in a mark; 0: there are none, it adds to the end */
        struct rewrite_sample samples[REWRITE_SAMPLES];
};

/* How far it is. BEGUN: nothing but the file's size has changed. */
enum rewrite_stage { REWRITE_BEGUN, REWRITE_DOWN, REWRITE_UP, REWRITE_TAIL, REWRITE_MOVED };

/* A mark: all before it is done and on the disk; then follow the bytes of `ranges`, which are in the mark, as
 * their source may be overwritten by them; then what is at or behind `at` (REWRITE_UP: before it). */
struct rewrite_mark {
        uint64_t hash; /* of the mark, its ranges and bytes */
        uint64_t seq;  /* from 1 on; 0: none */
        uint64_t at;
        uint64_t old_end; /* old_size, and what others had appended by then */
        uint32_t stage, ranges;
        uint32_t head, n; /* of the window that is in use */
};

/* Bytes for a place in the file, found at `at` of the window. */
struct rewrite_range {
        uint64_t to;
        uint32_t at, n;
};

struct rewrite_work {
        int dirfd, journal, file; /* borrowed */
        bool sync;
        struct rewrite_header h;
        const struct rewrite_piece *pieces; /* borrowed */
        struct slice texts;       /* borrowed: of those that begin with this one; .p NULL: in the journal */
        struct rewrite_mark mark; /* the last one; .seq 0: none */
        uint64_t old_end;
        bool untouched; /* no byte of the file has changed */
        bool dirty;     /* it may have bytes that are not on the disk */
        enum rewrite_stage stage;
        char *window;
        struct rewrite_range *ranges;
        uint32_t head, n, ranges_n;
        uint64_t read_from, read_to; /* of the file, since the last mark */
        struct rewrite_progress progress;
        uint64_t all, done; /* bytes that are carried from here on */
        bool counting;      /* these are being counted: nothing is read or written */
};

static inline uint32_t rewrite_ranges_max(uint32_t window)
{
        return window / 64 + 1;
}

/* A mark, its ranges, its bytes; there is room for two, used by turns. */
static inline uint64_t rewrite_slot_size(uint32_t window)
{
        return sizeof(struct rewrite_mark) + rewrite_ranges_max(window) * sizeof(struct rewrite_range) +
               (window + 7) / 8 * 8;
}

static inline uint64_t rewrite_content_end(const struct rewrite_header *h)
{
        return sizeof(*h) + h->texts + h->pieces * sizeof(struct rewrite_piece);
}

static inline uint64_t rewrite_slots_at(const struct rewrite_header *h)
{
        return (rewrite_content_end(h) + 4095) / 4096 * 4096;
}

uint64_t rewrite_header_hash(const struct rewrite_header *h);

/* pread() and pwrite() of all the bytes; -EIO when the file is shorter. */
int rewrite_read(int fd, void *to, size_t n, uint64_t at);
int rewrite_write(int fd, const void *p, size_t n, uint64_t at);
/* Makes sure that there is room for bytes of the file; they are 0 unless they were there. */
int rewrite_allocate(int fd, uint64_t at, uint64_t n);

void rewrite_work_free(struct rewrite_work *w); /* a _cleanup_ function */
void rewrite_work_alloc(struct rewrite_work *w);

/* Puts the window into the journal as a mark: from here on it is gone on from there. */
int rewrite_mark_put(struct rewrite_work *w, enum rewrite_stage stage, uint64_t at);
/* The last one that is whole, with its window, if there is any. */
int rewrite_mark_load(struct rewrite_work *w);
/* Writes it again, so that what was in memory only is on the disk. */
int rewrite_mark_renew(struct rewrite_work *w);

/* From the mark to the end; removes the journal. -EBADMSG: the file does not look as it must. */
int rewrite_carry(struct rewrite_work *w);
/* Removes it, when nothing has changed. */
int rewrite_drop(struct rewrite_work *w);
/* Under the lock that it was begun with, when only bytes behind the old content are new: they go again, and
 * so does the journal. */
int rewrite_take_back(struct rewrite_work *w);
/* The pieces of a stage from `at` on (REWRITE_UP: those before it). */
int rewrite_pieces_carry(struct rewrite_work *w, enum rewrite_stage stage, uint64_t at);
/* Adds to w->all how many bytes these are; 0. */
int rewrite_pieces_count(struct rewrite_work *w, enum rewrite_stage stage, uint64_t at);
/* So many bytes more have their place. */
void rewrite_tell(struct rewrite_work *w, uint64_t n);
/* Writes the window to the file. */
int rewrite_window_write(struct rewrite_work *w);

/* rewrite_replay.c: the header, and that it is sane; the rest, that it is whole, and the pieces, which are
 * the caller's and w->pieces. -EBADMSG: not so; -ENODATA: it was dropped. */
int rewrite_load_header(struct rewrite_work *w);
int rewrite_load_content(struct rewrite_work *w, struct rewrite_piece **ret);

/* rewrite_append.c. Whether texts come behind the whole old content, and nothing else. */
bool rewrite_is_append(const struct rewrite_header *h, const struct rewrite_piece *pieces);
/* The journal for that; created if need be, with its name on the disk. 1: it waits. */
int rewrite_append_open(int dirfd, const struct perm *perm, bool sync, int *ret_fd);
/* It has what w->h, w->pieces and w->texts say, and the file is as it was: adds to it. As rewrite_run(). */
int rewrite_append_run(struct rewrite_work *w, bool *ret_begun);
/* It says again that nobody has begun. */
int rewrite_append_end(struct rewrite_work *w);
bool rewrite_append_waits(int dirfd);
int rewrite_append_replay(int dirfd, int file, bool sync, struct rewrite_progress progress);

/* The samples of what is said, from the file as it is; whether they are there. */
int rewrite_samples_take(struct rewrite_header *h, const struct rewrite_piece *pieces, int file);
int rewrite_samples_check(const struct rewrite_work *w);

#endif
