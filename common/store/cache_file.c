#include "store/cache_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"

void cache_file_close(struct cache *c)
{
        if (c->map)
                munmap(c->map, c->mapped);
        c->map = NULL;
        c->mapped = 0;
        fd_close_p(&c->fd);
        c->unwritable = 0;
}

int cache_file_open(struct cache *c)
{
        enum { FLAGS = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };
        struct stat st;
        char header[CACHE_HEADER_SIZE];
        int unwritable = 0;
        _cleanup_(fd_close_p) int fd = openat(c->dirfd, CACHE_NAME, O_RDWR | FLAGS);
        if (fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM)) {
                unwritable = -errno;
                fd = openat(c->dirfd, CACHE_NAME, O_RDONLY | FLAGS);
        }
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADMSG;
        ssize_t n = fd_read_all(fd, header, sizeof(header));
        if (n < 0)
                return (int)n;
        if ((size_t)n < sizeof(header) || !cache_header_check(header, c->id))
                return -EBADMSG;
        c->fd = TAKE_FD(fd);
        c->unwritable = unwritable;
        return 0;
}

/* Maps what the file has now. When that fails the map stays as it is. */
static void map_more(struct cache *c)
{
        struct stat st;
        if (fstat(c->fd, &st) < 0 || st.st_size <= 0)
                return;
        uint64_t size = MIN((uint64_t)st.st_size, CACHE_FILE_MAX);
        if (size <= c->mapped || size > SIZE_MAX)
                return;
        void *p = c->map ? mremap(c->map, c->mapped, (size_t)size, MREMAP_MAYMOVE)
                         : mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, c->fd, 0);
        if (p == MAP_FAILED)
                return;
        c->map = p;
        c->mapped = (size_t)size;
}

/* Whether the file can be read up to `end`; may move the map. */
static bool reach(struct cache *c, uint64_t end)
{
        if (end <= c->mapped)
                return true;
        if (c->fd < 0) {
                if (c->tried || c->id == 0 || c->dirfd < 0)
                        return false;
                c->tried = cache_file_open(c) < 0;
                if (c->tried)
                        return false;
        }
        map_more(c);
        return end <= c->mapped;
}

bool cache_file_step(struct cache *c, uint32_t *offset, uint64_t *limit, uint32_t uid,
                     struct cache_group *ret)
{
        uint64_t at = (uint64_t)*offset * CACHE_UNIT;
        if (at < CACHE_HEADER_SIZE || at + CACHE_GROUP_HEAD > *limit || !reach(c, at + CACHE_GROUP_HEAD))
                return false;
        size_t size = cache_group_size(c->map + at);
        if (size == 0 || at + size > *limit || !reach(c, at + size))
                return false;
        struct cache_group g;
        if (!cache_group_check(slice_make(c->map + at, size), c->id, &g) || g.uid != uid)
                return false;
        *offset = g.prev;
        *limit = at;
        *ret = g;
        return true;
}

bool cache_file_chain(struct cache *c, uint32_t offset, uint32_t uid, struct slice ret[CACHE_KINDS],
                      uint32_t *ret_mask)
{
        struct cache_group g;
        uint64_t limit = CACHE_FILE_MAX;
        uint32_t mask = 0;
        bool whole = true;
        for (int i = 0; offset && i < CACHE_CHAIN_MAX && whole; i++) {
                unsigned k;
                struct slice data;
                whole = cache_file_step(c, &offset, &limit, uid, &g);
                while (whole && cache_group_next(&g, &k, &data)) {
                        if (mask >> k & 1)
                                continue;
                        mask |= UINT32_C(1) << k;
                        ret[k] = data;
                }
        }
        *ret_mask = mask;
        return whole;
}
