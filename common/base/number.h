#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

/* Numbers from slices: decimal digits only, no sign, no space, the whole slice.
 * 0, -EINVAL (not a number) or -ERANGE (too large). */

#include "base/slice.h"

int slice_to_u32(struct slice s, uint32_t *ret);
int slice_to_u64(struct slice s, uint64_t *ret);
/* Hexadecimal, any case. */
int slice_hex_to_u64(struct slice s, uint64_t *ret);

#endif
