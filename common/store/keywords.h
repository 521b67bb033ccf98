#ifndef STORE_KEYWORDS_H
#define STORE_KEYWORDS_H

/* dovecot-keywords: a line "<number> <name>" for each keyword; number 0 is the letter a in file names, 25 is
 * z. It is changed under the uidlist's lock. A session's bits (struct flags) stay what they are while it
 * lasts; letters are mapped to them. */

#include "base/arena.h"
#include "store/mailbox.h"
#include "store/perm.h"

enum {
        KEYWORDS_LETTERS = 26,
        KEYWORDS_MAX_NAME = 255, /* longer names are not taken from anybody */
        KEYWORDS_MAX_BYTES = 64 * 1024,
};

struct keywords {
        const char *names[KEYWORDS_MAX]; /* by bit; NULL: free */
        int letter[KEYWORDS_MAX];        /* of a bit; -1: none yet */
        int bit[KEYWORDS_LETTERS];       /* of a letter; -1: no name is known */
        uint32_t used;                   /* letters seen in file names */
        unsigned n;                      /* bits ever used */
        unsigned version;                /* grows when names or the mapping change */
        uint32_t moved;                  /* letters that were used and mean another name now; to be cleared */
        struct stat seen;
        struct arena arena;
};

void keywords_init(struct keywords *k);
void keywords_free(struct keywords *k);

/* Reads the file when it is another than before. A file that is not there has no keywords. */
int keywords_refresh(struct keywords *k, int dirfd);

/* The bit of a name; -ENOENT, or with `create` a new bit without a letter; -ENOBUFS, -EINVAL. */
int keywords_bit(struct keywords *k, struct slice name, bool create, unsigned *ret);

/* No letter is left for another name, as far as is known here. */
bool keywords_full(const struct keywords *k);

/* Bits of letters; letters without a name have none. */
uint64_t keywords_bits(const struct keywords *k, uint32_t letters);
/* Letters of bits; false when some have none yet. */
bool keywords_letters(const struct keywords *k, uint64_t bits, uint32_t *ret);
/* Letters of those of the bits that have one. */
uint32_t keywords_known_letters(const struct keywords *k, uint64_t bits);
/* Letters without a name: kept in file names. */
uint32_t keywords_unnamed(const struct keywords *k);

/* Locked: gives letters to those of the bits that have none and writes the file. -ENOBUFS when there are no
 * more letters: then nothing is written. */
int keywords_assign(struct keywords *k, int dirfd, const struct perm *perm, uint64_t bits);

#endif
