/* Where the messages of an mbox lie, from what the records say of their lengths. */

#include <stdlib.h>

#include "base/alloc.h"
#include "base/number.h"
#include "store/mbox.h"

struct mbox_extent mbox_extent(const struct mailbox *m, const struct record *rec)
{
        struct slice rest = slice_of(index_fields(&m->index, rec)), stored, from, head;
        uint64_t from_n;
        struct mbox_extent e = {0};
        if (!slice_split(&rest, ' ', &stored) || !slice_split(&rest, ' ', &from) ||
            !slice_split(&rest, ' ', &head) || slice_to_u64(stored, &e.stored) < 0 ||
            slice_to_u64(from, &from_n) < 0 || slice_to_u64(head, &e.head_n) < 0 || from_n > e.stored ||
            e.head_n > e.stored - from_n || from_n > UINT32_MAX)
                return (struct mbox_extent){0};
        e.from_n = (uint32_t)from_n;
        return e;
}

void mbox_extent_format(const struct mbox_extent *e, struct buf *to)
{
        to->n = 0;
        buf_printf(to, "%llu %u %llu", (unsigned long long)e->stored, e->from_n,
                   (unsigned long long)e->head_n);
}

uint32_t mbox_first_live(const struct index *ix)
{
        uint32_t row = 0;
        while (row < ix->n && !index_is_live(&ix->rows[row]))
                row++;
        return row;
}

uint32_t mbox_last_live(const struct index *ix)
{
        uint32_t row = ix->n;
        while (row > 0 && !index_is_live(&ix->rows[row - 1]))
                row--;
        return row;
}

/* Rows that come are behind all others; everything else that can change an offset counts in `layout`. */
uint64_t mbox_offset(struct mailbox *m, uint32_t row)
{
        struct mbox *b = m->mbox;
        const struct index *ix = &m->index;
        if (b->layout != ix->layout || (b->known && b->offset[0] != ix->head.truth.list.read_to))
                b->known = 0;
        b->layout = ix->layout;
        if (row >= b->cap) {
                b->cap = MAX(ix->n, row + 1);
                b->offset = xrealloc(b->offset, b->cap * sizeof(*b->offset));
        }
        if (b->known == 0) {
                b->offset[0] = ix->head.truth.list.read_to;
                b->known = 1;
        }
        for (; b->known <= row; b->known++) {
                const struct record *before = &ix->rows[b->known - 1];
                b->offset[b->known] =
                        b->offset[b->known - 1] + (index_is_live(before) ? mbox_extent(m, before).stored : 0);
        }
        return b->offset[row];
}

static void add_name(struct buf *to, struct slice name)
{
        if (to->n)
                buf_str(to, " ");
        buf_append(to, name);
}

void mbox_keyword_names(const struct mailbox *m, uint32_t letters, struct buf *to)
{
        for (unsigned letter = 0; letter < KEYWORDS_LETTERS; letter++) {
                int bit = letters >> letter & 1 ? m->keywords.bit[letter] : -1;
                if (bit >= 0 && m->keywords.names[bit])
                        add_name(to, slice_of(m->keywords.names[bit]));
        }
}

uint32_t mbox_known_letters(struct mailbox *m, struct slice names, struct buf *unknown)
{
        uint32_t all = 0, letters;
        unsigned bit;
        for (struct slice name; mbox_keyword(&names, &name);) {
                if (keywords_bit(&m->keywords, name, false, &bit) < 0 ||
                    !keywords_letters(&m->keywords, UINT64_C(1) << bit, &letters)) {
                        if (unknown)
                                add_name(unknown, name);
                        continue;
                }
                all |= letters;
        }
        return all;
}

void mbox_all_keywords(const struct mailbox *m, struct buf *to)
{
        mbox_keyword_names(m, UINT32_MAX, to);
}
