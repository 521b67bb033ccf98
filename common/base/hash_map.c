#include "base/hash_map.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/random.h"

struct hash_map_slot {
        uint64_t hash; /* 0: free */
        uint32_t value;
};

enum { SLOTS_FIRST = 64 };

/* The high bits of a product with a random odd number: two hashes meet as seldom as by chance. */
static struct hash_map_slot *find(const struct hash_map *m, uint64_t hash)
{
        size_t i = (size_t)(hash * m->factor >> 32) & (m->cap - 1);

        while (m->slots[i].hash && m->slots[i].hash != hash)
                i = (i + 1) & (m->cap - 1);
        return &m->slots[i];
}

static void grow(struct hash_map *m)
{
        struct hash_map was = *m;

        m->cap = was.cap ? was.cap * 2 : SLOTS_FIRST;
        m->slots = xcalloc(m->cap, sizeof(*m->slots));
        if (!was.cap)
                random_bytes(&m->factor, sizeof(m->factor));
        m->factor |= 1;
        for (size_t i = 0; i < was.cap; i++)
                if (was.slots[i].hash)
                        *find(m, was.slots[i].hash) = was.slots[i];
        free(was.slots);
}

uint32_t *hash_map_at(struct hash_map *m, uint64_t hash)
{
        struct hash_map_slot *slot;

        if (m->n >= m->cap / 4 * 3)
                grow(m);
        slot = find(m, hash);
        if (!slot->hash) {
                slot->hash = hash;
                m->n++;
        }
        return &slot->value;
}

void hash_map_free(struct hash_map *m)
{
        free(m->slots);
        *m = (struct hash_map){0};
}
