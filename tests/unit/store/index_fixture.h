#ifndef TESTS_UNIT_STORE_INDEX_FIXTURE_H
#define TESTS_UNIT_STORE_INDEX_FIXTURE_H

/* An index in a temporary directory of its own, without a Maildir. */

#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/index.h"
#include "store/mailbox.h"

struct fixture {
        char path[64];
        int dir;
        struct perm perm;
};

static inline int setup(void **state)
{
        struct fixture *f = xcalloc(1, sizeof(*f));
        strcpy(f->path, "/tmp/test-index-XXXXXX");
        assert_non_null(mkdtemp(f->path));
        f->dir = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(perm_of(f->dir, &f->perm), 0);
        *state = f;
        return 0;
}

static inline int teardown(void **state)
{
        struct fixture *f = *state;
        unlinkat(f->dir, INDEX_NAME, 0);
        unlinkat(f->dir, JOURNAL_NAME, 0);
        close(f->dir);
        int r = rmdir(f->path); /* fails when something was left behind */
        free(f);
        return r;
}

/* A session that has loaded what is there. */
static inline struct index session(const struct fixture *f)
{
        struct index ix;
        index_init(&ix, f->dir, &f->perm, false);
        index_open(&ix);
        return ix;
}

static inline void begin(struct index *ix)
{
        assert_int_equal(index_begin(ix), 0);
}

static inline void add(struct index *ix, uint32_t uid, const char *name, const char *fields, bool in_new)
{
        struct slice whole = slice_of(name);
        size_t colon = slice_find(whole, ':');
        struct index_file file = {.base = slice_head(whole, colon),
                                  .info = slice_from(whole, colon),
                                  .fields = slice_of(fields),
                                  .in_new = in_new};
        index_add(ix, uid, &file, RECORD_RECENT);
}

/* The file's name as the index knows it. */
static inline void expect_name(const struct index *ix, uint32_t uid, const char *name)
{
        struct buf got = {0};
        const struct record *rec = index_find(ix, uid);
        assert_non_null(rec);
        buf_str(&got, index_base(ix, rec));
        index_info(ix, rec, &got);
        assert_slice_equal(buf_slice(&got), slice_of(name));
        size_t base = slice_find(slice_of(name), ':');
        assert_ptr_equal(index_find_base(ix, slice_head(slice_of(name), base)), rec);
        buf_free(&got);
}

static inline void expect_counts(const struct index *ix)
{
        struct index_counts c = {0}, got = ix->head.counts;
        for (uint32_t row = 0; row < ix->n; row++) {
                const struct record *rec = &ix->rows[row];
                assert_true(row == 0 || rec[-1].uid < rec->uid);
                if (!index_is_live(rec))
                        continue;
                c.messages++;
                c.unseen += !(rec->flags & FLAG_SEEN);
                c.deleted += (rec->flags & FLAG_DELETED) != 0;
                c.recent += (rec->state & RECORD_RECENT) != 0;
                c.in_new += (rec->state & RECORD_IN_NEW) != 0;
                c.cached += rec->cache != 0;
                c.unsized += rec->size == RECORD_SIZE_UNKNOWN;
                c.bytes += rec->size == RECORD_SIZE_UNKNOWN ? 0 : rec->size;
                assert_int_equal(rec->letters & ~got.letters, 0);
        }
        c.letters = got.letters;
        assert_memory_equal(&c, &got, sizeof(c));
}

static inline uint32_t next_random(uint64_t *state)
{
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t)(*state >> 33);
}

#endif
