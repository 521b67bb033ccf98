#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

/* Numbers and their digits.
 *
 * From slices: decimal digits only, no sign, no space, the whole slice.
 * 0, -EINVAL (not a number) or -ERANGE (too large). */

#include "base/slice.h"

int slice_to_u32(struct slice s, uint32_t *ret);
int slice_to_u64(struct slice s, uint64_t *ret);
/* Hexadecimal, any case. */
int slice_hex_to_u64(struct slice s, uint64_t *ret);

enum {
        NUMBER_MAX = 20, /* digits of a uint64_t */
};
/* Writes the decimal digits, without a NUL; returns where they end. */
char *number_write(char *to, uint64_t v);

#endif
