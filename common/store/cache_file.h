#ifndef STORE_CACHE_FILE_H
#define STORE_CACHE_FILE_H

/* The open file of a cache and its map, for cache.c and cache_write.c. */

#include "store/cache_group.h"

#define CACHE_TMP_NAME CACHE_NAME ".tmp"

/* What an offset can reach: no file is made larger, and of a larger one no more is looked at. */
#define CACHE_FILE_MAX ((uint64_t)UINT32_MAX * CACHE_UNIT)

/* -EBADMSG: not a cache, or not the one with c->id. */
int cache_file_open(struct cache *c);
void cache_file_close(struct cache *c);

/* The group at *offset, checked, which must end at or before the byte *limit; both then say where the next of
 * its chain is looked for. As chains only go down, and their groups do not overlap, the map stays where it is
 * after the first step. Opens the file when it is not. */
bool cache_file_step(struct cache *c, uint32_t *offset, uint64_t *limit, uint32_t uid,
                     struct cache_group *ret);
/* A whole chain, the newest of each kind. False when it is damaged; *ret_mask says what was found before
 * that. */
bool cache_file_chain(struct cache *c, uint32_t offset, uint32_t uid, struct slice ret[CACHE_KINDS],
                      uint32_t *ret_mask);

#endif
