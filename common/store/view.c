/* A session's sequence numbers: the rows before view_rows, one after the other, without the holes. */

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "store/opened.h"

/* Holes before a row. */
static uint32_t holes_before(const struct mailbox *m, uint32_t row)
{
        size_t low = 0, high = m->holes.n;
        while (low < high) {
                size_t mid = low + (high - low) / 2;
                if (m->holes.row[mid] < row)
                        low = mid + 1;
                else
                        high = mid;
        }
        return (uint32_t)low;
}

static uint32_t row_of(const struct mailbox *m, uint32_t seq)
{
        size_t low = 0, high = m->holes.n;
        while (low < high) {
                size_t mid = low + (high - low) / 2;
                if (m->holes.row[mid] - mid <= seq - 1)
                        low = mid + 1;
                else
                        high = mid;
        }
        return seq - 1 + (uint32_t)low;
}

/* Of a row that is in the view. */
static uint32_t seq_of(const struct mailbox *m, uint32_t row)
{
        return row + 1 - holes_before(m, row);
}

static bool is_hole(const struct mailbox *m, uint32_t row)
{
        uint32_t i = holes_before(m, row);
        return i < m->holes.n && m->holes.row[i] == row;
}

struct record *opened_record(const struct mailbox *m, uint32_t seq)
{
        return &m->index.rows[row_of(m, seq)];
}

static int by_number(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        return x < y ? -1 : x > y;
}

static void sort_rows(struct index_rows *r)
{
        if (r->n)
                qsort(r->row, r->n, sizeof(*r->row), by_number);
}

/* What nobody has claimed and the view does not have yet is \Recent here; for who only reads, too. */
static void see_recent(struct mailbox *m)
{
        struct index *ix = &m->index;
        uint32_t left = ix->head.counts.recent;
        for (uint32_t row = ix->n; left > 0 && row > m->view_rows; row--) {
                struct record *rec = &ix->rows[row - 1];
                if (!(rec->state & RECORD_RECENT) || !index_is_live(rec))
                        continue;
                left--;
                m->recent += !(rec->state & RECORD_MINE);
                rec->state |= RECORD_MINE;
        }
}

static void claim(struct mailbox *m)
{
        if (m->read_only) {
                see_recent(m);
        } else if (m->index.head.counts.recent > 0 && opened_begin(m) == 0) {
                see_recent(m);
                if (m->index.n)
                        index_claim(&m->index, m->index.rows[m->index.n - 1].uid);
                opened_commit(m);
        }
}

/* All rows are live but those in `gone`. */
void view_extend(struct mailbox *m)
{
        claim(m);
        struct index *ix = &m->index;
        size_t kept = 0;
        sort_rows(&ix->gone);
        for (size_t i = 0; i < ix->gone.n; i++) {
                uint32_t row = ix->gone.row[i];
                if (row < m->view_rows) {
                        ix->gone.row[kept++] = row;
                        continue;
                }
                /* it came and went without being seen */
                if (ix->rows[row].state & RECORD_MINE)
                        m->recent--;
                index_rows_push(&m->holes, row);
        }
        ix->gone.n = kept;
        m->view_rows = ix->n;
}

/* What the client was told to be gone is not told about again. */
static void drop_hidden(const struct mailbox *m, struct index_rows *r)
{
        size_t kept = 0;
        for (size_t i = 0; i < r->n; i++)
                if (!is_hole(m, r->row[i]))
                        r->row[kept++] = r->row[i];
        r->n = kept;
}

/* Takes out what is gone. */
static void contract(struct mailbox *m, struct arena *arena, struct mailbox_changes *c)
{
        struct index_rows *gone = &m->index.gone;
        size_t n = 0, tail = 0;
        sort_rows(gone);
        if (m->hidden)
                drop_hidden(m, gone);
        while (n < gone->n && gone->row[n] < m->view_rows)
                n++;
        tail = gone->n - n;
        c->expunged = arena_array(arena, uint32_t, n);
        c->expunged_uids = arena_array(arena, uint32_t, n);
        c->expunged_n = n;
        for (size_t i = 0; i < n; i++) {
                c->expunged[n - 1 - i] = seq_of(m, gone->row[i]);
                c->expunged_uids[n - 1 - i] = m->index.rows[gone->row[i]].uid;
                m->recent -= (m->index.rows[gone->row[i]].state & RECORD_MINE) != 0;
        }
        for (size_t i = 0; i < n; i++)
                index_rows_push(&m->holes, gone->row[i]);
        sort_rows(&m->holes);
        if (tail)
                memmove(gone->row, gone->row + n, tail * sizeof(*gone->row));
        gone->n = tail;
}

static void collect_flagged(struct mailbox *m, struct arena *arena, struct mailbox_changes *c)
{
        struct index *ix = &m->index;
        struct index_rows *changed = &ix->changed;
        sort_rows(changed);
        c->flagged = arena_array(arena, uint32_t, changed->n);
        for (size_t i = 0; i < changed->n; i++) {
                struct record *rec = &ix->rows[changed->row[i]];
                rec->state &= (uint16_t)~RECORD_CHANGED;
                if (index_is_live(rec) && changed->row[i] < m->view_rows && !is_hole(m, changed->row[i]))
                        c->flagged[c->flagged_n++] = seq_of(m, changed->row[i]);
        }
        changed->n = 0;
}

/* Names of keywords changed: what letters mean may have. */
static void keywords_moved(struct mailbox *m)
{
        struct index *ix = &m->index;
        for (uint32_t row = 0; row < m->view_rows; row++) {
                struct record *rec = &ix->rows[row];
                if (!(rec->letters & m->keywords.moved) || !index_is_live(rec) || rec->state & RECORD_CHANGED)
                        continue;
                rec->state |= RECORD_CHANGED;
                index_rows_push(&ix->changed, row);
        }
        m->keywords.moved = 0;
}

int mailbox_sync(struct mailbox *m, bool allow_expunge, struct arena *arena, struct mailbox_changes *ret)
{
        struct mailbox_changes c = {0};
        watch_drain(m);
        content_save(m);
        cache_drop_queue(&m->cache);
        int r = opened_sync(m, false);
        if (r < 0)
                return r;
        if (m->keywords.moved)
                keywords_moved(m);
        if (allow_expunge)
                contract(m, arena, &c);
        collect_flagged(m, arena, &c);
        uint32_t before = mailbox_count(m);
        view_extend(m);
        view_advance(m);
        c.added = mailbox_count(m) - before;
        c.keywords_changed = m->keywords_told != m->keywords.version;
        m->keywords_told = m->keywords.version;
        *ret = c;
        return 0;
}

/* Below that of the first change that is kept back. A message that the index lost keeps the modseq of its
 * last change, which can be lower than what was told since. */
void view_advance(struct mailbox *m)
{
        const struct index *ix = &m->index;
        const struct index_rows *kept_back[] = {&ix->gone, &ix->changed};
        uint64_t modseq = ix->head.modseq;
        if (ix->detached)
                return;
        for (size_t l = 0; l < ARRAY_LEN(kept_back); l++)
                for (size_t i = 0; i < kept_back[l]->n; i++)
                        if (kept_back[l]->row[i] < m->view_rows && !is_hole(m, kept_back[l]->row[i]))
                                modseq = MIN(modseq, ix->rows[kept_back[l]->row[i]].modseq - 1);
        m->modseq = MAX(m->modseq, modseq);
}

static uint32_t first_unseen(struct mailbox *m)
{
        struct index *ix = &m->index;
        uint32_t row = index_first_unseen(ix);
        while (row < ix->n &&
               (!index_is_live(&ix->rows[row]) || ix->rows[row].flags & FLAG_SEEN || is_hole(m, row)))
                row++;
        return row;
}

void mailbox_status(struct mailbox *m, struct mailbox_status *ret)
{
        struct index *ix = &m->index;
        const struct index_counts *counts = &ix->head.counts;
        struct mailbox_status st = {.messages = mailbox_count(m),
                                    .unseen = counts->unseen,
                                    .deleted = counts->deleted,
                                    .recent = m->recent,
                                    .uidvalidity = ix->head.truth.uidvalidity,
                                    .highest_modseq = m->modseq,
                                    .uidnext = MAX(ix->head.truth.nextuid, 1u)};
        /* what is not told yet is not in the counts, what has not been seen yet is */
        uint32_t unseen = ix->n;
        for (size_t i = 0; i < ix->gone.n; i++) {
                const struct record *rec = &ix->rows[ix->gone.row[i]];
                if (ix->gone.row[i] >= m->view_rows || is_hole(m, ix->gone.row[i]))
                        continue;
                if (!(rec->flags & FLAG_SEEN)) {
                        st.unseen++;
                        unseen = MIN(unseen, ix->gone.row[i]);
                }
                st.deleted += (rec->flags & FLAG_DELETED) != 0;
        }
        if (m->view_rows)
                st.uidnext = MAX(st.uidnext, ix->rows[m->view_rows - 1].uid + 1);
        for (uint32_t row = m->view_rows; row < ix->n; row++) {
                const struct record *rec = &ix->rows[row];
                if (!index_is_live(rec))
                        continue;
                st.unseen -= !(rec->flags & FLAG_SEEN);
                st.deleted -= (rec->flags & FLAG_DELETED) != 0;
                st.uidnext = MIN(st.uidnext, rec->uid);
        }
        for (size_t i = 0; m->hidden && i < m->holes.n; i++) {
                const struct record *rec = &ix->rows[m->holes.row[i]];
                st.unseen -= index_is_live(rec) && !(rec->flags & FLAG_SEEN);
                st.deleted -= index_is_live(rec) && rec->flags & FLAG_DELETED;
        }
        if (st.unseen)
                unseen = MIN(unseen, first_unseen(m));
        if (unseen < m->view_rows)
                st.first_unseen = seq_of(m, unseen);
        *ret = st;
}

int mailbox_waiting(const struct mailbox *m)
{
        return m->waiting;
}

uint32_t mailbox_uidvalidity(const struct mailbox *m)
{
        return m->index.head.truth.uidvalidity;
}

uint32_t mailbox_count(const struct mailbox *m)
{
        return m->view_rows - (uint32_t)m->holes.n;
}

static struct message message_of(const struct mailbox *m, const struct record *rec)
{
        return (struct message){.uid = rec->uid,
                                .flags = opened_flags(m, rec),
                                .modseq = rec->modseq,
                                .recent = rec->state & RECORD_MINE,
                                .gone = rec->state & RECORD_GONE};
}

struct message mailbox_message(const struct mailbox *m, uint32_t seq)
{
        return message_of(m, opened_record(m, seq));
}

void mailbox_messages(const struct mailbox *m, uint32_t seq, struct message *ret, size_t n)
{
        uint32_t row = n ? row_of(m, seq) : 0;
        size_t hole = n ? holes_before(m, row) : 0;
        for (size_t i = 0; i < n; row++) {
                if (hole < m->holes.n && m->holes.row[hole] == row)
                        hole++;
                else
                        ret[i++] = message_of(m, &m->index.rows[row]);
        }
}

uint32_t mailbox_seq_at_or_after(const struct mailbox *m, uint32_t uid)
{
        uint32_t row = MIN(index_row_at(&m->index, uid), m->view_rows);
        return seq_of(m, row);
}

uint64_t mailbox_highest_modseq(const struct mailbox *m)
{
        return m->modseq;
}

uint32_t mailbox_seq_changed(const struct mailbox *m, uint32_t seq, uint64_t since)
{
        uint32_t row = seq <= mailbox_count(m) ? row_of(m, seq) : m->view_rows;
        size_t hole = holes_before(m, row);
        if (since >= m->index.head.modseq)
                return mailbox_count(m) + 1;
        for (; row < m->view_rows; row++) {
                if (hole < m->holes.n && m->holes.row[hole] == row)
                        hole++;
                else if (m->index.rows[row].modseq > since)
                        break;
        }
        return row + 1 - (uint32_t)hole;
}

uint64_t mailbox_modseq_known(const struct mailbox *m, uint64_t since)
{
        return since > m->index.head.modseq ? 0 : since;
}

static int by_low(const void *a, const void *b)
{
        const struct mailbox_range *x = a, *y = b;
        return x->low < y->low ? -1 : x->low > y->low;
}

int mailbox_vanished(const struct mailbox *m, uint64_t since, struct arena *arena, struct mailbox_range **ret,
                     size_t *ret_n)
{
        const struct index_range *list[2];
        size_t n[2], made = 0;
        if (!index_vanished(&m->index, since, list, n))
                return -ENODATA;
        struct mailbox_range *ranges = arena_array(arena, struct mailbox_range, n[0] + n[1]);
        for (size_t l = 0; l < 2; l++)
                for (size_t i = 0; i < n[l]; i++)
                        ranges[made++] = (struct mailbox_range){list[l][i].low, list[l][i].high};
        if (made)
                qsort(ranges, made, sizeof(*ranges), by_low);
        *ret_n = 0;
        for (size_t i = 0; i < made; i++) {
                struct mailbox_range *last = *ret_n ? &ranges[*ret_n - 1] : NULL;
                if (last && ranges[i].low <= last->high + 1)
                        last->high = MAX(last->high, ranges[i].high);
                else
                        ranges[(*ret_n)++] = ranges[i];
        }
        *ret = ranges;
        return 0;
}
