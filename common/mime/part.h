#ifndef MIME_PART_H
#define MIME_PART_H

/* The tree of a message's parts (RFC 2045, 2046, 2183, 3282, 2557), as BODYSTRUCTURE and BODY[section] need
 * it (RFC 3501 sections 6.4.5 and 7.4.2). Linear in the size of the message whatever it holds.
 *
 * Every message is a part: the root, and the only child of each PART_MESSAGE. A part is a header (with the
 * empty line that ends it) and a body, which follow each other:
 *
 *   root                       header, body                 kind MULTIPART
 *     child 1 (text/plain)     header, body                 kind LEAF
 *     child 2 (message/rfc822) header, body                 kind MESSAGE
 *       child: the message     header, body = 2's body      any kind
 *
 * Offsets are from the start of the root's message. The line break before a delimiter belongs to the
 * delimiter, not to the body before it (RFC 2046 section 5.1.1). A delimiter ends every part inside its
 * multipart, even within a header. The longest open boundary that begins a line (with the dashes that close
 * it) is the one meant.
 *
 * What is effective is what the fields say after defaults: no or a broken Content-Type is text/plain, in a
 * multipart/digest message/rfc822; multipart without a boundary is text/plain; multipart or message/rfc822
 * that is not descended into (too deep, too many parts, a message in base64 or quoted-printable) is
 * application/octet-stream and kind LEAF, so that kind and type never contradict each other. A multipart may
 * have no child at all. */

#include "base/arena.h"
#include "mime/param.h"
#include "mime/transfer.h"

enum {
        PART_MAX_DEPTH = 100,    /* of the tree; Dovecot's limit as well. Bounds the stack (CVE-2020-12100) */
        PART_MAX_COUNT = 10000,  /* parts of one message; further delimiters are text */
        PART_MAX_BOUNDARY = 250, /* bytes compared; RFC 2046 allows 70. A longer boundary counts as missing */
        PART_MAX_FIELDS =
                2 << 20 /* bytes of Content- fields looked at in one message, which bounds the arena */
};

enum part_kind { PART_LEAF, PART_MULTIPART, PART_MESSAGE };

/* A stretch of the message. Its size as IMAP sends it, every LF as CRLF, is size + bare_lf. */
struct part_range {
        size_t offset;
        size_t size;
        size_t lines;   /* LFs */
        size_t bare_lf; /* LFs without a CR before them */
};

static inline size_t part_virtual_size(struct part_range r)
{
        return r.size + r.bare_lf;
}

struct part {
        struct part *parent, *next, *children;
        unsigned number; /* 1-based among its parent's children; the message in a PART_MESSAGE has 1 */
        unsigned depth;  /* root: 0 */
        unsigned child_count;
        enum part_kind kind;
        struct part_range header, body;

        struct slice type, subtype; /* effective, never empty */
        struct param *params;       /* as written; none when the type is a default */
        enum transfer transfer;     /* what encoding says */
        /* p == NULL: there is no such field. As written, unfolded, without comments where tokens are meant.
         */
        struct slice encoding; /* Content-Transfer-Encoding; BODYSTRUCTURE says "7bit" for none */
        struct slice id, description, md5, location;
        struct slice disposition;
        struct param *disposition_params;
        struct param *languages; /* names are the tags */
};

/* Never NULL. Slices point into the message or the arena; both must outlive the tree. */
struct part *part_parse(struct arena *a, struct slice message);

/* The part that numbers (as in BODY[1.2.3]) name; NULL when there is none. No numbers: the root.
 *   - Number k of a multipart is its child k.
 *   - Number 1 of a message that is not a multipart is that same message, seen as the part that its body is:
 * its MIME header is the message's header, its body the message's body.
 *   - Numbers below a PART_MESSAGE are those of the message in it.
 * So the found part is always the one whose body BODY[numbers] means. */
const struct part *part_find(const struct part *root, const uint32_t *numbers, size_t count);

enum part_section {
        PART_SECTION_ALL,    /* BODY[] : header and body; BODY[1.2] : the body of 1.2 */
        PART_SECTION_HEADER, /* BODY[HEADER]; BODY[1.2.HEADER] : the header of the message in 1.2.
                                HEADER.FIELDS too */
        PART_SECTION_TEXT,   /* BODY[TEXT]; BODY[1.2.TEXT] : the body of the message in 1.2 */
        PART_SECTION_MIME,   /* BODY[1.2.MIME] : the header of part 1.2. Needs numbers */
};

/* Where a section lies. 0, or -ENOENT: no such part, HEADER or TEXT of a part that is no message, MIME of the
 * root. */
int part_section(const struct part *root, const uint32_t *numbers, size_t count, enum part_section section,
                 struct part_range *ret);

static inline struct slice part_bytes(struct slice message, struct part_range r)
{
        return slice_head(slice_from(message, r.offset), r.size);
}

/* The tree in the order of the message, parents first: for (p = root; p; p = part_next(p)). The root given to
 * part_parse() has no parent, and there the walk ends. */
const struct part *part_next(const struct part *p);
/* The next leaf from p on, p included; NULL at the end: for (p = part_leaf(root); p; p =
 * part_leaf(part_next(p))). */
const struct part *part_leaf(const struct part *p);

#endif
