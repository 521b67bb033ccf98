/* What dovecot-uidlist says, against what the index knows. */

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "store/import.h"

void lines_free(struct lines *l)
{
        free(l->line);
        free(l->has_line);
        map_free(&l->by_base);
        buf_free(&l->expunge);
        arena_free(&l->arena);
}

struct line *lines_find(const struct lines *l, struct slice base)
{
        uintptr_t index = (uintptr_t)map_get(&l->by_base, base);
        return index ? &l->line[index - 1] : NULL;
}

static void begin(void *context, bool whole)
{
        struct lines *l = context;
        l->whole |= whole;
        if (!whole)
                return;
        l->n = 0;
        map_free(&l->by_base);
        arena_reset(&l->arena);
        free(l->has_line);
        l->rows = l->m->index.n;
        l->has_line = xcalloc(l->rows / 8 + 1, 1);
}

static void add(struct lines *l, const struct uidlist_line *line)
{
        struct line *before = lines_find(l, line->base);
        if (before) {
                /* an expunged file came back: the later UID counts */
                before->dropped = true;
                l->m->uidlist.rewrite = true;
        }
        if (l->n == l->cap) {
                l->cap = l->cap ? l->cap * 2 : 64;
                l->line = xrealloc(l->line, l->cap * sizeof(*l->line));
        }
        struct line *new = &l->line[l->n++];
        *new = (struct line){.uid = line->uid,
                             .base = arena_slice(&l->arena, line->base),
                             .fields = arena_slice(&l->arena, line->fields)};
        map_put(&l->by_base, new->base, (void *)(uintptr_t)l->n);
}

static void expunge(struct lines *l, const struct record *rec)
{
        buf_append(&l->expunge, slice_make(&rec->uid, sizeof(rec->uid)));
        l->m->uidlist.rewrite = true;
        if (rec->state & RECORD_UNLISTED)
                l->error = -ESTALE; /* a UID that only we gave is another's: nothing that we told holds */
}

static void take_line(void *context, const struct uidlist_line *line)
{
        struct lines *l = context;
        struct index *ix = &l->m->index;
        struct record *rec = index_find(ix, line->uid);
        if (rec && slice_eq(slice_of(index_base(ix, rec)), line->base)) {
                uint32_t row = (uint32_t)(rec - ix->rows);
                if (l->has_line && row < l->rows)
                        l->has_line[row / 8] |= (uint8_t)(1 << row % 8);
                if (!slice_eq(slice_of(index_fields(ix, rec)), line->fields))
                        index_set_fields(ix, rec, line->fields);
                return;
        }
        if (rec) {
                /* an older list, or two servers that did not see each other: the UID is nobody's */
                expunge(l, rec);
                return;
        }
        if (line->uid < ix->head.truth.nextuid)
                return; /* expunged */
        rec = index_find_base(ix, line->base);
        if (rec)
                expunge(l, rec); /* its file was given another UID */
        add(l, line);
}

static int by_uid(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        return x < y ? -1 : x > y;
}

int lines_read(struct lines *l)
{
        struct mailbox *m = l->m;
        const struct uidlist_reader reader = {begin, take_line, l};
        int r = uidlist_refresh(&m->uidlist, &reader);
        if (r < 0)
                return opened_error(m, r, "open", UIDLIST_NAME);
        if (import_is_due(m))
                r = import_lines(l, take_line);
        if (r < 0)
                return r;
        uint32_t *uids = (uint32_t *)(void *)l->expunge.p;
        size_t n = l->expunge.n / sizeof(*uids);
        if (n)
                qsort(uids, n, sizeof(*uids), by_uid);
        index_expunge(&m->index, uids, n);
        l->expunge.n = 0;
        return l->error < 0 ? opened_error(m, l->error, "read", UIDLIST_NAME) : 0;
}
