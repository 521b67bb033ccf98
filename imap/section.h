#ifndef IMAP_SECTION_H
#define IMAP_SECTION_H

/* BODY[section]<partial> (RFC 3501 section 6.4.5): which bytes of a message a section means, how many of them
 * are sent, and sending them. The message stays where it is mapped: nothing is copied, whatever its size.
 *
 * What is sent has CRLF at every line end and 0x80 for NUL (see quote.h). Sizes and partial offsets count the
 * bytes as sent. */

#include "imap/command.h"
#include "mime/part.h"
#include "wire/conn.h"

/* A place in a text: `raw` bytes are behind, and of the line end at `raw` the CR too that is sent for it. */
struct section_place {
        size_t raw;
        bool after_cr;
};

struct section {
        struct slice text;               /* as stored */
        const struct imap_section *what; /* HEADER.FIELDS picks lines of the text; partial cuts it */
        uint64_t size;                   /* as sent: the n of {n} */
        struct section_place from, to;   /* partial, unless lines are picked */
};

enum {
        SECTION_MARK_PARTS = 16, /* sections of deeper parts are found anew each time */
};

/* Where a partial ended: clients fetch large sections piece by piece, and the next piece begins there. Which
 * message it is of is for the caller to know: {0} for another. */
struct section_mark {
        bool set;
        uint32_t part[SECTION_MARK_PARTS];
        size_t part_n;
        enum imap_section_text text;
        size_t message;   /* bytes of the whole message as stored: a check that it is the same */
        size_t offset, n; /* the section's text in it */
        uint64_t sent;    /* bytes of the section, as sent, before `place` */
        struct section_place place;
};

/* Whether section_locate() needs the part tree. `mark` may be NULL. */
bool section_needs_parts(const struct imap_section *what, const struct section_mark *mark,
                         struct slice message);

/* Finds a section and its size. `root` may be NULL when no parts are needed. A part that is not there is an
 * empty section, as clients know it from Dovecot. *what and the message must outlive *ret. `mark` (NULL:
 * none) is used and, by a partial, moved on. */
void section_locate(struct slice message, const struct part *root, const struct imap_section *what,
                    struct section_mark *mark, struct section *ret);

/* Sends the section's size bytes. */
void section_write(struct conn *c, const struct section *s);

/* Gives the same bytes in pieces, but as they are stored: line ends may be LF or CRLF, and NUL is NUL; a cut
 * between CR and LF gives them one by one. 0, or what `take` gave when that was not 0. */
int section_read(const struct section *s, int (*take)(void *context, struct slice bytes), void *context);

/* What a reply calls it: "BODY[1.HEADER.FIELDS (FROM)]<0>", with `word` for BODY. Names of fields are put in
 * capitals, as Dovecot does: a client that compares them has met that one. */
void section_name(struct buf *to, const char *word, const struct imap_section *what);

/* Bytes of a text as sent. */
uint64_t section_crlf_size(struct slice text);

#endif
