#ifndef BASE_UTF8_H
#define BASE_UTF8_H

/* UTF-8 (RFC 3629): no surrogates, no over-long forms, nothing above U+10FFFF. */

#include "base/buf.h"

bool utf8_valid(struct slice s);
/* Length of the valid sequence at the start of s (1 to 4) and its code point, or 0. */
size_t utf8_decode(struct slice s, uint32_t *ret_code_point);
int utf8_encode(struct buf *to, uint32_t code_point);
/* Appends s with every invalid byte replaced by U+FFFD. */
int utf8_append_valid(struct buf *to, struct slice s);

#endif
