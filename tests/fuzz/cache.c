/* mailsession.cache: the input is a file. Its groups get right hashes, or nothing would come past them; then
 * every place is looked up, and all that is found must lie in the file. */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/cache_group.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ID = 77, FILE_LIMIT = 64 * 1024 };

static void seal_all(struct buf *b)
{
        for (size_t at = CACHE_HEADER_SIZE; at + CACHE_GROUP_HEAD <= b->n;) {
                uint32_t prev;
                size_t n = cache_group_size(b->p + at);
                memcpy(&prev, b->p + at + 16, sizeof(prev));
                if (n && n <= b->n - at)
                        cache_group_seal(b->p + at, prev, ID);
                at += n && n <= b->n - at ? n : CACHE_UNIT;
        }
}

static void look_up(struct cache *c, uint32_t offset, uint32_t uid)
{
        struct slice all[CACHE_KINDS], one;
        uint32_t mask = cache_get_all(c, offset, uid, all);
        for (unsigned kind = 0; kind < CACHE_KINDS; kind++) {
                bool found = cache_get(c, offset, uid, kind, &one);
                assert(found == (mask >> kind & 1));
                if (!found)
                        continue;
                assert(slice_eq(one, all[kind]));
                assert(one.p >= c->map && one.n <= c->mapped &&
                       (size_t)(one.p - c->map) <= c->mapped - one.n);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < CACHE_HEADER_SIZE || size > FILE_LIMIT)
                return 0;
        _cleanup_(buf_free) struct buf b = {0};
        buf_append(&b, slice_make(data, size));
        seal_all(&b);
        struct cache c;
        cache_init(&c, -1);
        c.id = ID;
        c.fd = memfd_create("cache", MFD_CLOEXEC);
        if (c.fd < 0 || fd_write_all(c.fd, buf_slice(&b)) < 0)
                abort();
        for (size_t at = 0; at + CACHE_GROUP_HEAD <= b.n; at += CACHE_UNIT) {
                uint32_t uid;
                memcpy(&uid, b.p + at + 8, sizeof(uid));
                look_up(&c, (uint32_t)(at / CACHE_UNIT), uid);
        }
        look_up(&c, (uint32_t)(b.n / CACHE_UNIT), 1);
        look_up(&c, UINT32_MAX, 1);
        cache_free(&c);
        return 0;
}
