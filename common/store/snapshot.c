/* mailsession.index: the live records of an index, with their names and a hash table of them. Written once,
 * then only mapped. README has the format. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/hash.h"
#include "store/index.h"

#define SNAPSHOT_MAGIC "MSINDEX\n"

enum {
        SNAPSHOT_VERSION = 1,
        SNAPSHOT_ORDER = 0x01020304, /* the byte order, as who wrote it saw it */
        SNAPSHOT_ALIGN = 4096,       /* of the header and of the records */
        SNAPSHOT_CHUNK = 256 * 1024, /* bytes written, and hashed, at once */
        SNAPSHOT_ROOM = 65536,       /* rows that fit in behind those of the file without copying any */
};

struct snapshot_header {
        char magic[8];
        uint32_t version, order;
        uint64_t hash;    /* of the header with 0 here */
        uint64_t content; /* hash of what follows the header; see hash_on() */
        uint64_t total;   /* bytes of the file */
        uint64_t vanished_at, names_at, names_n, slots_at, records_at;
        uint32_t vanished_n, slots_n, records_n, zero;
        struct index_head head;
};

_Static_assert(sizeof(struct snapshot_header) <= SNAPSHOT_ALIGN, "the header has a page");

static uint64_t header_hash(const struct snapshot_header *h)
{
        struct snapshot_header copy = *h;
        copy.hash = 0;
        return hash_bytes(slice_make(&copy, sizeof(copy)), SNAPSHOT_VERSION);
}

/* The hash of a chunk begins with that of the chunk before it. */
static uint64_t hash_on(uint64_t hash, struct slice chunk)
{
        return hash_bytes(chunk, hash);
}

/* Loading */

static bool section_fits(uint64_t at, uint64_t n, uint64_t end)
{
        return at >= SNAPSHOT_ALIGN && at <= end && n <= end - at && at % 8 == 0;
}

static const char *header_fault(const struct snapshot_header *h, uint64_t size)
{
        if (memcmp(h->magic, SNAPSHOT_MAGIC, sizeof(h->magic)) != 0)
                return "it is no index";
        if (h->order != SNAPSHOT_ORDER)
                return "it was written on a machine of another byte order";
        if (h->version != SNAPSHOT_VERSION)
                return "it is of another version";
        if (h->hash != header_hash(h))
                return "its header is damaged";
        if (h->total != size)
                return "it is cut off";
        if (h->records_at % SNAPSHOT_ALIGN || !section_fits(h->records_at, 0, size) ||
            (size - h->records_at) / sizeof(struct record) != h->records_n ||
            !section_fits(h->vanished_at, (uint64_t)h->vanished_n * sizeof(struct index_range),
                          h->records_at) ||
            !section_fits(h->names_at, h->names_n, h->records_at) || h->names_n < 3 ||
            h->names_n > UINT32_MAX / 2 || h->slots_n & (h->slots_n - 1) ||
            !section_fits(h->slots_at, (uint64_t)h->slots_n * sizeof(uint32_t), h->records_at))
                return "its sections are out of place";
        return NULL;
}

/* The whole file is read when it may not be the one that was written: copied, restored, changed. */
static bool content_holds(int fd, const struct snapshot_header *h)
{
        _cleanup_(free_p) char *chunk = xmalloc(SNAPSHOT_CHUNK);
        uint64_t hash = 0;
        for (uint64_t at = SNAPSHOT_ALIGN; at < h->total;) {
                size_t want = (size_t)MIN(h->total - at, (uint64_t)SNAPSHOT_CHUNK);
                ssize_t n = pread(fd, chunk, want, (off_t)at);
                if (n != (ssize_t)want)
                        return false;
                hash = hash_on(hash, slice_make(chunk, want));
                at += want;
        }
        return hash == h->content;
}

static bool is_as_written(const struct stat *st, const struct snapshot_identity *i)
{
        return st->st_ino == i->ino && (uint64_t)st->st_size == i->size && st->st_mtim.tv_sec == i->sec &&
               (uint32_t)st->st_mtim.tv_nsec == i->nsec;
}

static int fault(struct index *ix, const char *why)
{
        ix->why = why;
        return -EBADMSG;
}

static int map_rows(struct index *ix, int fd, const struct snapshot_header *h)
{
        size_t bytes = (size_t)h->records_n * sizeof(struct record);
        index_reserve(ix, h->records_n + SNAPSHOT_ROOM);
        if (bytes == 0)
                return 0;
        void *p = mmap(ix->region, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd,
                       (off_t)h->records_at);
        if (p != MAP_FAILED)
                return 0;
        /* pages of this machine may be larger than the alignment */
        return pread(fd, ix->region, bytes, (off_t)h->records_at) == (ssize_t)bytes ? 0 : -EIO;
}

static int map_all(struct index *ix, int fd, const struct snapshot_header *h)
{
        index_forget_all(ix);
        ix->map_size = (size_t)h->records_at;
        void *map = mmap(NULL, ix->map_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED)
                return -errno;
        ix->map = map;
        int r = map_rows(ix, fd, h);
        if (r < 0)
                return r;
        ix->names = slice_make(ix->map + h->names_at, (size_t)h->names_n);
        if (memcmp(ix->names.p + ix->names.n - 3, "\0\0\0", 3) != 0)
                return fault(ix, "its names are damaged");
        ix->slots = (const uint32_t *)(const void *)(ix->map + h->slots_at);
        ix->slots_n = h->slots_n;
        ix->vanished = (const struct index_range *)(const void *)(ix->map + h->vanished_at);
        ix->vanished_n = h->vanished_n;
        ix->n = ix->mapped_n = h->records_n;
        return 0;
}

static int open_file(struct index *ix, const struct snapshot_identity *identity, struct snapshot_header *h,
                     int *ret_fd)
{
        _cleanup_(fd_close_p) int fd =
                openat(ix->dirfd, INDEX_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || pread(fd, h, sizeof(*h), 0) != sizeof(*h))
                return fault(ix, "it is cut off");
        const char *why = header_fault(h, (uint64_t)st.st_size);
        if (why)
                return fault(ix, why);
        if (!is_as_written(&st, identity) && !content_holds(fd, h))
                return fault(ix, "it is damaged");
        h->head.truth.guid[sizeof(h->head.truth.guid) - 1] = '\0';
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int snapshot_load(struct index *ix, const struct snapshot_identity *identity)
{
        _cleanup_(fd_close_p) int fd = -1;
        struct snapshot_header h;
        int r = open_file(ix, identity, &h, &fd);
        if (r == 0)
                r = map_all(ix, fd, &h);
        if (r < 0)
                return r;
        ix->head = h.head;
        return 0;
}

int snapshot_load_head(struct index *ix, const struct snapshot_identity *identity)
{
        _cleanup_(fd_close_p) int fd = -1;
        struct snapshot_header h;
        int r = open_file(ix, identity, &h, &fd);
        if (r < 0)
                return r;
        ix->head = h.head;
        return 0;
}

/* Writing */

struct writer {
        int fd;
        struct buf chunk;
        uint64_t at, hash;
        int error;
};

static void write_chunk(struct writer *w)
{
        struct slice chunk = slice_head(buf_slice(&w->chunk), SNAPSHOT_CHUNK);
        if (w->error == 0)
                w->error = fd_write_all(w->fd, chunk);
        w->hash = hash_on(w->hash, chunk);
        buf_consume(&w->chunk, chunk.n);
}

static void put(struct writer *w, const void *p, size_t n)
{
        buf_append(&w->chunk, slice_make(p, n));
        w->at += n;
        while (w->chunk.n >= SNAPSHOT_CHUNK)
                write_chunk(w);
}

static void pad(struct writer *w, size_t to)
{
        static const char zeros[SNAPSHOT_ALIGN];
        put(w, zeros, (size_t)(-w->at & (to - 1)));
}

/* The newest ranges; *ret_from is what is forgotten with the others. */
static void put_vanished(struct writer *w, struct index *ix, struct snapshot_header *h)
{
        const struct index_range *lists[2] = {ix->vanished,
                                              (const struct index_range *)(const void *)ix->more_vanished.p};
        size_t n[2] = {ix->vanished_n, ix->more_vanished.n / sizeof(struct index_range)};
        size_t drop = n[0] + n[1] > INDEX_VANISHED_MAX ? n[0] + n[1] - INDEX_VANISHED_MAX : 0;
        h->vanished_at = w->at;
        for (size_t l = 0; l < 2; l++)
                for (size_t i = 0; i < n[l]; i++) {
                        if (drop) {
                                drop--;
                                h->head.vanished_from = MAX(h->head.vanished_from, lists[l][i].modseq);
                                continue;
                        }
                        put(w, &lists[l][i], sizeof(struct index_range));
                        h->vanished_n++;
                }
}

static size_t name_size(const struct index *ix, const struct record *rec)
{
        const char *base = index_base(ix, rec), *p = base + strlen(base) + 1;
        p += strlen(p) + 1;
        return (size_t)(p - base) + (rec->state & RECORD_ODD ? strlen(p) : 0) + 1;
}

static void put_names(struct writer *w, const struct index *ix, struct snapshot_header *h)
{
        h->names_at = w->at;
        for (uint32_t row = 0; row < ix->n; row++) {
                const struct record *rec = &ix->rows[row];
                if (!index_is_live(rec))
                        continue;
                size_t n = name_size(ix, rec);
                put(w, index_base(ix, rec), n - 1);
                put(w, "", 1);
                h->records_n++;
        }
        put(w, "\0\0", 3);
        h->names_n = w->at - h->names_at;
        pad(w, 8);
}

static void put_slots(struct writer *w, const struct index *ix, struct snapshot_header *h)
{
        uint32_t n = 16, live = 0;
        while (n < h->records_n * 2)
                n *= 2;
        _cleanup_(free_p) uint32_t *slots = xcalloc(n, sizeof(*slots));
        for (uint32_t row = 0; row < ix->n; row++) {
                if (!index_is_live(&ix->rows[row]))
                        continue;
                uint32_t at = ix->rows[row].hash;
                while (slots[at & (n - 1)])
                        at++;
                slots[at & (n - 1)] = ++live;
        }
        h->slots_at = w->at;
        h->slots_n = n;
        put(w, slots, n * sizeof(*slots));
}

static void put_records(struct writer *w, const struct index *ix, struct snapshot_header *h)
{
        uint64_t name = 0;
        uint32_t unseen = 0;
        h->head.counts.letters = 0;
        pad(w, SNAPSHOT_ALIGN);
        h->records_at = w->at;
        for (uint32_t row = 0; row < ix->n; row++) {
                struct record rec = ix->rows[row];
                if (!index_is_live(&rec))
                        continue;
                unseen += row < h->head.unseen_from;
                h->head.counts.letters |= rec.letters;
                size_t n = name_size(ix, &rec);
                rec.state &= RECORD_STORED;
                rec.name = (uint32_t)name;
                name += n;
                put(w, &rec, sizeof(rec));
        }
        h->head.unseen_from = unseen;
        h->total = w->at;
}

static int write_content(struct index *ix, int fd, uint64_t generation)
{
        struct snapshot_header h = {.magic = SNAPSHOT_MAGIC,
                                    .version = SNAPSHOT_VERSION,
                                    .order = SNAPSHOT_ORDER,
                                    .head = ix->head};
        struct writer w = {.fd = fd, .at = SNAPSHOT_ALIGN};
        if (lseek(fd, SNAPSHOT_ALIGN, SEEK_SET) < 0)
                return -errno;
        h.head.generation = generation;
        put_vanished(&w, ix, &h);
        put_names(&w, ix, &h);
        put_slots(&w, ix, &h);
        put_records(&w, ix, &h);
        if (w.chunk.n)
                write_chunk(&w);
        buf_free(&w.chunk);
        h.content = w.hash;
        h.hash = header_hash(&h);
        if (w.error == 0 && h.names_n > UINT32_MAX / 2)
                w.error = -EFBIG;
        if (w.error == 0 && lseek(fd, 0, SEEK_SET) < 0)
                w.error = -errno;
        if (w.error == 0)
                w.error = fd_write_all(fd, slice_make(&h, sizeof(h)));
        if (w.error == 0 && ix->sync && fdatasync(fd) < 0)
                w.error = -errno;
        return w.error;
}

int snapshot_write(struct index *ix, uint64_t generation, struct snapshot_identity *ret, int *ret_fd)
{
        _cleanup_(fd_close_p) int fd = -1;
        struct stat st;
        int r = perm_replace_begin(ix->dirfd, INDEX_NAME, &ix->perm, &fd);
        if (r < 0)
                return r;
        r = write_content(ix, fd, generation);
        if (r == 0 && fstat(fd, &st) < 0)
                r = -errno;
        if (r < 0)
                return perm_replace_end(ix->dirfd, INDEX_NAME, fd, r, false);
        *ret = (struct snapshot_identity){.ino = st.st_ino,
                                          .size = (uint64_t)st.st_size,
                                          .sec = st.st_mtim.tv_sec,
                                          .nsec = (uint32_t)st.st_mtim.tv_nsec};
        *ret_fd = TAKE_FD(fd);
        return 0;
}
