#ifndef MIME_TRANSFER_H
#define MIME_TRANSFER_H

/* Content transfer encodings (RFC 2045 section 6), decoded in one go or piece by piece. Broken input never
 * fails: it decodes as far as it goes. */

#include "base/buf.h"

enum transfer {
        TRANSFER_IDENTITY, /* 7bit, 8bit, binary, or none named */
        TRANSFER_BASE64,
        TRANSFER_QP,
        TRANSFER_UNKNOWN, /* x-uuencode ...: nothing can be said about the content */
};

/* By the token of Content-Transfer-Encoding, case-insensitive. */
enum transfer transfer_of(struct slice name);

/* Begin with {.kind = transfer_of(...)}; holds no memory. */
struct transfer_decoder {
        enum transfer kind;
        uint32_t bits; /* base64: those not yet put out */
        int bit_count;
        bool ended;    /* base64: padding was seen */
        char held[80]; /* quoted-printable: an unfinished "=X", or blanks that may end the line */
        size_t held_n;
};

/* Appends the decoding of the next piece. 0 or -E2BIG from the buffer. TRANSFER_UNKNOWN passes bytes as they
 * are. */
int transfer_decode(struct transfer_decoder *d, struct slice in, struct buf *to);
/* The end of the input; the decoder can begin again. */
int transfer_finish(struct transfer_decoder *d, struct buf *to);

int transfer_decode_all(enum transfer kind, struct slice in, struct buf *to);

#endif
