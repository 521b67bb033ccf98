#ifndef BASE_HASH_H
#define BASE_HASH_H

/* XXH3, 64 bits: tells damaged bytes from whole ones, and is as fast as memory. No defence against somebody
 * who makes bytes fit a hash. Files keep it: what a seed and bytes give never changes. */

#include "base/slice.h"

uint64_t hash_bytes(struct slice s, uint64_t seed);

#endif
