#include "base/hash.h"

/* the header alone: nothing is linked */
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_bytes(struct slice s, uint64_t seed)
{
        return XXH3_64bits_withSeed(s.n ? s.p : "", s.n, seed);
}
