#ifndef BASE_UTF7_H
#define BASE_UTF7_H

/* Modified UTF-7, the encoding of mailbox names (RFC 3501 section 5.1.3). */

#include "base/buf.h"

/* Appends the mUTF-7 form of valid UTF-8. 0, -EINVAL (not UTF-8) or -E2BIG. */
int utf7_from_utf8(struct buf *to, struct slice utf8);
/* Appends the UTF-8 form. -EINVAL for anything but the one canonical encoding: 8-bit bytes, superfluous
 * shifts, printable ASCII in base 64, dangling bits, lone surrogates. */
int utf7_to_utf8(struct buf *to, struct slice utf7);

#endif
