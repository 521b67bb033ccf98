#include "store/cache_group.h"

#include <string.h>

#include "base/hash.h"

enum {
        VERSION = 1,
        BYTE_ORDER_MARK = 0x01020304,
        HASH_SIZE = sizeof(uint64_t),
};

static const char MAGIC[8] = {'M', 'S', 'C', 'A', 'C', 'H', 'E', '\n'};

struct header {
        char magic[sizeof(MAGIC)];
        uint32_t version, byte_order;
        uint64_t id, zero[4], hash;
};
_Static_assert(sizeof(struct header) == CACHE_HEADER_SIZE, "the format");

struct head {
        uint64_t hash;
        uint32_t uid, size, prev;
        uint16_t items, zero;
};
_Static_assert(sizeof(struct head) == CACHE_GROUP_HEAD, "the format");

struct item {
        uint16_t kind, zero;
        uint32_t length;
};
_Static_assert(sizeof(struct item) == CACHE_UNIT, "the format");

void cache_header_make(char to[CACHE_HEADER_SIZE], uint64_t id)
{
        struct header h = {.version = VERSION, .byte_order = BYTE_ORDER_MARK, .id = id};
        memcpy(h.magic, MAGIC, sizeof(MAGIC));
        h.hash = hash_bytes(slice_make(&h, sizeof(h) - HASH_SIZE), 0);
        memcpy(to, &h, sizeof(h));
}

/* There is exactly one right header for an id. */
bool cache_header_check(const char header[CACHE_HEADER_SIZE], uint64_t id)
{
        char right[CACHE_HEADER_SIZE];
        cache_header_make(right, id);
        return memcmp(header, right, CACHE_HEADER_SIZE) == 0;
}

size_t cache_group_size(const char *head)
{
        struct head h;
        memcpy(&h, head, sizeof(h));
        bool possible = h.size >= sizeof(h) && h.size <= CACHE_GROUP_MAX && h.size % CACHE_UNIT == 0;
        return possible ? h.size : 0;
}

static struct slice hashed_part(struct slice group)
{
        return slice_from(group, HASH_SIZE);
}

/* The hash may be right and the rest hostile, so every length is checked against what is there. */
bool cache_group_check(struct slice group, uint64_t id, struct cache_group *ret)
{
        struct head h;
        if (group.n < sizeof(h))
                return false;
        memcpy(&h, group.p, sizeof(h));
        if (h.size != group.n || h.items > CACHE_KINDS || h.hash != hash_bytes(hashed_part(group), id))
                return false;
        struct slice rest = slice_from(group, sizeof(h));
        size_t table = h.items * sizeof(struct item);
        if (table > rest.n)
                return false;
        uint64_t sum = table;
        for (unsigned i = 0; i < h.items; i++) {
                struct item item;
                memcpy(&item, rest.p + i * sizeof(item), sizeof(item));
                if (item.kind >= CACHE_KINDS)
                        return false;
                sum += item.length;
        }
        if (sum > rest.n)
                return false;
        *ret = cache_group_own(group);
        return true;
}

struct cache_group cache_group_own(struct slice group)
{
        struct head h;
        memcpy(&h, group.p, sizeof(h));
        struct slice rest = slice_from(group, sizeof(h));
        return (struct cache_group){.uid = h.uid,
                                    .prev = h.prev,
                                    .items = h.items,
                                    .rest = rest,
                                    .data = slice_from(rest, h.items * sizeof(struct item))};
}

bool cache_group_next(struct cache_group *g, unsigned *ret_kind, struct slice *ret)
{
        struct item item;
        if (g->items == 0)
                return false;
        memcpy(&item, g->rest.p, sizeof(item));
        *ret_kind = item.kind % CACHE_KINDS;
        *ret = slice_head(g->data, item.length);
        g->rest = slice_from(g->rest, sizeof(item));
        g->data = slice_from(g->data, item.length);
        g->items--;
        return true;
}

bool cache_group_append(struct buf *to, uint32_t uid, const struct mailbox_item *items, size_t n)
{
        size_t size = sizeof(struct head) + n * sizeof(struct item);
        if (n == 0 || n > CACHE_KINDS)
                return false;
        for (size_t i = 0; i < n; i++) {
                if (items[i].data.n > CACHE_GROUP_MAX || items[i].kind >= CACHE_KINDS)
                        return false;
                size += items[i].data.n;
        }
        size = (size + CACHE_UNIT - 1) / CACHE_UNIT * CACHE_UNIT;
        char *start = size > CACHE_GROUP_MAX ? NULL : buf_reserve(to, size), *p = start;
        if (!p)
                return false;
        struct head h = {.uid = uid, .size = (uint32_t)size, .items = (uint16_t)n};
        memcpy(p, &h, sizeof(h));
        p += sizeof(h);
        for (size_t i = 0; i < n; i++) {
                struct item item = {.kind = (uint16_t)items[i].kind, .length = (uint32_t)items[i].data.n};
                memcpy(p, &item, sizeof(item));
                p += sizeof(item);
        }
        for (size_t i = 0; i < n; i++) {
                if (items[i].data.n)
                        memcpy(p, items[i].data.p, items[i].data.n);
                p += items[i].data.n;
        }
        memset(p, 0, size - (size_t)(p - start));
        to->n += size;
        return true;
}

void cache_group_seal(char *group, uint32_t prev, uint64_t id)
{
        struct head h;
        memcpy(&h, group, sizeof(h));
        h.prev = prev;
        memcpy(group, &h, sizeof(h));
        h.hash = hash_bytes(hashed_part(slice_make(group, h.size)), id);
        memcpy(group, &h, sizeof(h));
}
