#include "base/map.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/random.h"

enum { MAP_FIRST_CAP = 64 };

struct map_slot {
        const char *key;
        size_t n;
        uint64_t hash;
        void *value; /* NULL: free */
};

/* The finalizer of splitmix64: every bit of the input changes about half of the output's. */
static uint64_t mix(uint64_t x)
{
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
        return x ^ (x >> 31);
}

static uint64_t hash_of(uint64_t seed, struct slice key)
{
        uint64_t h = seed ^ key.n;
        while (key.n >= 8) {
                uint64_t word;
                memcpy(&word, key.p, 8);
                h = mix(h + (word ^ seed));
                key = slice_from(key, 8);
        }
        uint64_t last = 0;
        if (key.n)
                memcpy(&last, key.p, key.n);
        return mix(h + (last ^ seed));
}

/* The slot that holds the key, or the free one where it belongs. */
static struct map_slot *find(const struct map *m, struct slice key, uint64_t hash)
{
        for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
                struct map_slot *slot = &m->slots[i];
                if (!slot->value || (slot->hash == hash && slice_eq(slice_make(slot->key, slot->n), key)))
                        return slot;
        }
}

static void grow(struct map *m)
{
        struct map old = *m;
        if (old.cap == 0)
                random_bytes(&m->seed, sizeof(m->seed));
        m->cap = old.cap ? old.cap * 2 : MAP_FIRST_CAP;
        m->slots = xcalloc(m->cap, sizeof(*m->slots));
        for (size_t i = 0; i < old.cap; i++) {
                const struct map_slot *slot = &old.slots[i];
                if (slot->value)
                        *find(m, slice_make(slot->key, slot->n), slot->hash) = *slot;
        }
        free(old.slots);
}

void *map_get(const struct map *m, struct slice key)
{
        return m->cap ? find(m, key, hash_of(m->seed, key))->value : NULL;
}

void map_put(struct map *m, struct slice key, void *value)
{
        if ((m->n + 1) * 4 > m->cap * 3)
                grow(m);
        uint64_t hash = hash_of(m->seed, key);
        struct map_slot *slot = find(m, key, hash);
        if (!slot->value)
                m->n++;
        *slot = (struct map_slot){key.p, key.n, hash, value};
}

void map_free(struct map *m)
{
        free(m->slots);
        *m = (struct map){0};
}
