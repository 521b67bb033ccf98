#ifndef STORE_CACHE_GROUP_H
#define STORE_CACHE_GROUP_H

/* The bytes of mailsession.cache, pure. All numbers are in the byte order of the machine that wrote them.
 *
 * The file begins with 64 bytes: "MSCACHE\n", u32 version, u32 byte order mark, u64 id, zeros, u64 hash of
 * what is before. Then come groups, each at a multiple of 8:
 *
 *   u64 hash of all that follows in it, seeded with the file's id
 *   u32 uid
 *   u32 bytes of the whole group, a multiple of 8
 *   u32 where the message's group before this one is, in units of 8 bytes; 0: there is none
 *   u16 items, u16 zero
 *   for each item u16 kind, u16 zero, u32 bytes
 *   the items' data one after the other, zeros */

#include "store/cache.h"

enum {
        CACHE_UNIT = 8,
        CACHE_HEADER_SIZE = 64,
        CACHE_GROUP_HEAD = 24, /* bytes of a group before its items */
};

void cache_header_make(char to[CACHE_HEADER_SIZE], uint64_t id);
bool cache_header_check(const char header[CACHE_HEADER_SIZE], uint64_t id);

struct cache_group {
        uint32_t uid, prev;
        unsigned items;    /* that cache_group_next() has not given yet */
        struct slice rest; /* their kinds and lengths, and all data behind them */
        struct slice data; /* theirs */
};

/* What the first CACHE_GROUP_HEAD bytes say; 0 when it cannot be. */
size_t cache_group_size(const char *head);
/* All of a group, of the size that cache_group_size() gave: false unless every byte of it is right. */
bool cache_group_check(struct slice group, uint64_t id, struct cache_group *ret);
/* The same of a group that cache_group_append() made, which needs no check. */
struct cache_group cache_group_own(struct slice group);
/* One item after the other; kinds are below CACHE_KINDS. */
bool cache_group_next(struct cache_group *g, unsigned *ret_kind, struct slice *ret);

/* Appends a group, which has to be sealed before it is whole. False (nothing appended): it has no items, or
 * too many, or would be larger than CACHE_GROUP_MAX. */
bool cache_group_append(struct buf *to, uint32_t uid, const struct mailbox_item *items, size_t n);
void cache_group_seal(char *group, uint32_t prev, uint64_t id);

#endif
