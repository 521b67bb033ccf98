/* The view goes over to the next generation of the index. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "store/opened.h"

/* Rows of the view as it was, one after the other. */
struct viewed {
        const struct mailbox *m;
        const struct index *ix;
        uint32_t row;
        size_t hole;
};

static const struct record *next_viewed(struct viewed *v)
{
        while (v->hole < v->m->holes.n && v->m->holes.row[v->hole] == v->row) {
                v->hole++;
                v->row++;
        }
        return v->row < v->m->view_rows ? &v->ix->rows[v->row++] : NULL;
}

static uint32_t copy_name(struct index *ix, const struct index *old, const struct record *rec)
{
        return index_new_name(ix, slice_of(index_base(old, rec)), slice_of(index_fields(old, rec)),
                              SLICE_NULL);
}

/* Messages of the view that the new index does not know any more and that no client was told about get rows
 * again. They are copied in, with all that follow. */
static void add_ghosts(struct index *ix, const struct index *old, const struct record *ghosts, size_t n)
{
        index_reserve(ix, ix->n + (uint32_t)n);
        uint32_t to = ix->n + (uint32_t)n, from = ix->n;
        for (size_t g = n; g > 0;) {
                if (from > 0 && ix->rows[from - 1].uid > ghosts[g - 1].uid) {
                        ix->rows[--to] = ix->rows[--from];
                        continue;
                }
                ix->rows[--to] = ghosts[--g];
                ix->rows[to].state = (uint16_t)((ghosts[g].state & RECORD_MINE) | RECORD_GONE);
                ix->rows[to].name = copy_name(ix, old, &ghosts[g]);
        }
        ix->n += (uint32_t)n;
        /* rows have moved: the table of the file is of no use any more */
        ix->mapped_n = ix->slots_n = 0;
        free(ix->more_slots);
        ix->more_slots = NULL;
        ix->more_slots_n = 0;
        for (uint32_t row = 0; row < ix->n; row++)
                index_enter_base(ix, row);
        if (ix->head.unseen_from > 0)
                ix->head.unseen_from = 0;
}

/* -ESTALE: a UID means another message now. */
static int find_ghosts(struct mailbox *m, const struct index *old, struct buf *ghosts)
{
        struct index *ix = &m->index;
        struct viewed v = {.m = m, .ix = old};
        uint32_t row = 0;
        for (const struct record *was; (was = next_viewed(&v));) {
                while (row < ix->n && ix->rows[row].uid < was->uid)
                        row++;
                if (row == ix->n || ix->rows[row].uid != was->uid)
                        buf_append(ghosts, slice_make(was, sizeof(*was)));
                else if (index_is_live(was) &&
                         strcmp(index_base(old, was), index_base(ix, &ix->rows[row])) != 0)
                        return -ESTALE;
        }
        return 0;
}

/* What this session knows and the others do not yet. */
static void carry_learned(struct index *ix, struct record *rec, const struct record *was)
{
        if (was->state & RECORD_COUNTED && !(rec->state & RECORD_COUNTED)) {
                index_count(ix, rec, -1);
                rec->size = was->size;
                rec->state |= RECORD_COUNTED;
                index_count(ix, rec, 1);
        }
        if (rec->date == RECORD_DATE_UNKNOWN)
                rec->date = was->date;
        if (rec->note == 0)
                rec->note = was->note;
}

static void carry(struct mailbox *m, struct record *rec, const struct record *was)
{
        struct index *ix = &m->index;
        uint32_t row = (uint32_t)(rec - ix->rows);
        rec->state |= was->state & RECORD_MINE;
        if (index_is_live(rec))
                carry_learned(ix, rec, was);
        if (!index_is_live(rec)) {
                index_rows_push(&ix->gone, row);
                /* at a time that the client was told all of, while it was not known or kept back */
                if (rec->modseq <= m->modseq)
                        m->ghosts = m->look_again = true;
        } else if (was->state & RECORD_CHANGED || was->flags != rec->flags || was->letters != rec->letters) {
                rec->state |= RECORD_CHANGED;
                index_rows_push(&ix->changed, row);
        }
}

/* What the session has as \Recent and has not taken into its view yet. */
static void carry_recent(struct mailbox *m, const struct index *old)
{
        for (uint32_t row = m->view_rows; row < old->n; row++) {
                if (!(old->rows[row].state & RECORD_MINE))
                        continue;
                struct record *rec = index_find(&m->index, old->rows[row].uid);
                if (rec)
                        rec->state |= RECORD_MINE;
                else
                        m->recent--;
        }
}

int view_rebase(struct mailbox *m, struct index *old)
{
        struct index *ix = &m->index;
        _cleanup_(buf_free) struct buf ghosts = {0};
        ix->viewed = old->viewed;
        if (m->view_rows == 0) {
                carry_recent(m, old);
                return 0;
        }
        if (ix->head.truth.uidvalidity != old->head.truth.uidvalidity)
                return -ESTALE;
        int r = find_ghosts(m, old, &ghosts);
        if (r < 0)
                return r;
        carry_recent(m, old);
        if (ghosts.n)
                add_ghosts(ix, old, (const struct record *)(const void *)ghosts.p,
                           ghosts.n / sizeof(struct record));
        struct viewed v = {.m = m, .ix = old};
        struct index_rows holes = {0};
        m->hidden = ghosts.n > 0;
        if (ghosts.n)
                m->ghosts = m->look_again = true;
        uint32_t row = 0, end = old->rows[m->view_rows - 1].uid;
        ix->gone.n = 0; /* found again below */
        const struct record *was = next_viewed(&v);
        for (; row < ix->n && ix->rows[row].uid <= end; row++) {
                struct record *rec = &ix->rows[row];
                if (was && was->uid == rec->uid) {
                        carry(m, rec, was);
                        was = next_viewed(&v);
                } else {
                        index_rows_push(&holes, row); /* seen and told to be gone, or never seen */
                        m->hidden |= index_is_live(rec);
                }
        }
        for (uint32_t next = row; next < ix->n; next++)
                if (!index_is_live(&ix->rows[next]))
                        index_rows_push(&ix->gone, next);
        free(m->holes.row);
        m->holes = holes;
        m->view_rows = row;
        return 0;
}

static bool is_in(const struct mailbox_range *ranges, size_t n, uint32_t uid)
{
        size_t low = 0, high = n;
        while (low < high) {
                size_t mid = low + (high - low) / 2;
                if (ranges[mid].high < uid)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low < n && ranges[low].low <= uid;
}

static int by_number(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        return x < y ? -1 : x > y;
}

void view_date_kept_back(struct mailbox *m)
{
        struct index *ix = &m->index;
        _cleanup_(arena_free) struct arena arena = {0};
        struct mailbox_range *known;
        size_t n = 0, known_n;
        /* a history that does not reach back so far makes the client ask for everything */
        if (mailbox_vanished(m, m->modseq, &arena, &known, &known_n) < 0)
                return;
        uint32_t *uids = arena_array(&arena, uint32_t, ix->gone.n);
        for (size_t i = 0; i < ix->gone.n; i++) {
                uint32_t row = ix->gone.row[i];
                if (row < m->view_rows && !is_in(known, known_n, ix->rows[row].uid))
                        uids[n++] = ix->rows[row].uid;
        }
        if (n > 1)
                qsort(uids, n, sizeof(*uids), by_number);
        index_expunge(ix, uids, n);
}
