#include "store/index.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/random.h"
#include "store/filename.h"
#include "store/mailbox.h"

enum {
        INDEX_ROWS_MIN = 4096, /* room made for rows beyond those that are there */
        INDEX_SLOTS_MIN = 64,
        INDEX_ROTATE_BYTES = 256 * 1024, /* read in less time than a snapshot takes to be written */
        INDEX_ROTATE_TOUCHED = 2000,
};

void index_init(struct index *ix, int dirfd, const struct perm *perm, bool sync)
{
        *ix = (struct index){.dirfd = dirfd,
                             .perm = *perm,
                             .sync = sync,
                             .journal = -1,
                             .detached = dirfd < 0,
                             .rotate_bytes = INDEX_ROTATE_BYTES,
                             .rotate_touched = INDEX_ROTATE_TOUCHED};
}

/* Everything about messages; files and lock stay. */
void index_forget_all(struct index *ix)
{
        if (ix->map)
                munmap(ix->map, ix->map_size);
        if (ix->region)
                munmap(ix->region, ix->region_size);
        ix->map = NULL;
        ix->region = NULL;
        ix->rows = NULL;
        ix->n = ix->cap = ix->mapped_n = ix->touched = ix->slots_n = ix->vanished_n = 0;
        ix->names = SLICE_NULL;
        ix->slots = NULL;
        ix->vanished = NULL;
        buf_free(&ix->more_names);
        buf_free(&ix->more_vanished);
        free(ix->more_slots);
        ix->more_slots = NULL;
        ix->more_slots_n = 0;
        ix->gone.n = ix->changed.n = 0;
        ix->layout++;
        ix->ready = false;
}

void index_free(struct index *ix)
{
        index_forget_all(ix);
        fd_close_p(&ix->journal); /* and the lock with it */
        ix->locked = false;
        buf_free(&ix->ops);
        buf_free(&ix->intent);
        free(ix->gone.row);
        free(ix->changed.row);
        ix->gone = ix->changed = (struct index_rows){0};
}

void index_reset(struct index *ix)
{
        index_forget_all(ix);
        ix->head = (struct index_head){.modseq = ix->now, .vanished_from = ix->now};
        random_bytes(&ix->head.seed, sizeof(ix->head.seed));
        ix->ready = true;
        ix->whole = true;
}

/* Rows */

static void *reserve(size_t bytes)
{
        void *p =
                mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        /* address space is the least of what can run out: as for any allocation */
        return p == MAP_FAILED ? xmalloc(SIZE_MAX / 2) : p;
}

/* Room for n rows. The room is address space only, until it is used; rows that were mapped are copied. */
void index_reserve(struct index *ix, uint32_t n)
{
        if (n <= ix->cap)
                return;
        uint32_t cap = MAX(MAX(n, ix->cap * 2), (uint32_t)INDEX_ROWS_MIN);
        size_t bytes = (size_t)cap * sizeof(struct record);
        struct record *rows = reserve(bytes);
        if (ix->n)
                memcpy(rows, ix->rows, ix->n * sizeof(struct record));
        if (ix->region)
                munmap(ix->region, ix->region_size);
        ix->region = rows;
        ix->region_size = bytes;
        ix->rows = rows;
        ix->cap = cap;
}

struct record *index_new_row(struct index *ix)
{
        index_reserve(ix, ix->n + 1);
        struct record *rec = &ix->rows[ix->n++];
        *rec = (struct record){.size = RECORD_SIZE_UNKNOWN, .date = RECORD_DATE_UNKNOWN};
        return rec;
}

void index_rows_push(struct index_rows *r, uint32_t row)
{
        if (r->n == r->cap) {
                r->cap = r->cap ? r->cap * 2 : 16;
                r->row = xrealloc(r->row, r->cap * sizeof(*r->row));
        }
        r->row[r->n++] = row;
}

uint32_t index_row_at(const struct index *ix, uint32_t uid)
{
        uint32_t low = 0, high = ix->n;
        while (low < high) {
                uint32_t mid = low + (high - low) / 2;
                if (ix->rows[mid].uid < uid)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

struct record *index_find(const struct index *ix, uint32_t uid)
{
        uint32_t row = index_row_at(ix, uid);
        return row < ix->n && ix->rows[row].uid == uid && index_is_live(&ix->rows[row]) ? &ix->rows[row]
                                                                                        : NULL;
}

/* Names */

static const char *name_at(const struct index *ix, uint32_t offset)
{
        if (offset < ix->names.n)
                return ix->names.p + offset;
        offset -= (uint32_t)ix->names.n;
        return offset < ix->more_names.n ? ix->more_names.p + offset : "\0\0";
}

/* Three strings, each with its NUL: whatever an offset says, there are three NULs behind it. */
uint32_t index_new_name(struct index *ix, struct slice base, struct slice fields, struct slice odd)
{
        size_t offset = ix->names.n + ix->more_names.n;
        buf_append(&ix->more_names, base);
        buf_char(&ix->more_names, '\0');
        buf_append(&ix->more_names, fields);
        buf_char(&ix->more_names, '\0');
        buf_append(&ix->more_names, odd);
        buf_char(&ix->more_names, '\0');
        return (uint32_t)offset;
}

const char *index_base(const struct index *ix, const struct record *rec)
{
        return name_at(ix, rec->name);
}

const char *index_fields(const struct index *ix, const struct record *rec)
{
        const char *base = index_base(ix, rec);
        return base + strlen(base) + 1;
}

static const char *odd_info(const struct index *ix, const struct record *rec)
{
        const char *fields = index_fields(ix, rec);
        return fields + strlen(fields) + 1;
}

void index_info(const struct index *ix, const struct record *rec, struct buf *to)
{
        if (rec->state & RECORD_ODD)
                buf_str(to, odd_info(ix, rec));
        else if (!(rec->state & RECORD_IN_NEW))
                filename_info_format(to, SLICE_NULL, rec->flags, rec->letters);
}

static uint32_t hash_of(const struct index *ix, struct slice base)
{
        return (uint32_t)hash_bytes(base, ix->head.seed);
}

/* The slots of rows [from, ...): the live row with this base, or NULL. */
static struct record *probe(const struct index *ix, const uint32_t *slots, uint32_t slots_n, uint32_t hash,
                            struct slice base)
{
        for (uint32_t i = 0, at = hash; i < slots_n; i++, at++) {
                uint32_t row = slots[at & (slots_n - 1)];
                if (row == 0)
                        return NULL;
                if (row > ix->n)
                        continue;
                struct record *rec = &ix->rows[row - 1];
                if (rec->hash == hash && index_is_live(rec) && slice_eq(slice_of(index_base(ix, rec)), base))
                        return rec;
        }
        return NULL;
}

struct record *index_find_base(const struct index *ix, struct slice base)
{
        uint32_t hash = hash_of(ix, base);
        struct record *rec = probe(ix, ix->more_slots, ix->more_slots_n, hash, base);
        return rec ? rec : probe(ix, ix->slots, ix->slots_n, hash, base);
}

static void enter(struct index *ix, uint32_t row)
{
        uint32_t at = ix->rows[row].hash;
        while (ix->more_slots[at & (ix->more_slots_n - 1)])
                at++;
        ix->more_slots[at & (ix->more_slots_n - 1)] = row + 1;
}

void index_enter_base(struct index *ix, uint32_t row)
{
        ix->rows[row].hash = hash_of(ix, slice_of(index_base(ix, &ix->rows[row])));
        if ((uint64_t)(ix->n - ix->mapped_n) * 2 >= ix->more_slots_n) {
                ix->more_slots_n = ix->more_slots_n ? ix->more_slots_n * 4 : INDEX_SLOTS_MIN;
                free(ix->more_slots);
                ix->more_slots = xcalloc(ix->more_slots_n, sizeof(*ix->more_slots));
                for (uint32_t i = ix->mapped_n; i < row; i++)
                        enter(ix, i);
        }
        enter(ix, row);
}

/* Counts */

void index_count(struct index *ix, const struct record *rec, int by)
{
        struct index_counts *c = &ix->head.counts;
        uint32_t one = (uint32_t)by;
        c->messages += one;
        c->unseen += rec->flags & FLAG_SEEN ? 0 : one;
        c->deleted += rec->flags & FLAG_DELETED ? one : 0;
        c->recent += rec->state & RECORD_RECENT ? one : 0;
        c->in_new += rec->state & RECORD_IN_NEW ? one : 0;
        c->cached += rec->cache ? one : 0;
        c->letters |= rec->letters;
        if (rec->size == RECORD_SIZE_UNKNOWN)
                c->unsized += one;
        else
                c->bytes += by > 0 ? rec->size : -rec->size;
        uint32_t row = (uint32_t)(rec - ix->rows);
        if (by > 0 && !(rec->flags & FLAG_SEEN) && row < ix->head.unseen_from)
                ix->head.unseen_from = row;
}

uint32_t index_first_unseen(struct index *ix)
{
        uint32_t row = ix->head.unseen_from;
        while (row < ix->n && (!index_is_live(&ix->rows[row]) || ix->rows[row].flags & FLAG_SEEN))
                row++;
        ix->head.unseen_from = row;
        return row;
}

/* Ranges behind `since` at the end of an ascending list. */
static size_t ranges_after(const struct index_range *r, size_t n, uint64_t since)
{
        size_t low = 0, high = n;
        while (low < high) {
                size_t mid = low + (high - low) / 2;
                if (r[mid].modseq <= since)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

bool index_vanished(const struct index *ix, uint64_t since, const struct index_range *ret[2], size_t ret_n[2])
{
        if (since < ix->head.vanished_from)
                return false;
        const struct index_range *more = (const struct index_range *)(const void *)ix->more_vanished.p;
        size_t more_n = ix->more_vanished.n / sizeof(*more);
        size_t a = ranges_after(ix->vanished, ix->vanished_n, since), b = ranges_after(more, more_n, since);
        ret[0] = ix->vanished + a;
        ret_n[0] = ix->vanished_n - a;
        ret[1] = more + b;
        ret_n[1] = more_n - b;
        return true;
}
