#ifndef IMAP_BINARY_H
#define IMAP_BINARY_H

/* BINARY[section]<partial> and BINARY.SIZE[section] (RFC 3516): a part's body without its content transfer
 * encoding, decoded on the way out, so that it costs the same memory whatever its size. Lines of text have
 * CRLF. A whole message and a part with parts of its own have an encoding that changes nothing (RFC 2045
 * section 6.4): they are sent as they are. */

#include "imap/command.h"
#include "mime/part.h"
#include "mime/transfer.h"
#include "wire/conn.h"

enum {
        BINARY_PIECE = 16 * 1024, /* bytes that are decoded at once */
        BINARY_MARK_PARTS = 16,   /* deeper parts are decoded from their start each time */
};

/* Where decoding can go on: the start of a piece. */
struct binary_place {
        size_t raw;    /* bytes of the text before it */
        uint64_t sent; /* what they decode to */
        char last;     /* the byte before it */
        struct transfer_decoder decoder;
};

/* Where a partial ended, as a section_mark (imap/section.h) remembers it for BODY[]. */
struct binary_mark {
        bool set;
        uint32_t part[BINARY_MARK_PARTS];
        size_t part_n;
        size_t message;   /* bytes of the whole message as stored: a check that it is the same */
        size_t offset, n; /* the part's body in it */
        struct binary_place place;
};

struct binary {
        struct slice text; /* as stored and encoded */
        struct binary_place from;
        enum transfer transfer;
        const struct imap_section *what;
        uint64_t size; /* of what is sent: the n of {n} */
        bool has_nul;  /* that has NULs: it needs a literal8, ~{n} */
};

/* Whether binary_locate() needs the part tree. `mark` may be NULL. */
bool binary_needs_parts(const struct imap_section *what, const struct binary_mark *mark,
                        struct slice message);
/* Finds a part's body; `root` may be NULL when no parts are needed. A part that is not there is empty. What
 * is decoded begins at the mark, where that helps. 0; -EOPNOTSUPP: its encoding is not known ([UNKNOWN-CTE]).
 * `message` and *what must outlive *ret. */
int binary_locate(struct slice message, const struct part *root, const struct imap_section *what,
                  const struct binary_mark *mark, struct binary *ret);
/* Works out .size and .has_nul, which takes a pass over the text up to the end of a partial. A partial moves
 * the mark (NULL: there is none) on. */
void binary_measure(struct binary *b, struct slice message, struct binary_mark *mark);
/* Sends the .size bytes. */
void binary_write(struct conn *c, const struct binary *b);

#endif
