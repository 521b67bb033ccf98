#include "store/cache.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "store/cache_file.h"

void cache_drop_queue(struct cache *c)
{
        buf_free(&c->queue);
        free(c->queued);
        c->queued = NULL;
        c->queued_n = c->queued_cap = 0;
}

void cache_init(struct cache *c, int dirfd)
{
        *c = (struct cache){.dirfd = dirfd, .fd = -1};
}

void cache_free(struct cache *c)
{
        cache_file_close(c);
        cache_drop_queue(c);
}

void cache_follow(struct cache *c, uint64_t id)
{
        cache_file_close(c);
        c->id = id;
        c->tried = false;
}

void cache_reopen(struct cache *c, uint64_t id)
{
        cache_follow(c, id);
        cache_drop_queue(c);
}

bool cache_get(struct cache *c, uint32_t offset, uint32_t uid, unsigned kind, struct slice *ret)
{
        struct cache_group g;
        uint64_t limit = CACHE_FILE_MAX;
        for (int i = 0; offset && i < CACHE_CHAIN_MAX && cache_file_step(c, &offset, &limit, uid, &g); i++) {
                unsigned k;
                struct slice data;
                while (cache_group_next(&g, &k, &data)) {
                        if (k == kind) {
                                *ret = data;
                                return true;
                        }
                }
        }
        return false;
}

uint32_t cache_get_all(struct cache *c, uint32_t offset, uint32_t uid, struct slice ret[CACHE_KINDS])
{
        uint32_t mask;
        (void)cache_file_chain(c, offset, uid, ret, &mask);
        return mask;
}

/* Where the groups of UIDs above this one begin: the queue is in the order of UIDs, those of one UID in the
 * order they came. */
static size_t queued_behind(const struct cache *c, uint32_t uid)
{
        size_t low = 0, high = c->queued_n;
        while (low < high) {
                size_t mid = low + (high - low) / 2;
                if (c->queued[mid].uid <= uid)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

void cache_put(struct cache *c, uint32_t uid, uint32_t prev, const struct mailbox_item *items, size_t n)
{
        struct cache_queued q = {.uid = uid, .prev = prev, .at = c->queue.n};
        if (c->dirfd < 0 || cache_queue_full(c) || !cache_group_append(&c->queue, uid, items, n))
                return;
        if (c->queued_n == c->queued_cap) {
                c->queued_cap = c->queued_cap ? c->queued_cap * 2 : 64;
                c->queued = xrealloc(c->queued, c->queued_cap * sizeof(*c->queued));
        }
        q.n = c->queue.n - q.at;
        size_t i = queued_behind(c, uid);
        memmove(c->queued + i + 1, c->queued + i, (c->queued_n - i) * sizeof(*c->queued));
        c->queued[i] = q;
        c->queued_n++;
}

uint32_t cache_queued_all(const struct cache *c, uint32_t uid, struct slice ret[CACHE_KINDS])
{
        uint32_t found = 0;
        for (size_t i = queued_behind(c, uid); i > 0 && c->queued[i - 1].uid == uid; i--) {
                const struct cache_queued *q = &c->queued[i - 1];
                struct cache_group g = cache_group_own(slice_make(c->queue.p + q->at, q->n));
                unsigned kind;
                struct slice data;
                while (cache_group_next(&g, &kind, &data)) {
                        if (found >> kind & 1)
                                continue;
                        ret[kind] = data;
                        found |= UINT32_C(1) << kind;
                }
        }
        return found;
}

bool cache_queue_full(const struct cache *c)
{
        return c->queue.n >= CACHE_QUEUE_MAX;
}
