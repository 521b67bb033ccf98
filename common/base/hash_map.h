#ifndef BASE_HASH_MAP_H
#define BASE_HASH_MAP_H

/* A table from 64-bit hashes to numbers, for very many: 16 bytes a slot. Nothing is taken out again. Which
 * slot a hash gets is random, so that whoever chooses the hashes cannot make them meet. */

#include <stddef.h>
#include <stdint.h>

struct hash_map {
        struct hash_map_slot *slots;
        size_t cap; /* a power of two, or 0 */
        size_t n;
        uint64_t factor;
};

/* Where the number of a hash is, which is 0 when it was not there; the hash is not 0. Valid until the next
 * call. */
uint32_t *hash_map_at(struct hash_map *m, uint64_t hash);
/* Frees the memory; also a _cleanup_ function. */
void hash_map_free(struct hash_map *m);

#endif
