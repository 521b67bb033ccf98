#ifndef BASE_MAP_H
#define BASE_MAP_H

/* A hash table from byte strings to pointers. Keys and values are borrowed and must outlive the table;
 * nothing is taken out again. The hash is seeded, so that whoever chooses the keys cannot make them collide.
 */

#include "base/slice.h"

struct map {
        struct map_slot *slots;
        size_t cap; /* a power of two, or 0 */
        size_t n;
        uint64_t seed;
};

/* NULL when the key is not there. */
void *map_get(const struct map *m, struct slice key);
/* Enters the value, which must not be NULL, or replaces the one that was there (and its key). */
void map_put(struct map *m, struct slice key, void *value);
/* Frees the memory; also a _cleanup_ function. */
void map_free(struct map *m);

#endif
