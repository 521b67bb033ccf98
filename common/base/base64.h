#ifndef BASE_BASE64_H
#define BASE_BASE64_H

/* Base 64 (RFC 4648 section 4). */

#include "base/buf.h"

/* Appends the encoding of s, no line breaks, padded. 0 or -E2BIG. */
int base64_encode(struct buf *to, struct slice s);
/* Appends the decoding of s, which must be canonical: whole quads, correct padding, nothing else (RFC 4616
 * and SASL exchanges). 0, -EINVAL or -E2BIG; on error `to` holds what it held. */
int base64_decode(struct buf *to, struct slice s);
/* Appends what can be decoded from MIME text: bytes outside the alphabet are skipped, padding ends it
 * (RFC 2045 section 6.8). 0 or -E2BIG. */
int base64_decode_lenient(struct buf *to, struct slice s);

#endif
