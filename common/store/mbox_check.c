/* Whether an mbox is what the records say, by its headers alone. */

#include <string.h>

#include "store/mbox_reading.h"

/* The header at an offset is that of the row. */
static bool has_head(struct reading *d, uint32_t row, uint64_t at, struct mbox_message *ret)
{
        struct mailbox *m = d->m;
        const struct record *rec = &m->index.rows[row];
        const struct mbox_extent e = mbox_extent(m, rec);
        d->scan.at = at;
        return mbox_scan_head(&d->scan, ret) > 0 && ret->from_n == e.from_n && ret->head_n == e.head_n &&
               strcmp(ret->hash, index_base(&m->index, rec)) == 0;
}

/* It is the file that was read, and may have grown. */
static bool is_that_file(const struct reading *d)
{
        const struct uidlist_seen *l = &d->m->index.head.truth.list;
        return l->version == MBOX_TRUTH_VERSION && l->ino == d->f->st.st_ino && l->dev == d->f->st.st_dev &&
               l->size <= (uint64_t)d->f->st.st_size;
}

/* All from a row on is read, whether it is new or not. */
static void begin_at(struct reading *d, uint32_t row)
{
        const struct index *ix = &d->m->index;
        d->row = row;
        for (d->last_uid = 0; row > 0 && d->last_uid == 0; row--)
                if (index_is_live(&ix->rows[row - 1]))
                        d->last_uid = ix->rows[row - 1].uid;
}

/* Whether nothing or a From_ line is at the end of a message that is known. */
static bool ends_at(struct reading *d, uint64_t end)
{
        const struct mbox_source *file = &d->f->source;
        struct mbox_message next;
        char before;
        if (end >= file->end)
                return end == file->end;
        if (end == 0 || file->read(file->context, &before, 1, end - 1) != 1 || before != '\n')
                return false;
        d->scan.at = end;
        return mbox_scan_head(&d->scan, &next) > 0;
}

/* From where on messages are read, when the last one is in row `last`, at `at`: from its end, where that is.
 * Its Content-Length is not asked again: what that would cover has come later, and is mail. Otherwise from it
 * on: it has grown. */
static uint64_t go_on(struct reading *d, uint32_t last, uint64_t at)
{
        uint64_t end = at + mbox_extent(d->m, &d->m->index.rows[last]).stored;
        bool ends = ends_at(d, end);
        begin_at(d, ends ? last + 1 : last);
        return ends ? end : at;
}

bool mbox_continues(struct reading *d, uint64_t *ret_at)
{
        const struct index_truth *t = &d->m->index.head.truth;
        uint32_t row = mbox_last_live(&d->m->index);
        struct mbox_message msg;
        if (row == 0 || !is_that_file(d))
                return false;
        /* from the end, so that it does not take the lengths of all */
        struct record *rec = &d->m->index.rows[row - 1];
        uint64_t stored = mbox_extent(d->m, rec).stored;
        if (stored > t->list.size)
                return false;
        uint64_t at = t->list.size - stored;
        mbox_scan_begin(&d->scan, &d->f->source, 0, false);
        d->scan.step = MBOX_HEAD_STEP;
        bool same = has_head(d, row - 1, at, &msg);
        d->base = same && t->list.lines & MBOX_TRUTH_BASE;
        same = same && !mbox_has_other_uid(d, rec, &msg.status) && mbox_update_flags(d, rec, &msg) == 0;
        if (same) {
                *ret_at = go_on(d, row - 1, at);
                d->unwritten = t->list.last_uid < d->last_uid;
        }
        mbox_scan_end(&d->scan);
        return same;
}

static int check_row(struct reading *d, uint32_t row)
{
        struct record *rec = &d->m->index.rows[row];
        struct mbox_message msg;
        if (!has_head(d, row, mbox_offset(d->m, row), &msg))
                return 0;
        int r = msg.offset == 0 ? mbox_take_base(d, &msg) : 0;
        uint32_t uid = d->base ? msg.status.uid : 0;
        if (r < 0 || d->rows == 0 || mbox_has_other_uid(d, rec, &msg.status))
                return r;
        r = mbox_update_flags(d, rec, &msg);
        d->last_uid = rec->uid;
        mbox_note_written(d, uid == rec->uid);
        return r < 0 ? r : 1;
}

int mbox_check_heads(struct reading *d, uint64_t *ret_at)
{
        const struct index *ix = &d->m->index;
        uint32_t last = mbox_last_live(ix);
        struct mbox_message msg;
        int r = 1;
        if (last == 0 || !is_that_file(d))
                return 0;
        mbox_reading_begin(d, 0, false);
        d->scan.step = MBOX_HEAD_STEP;
        uint64_t pseudo = ix->head.truth.list.read_to;
        if (pseudo) {
                r = mbox_scan_head(&d->scan, &msg) > 0 && msg.status.pseudo;
                if (r > 0 && (r = mbox_take_base(d, &msg)) == 0)
                        r = d->rows > 0;
        }
        d->truth.list.read_to = pseudo;
        for (uint32_t row = 0; row < last && r > 0; row++)
                if (index_is_live(&ix->rows[row]))
                        r = check_row(d, row);
        if (r > 0)
                *ret_at = go_on(d, last - 1, mbox_offset(d->m, last - 1));
        mbox_scan_end(&d->scan);
        return r;
}

/* The next one that is live from a row on, if there is any. */
static bool is_there(struct reading *d, uint32_t *row)
{
        const struct index *ix = &d->m->index;
        struct mbox_message msg;
        while (*row < ix->n && !index_is_live(&ix->rows[*row]))
                ++*row;
        return *row == ix->n || has_head(d, *row, mbox_offset(d->m, *row), &msg);
}

/* Each of them with what follows it, and those that have no UID in the file. */
static bool are_there(struct reading *d, const uint32_t *uids, size_t n, bool unwritten)
{
        const struct index *ix = &d->m->index;
        bool there = true;
        for (size_t i = 0; i < n && there; i++) {
                uint32_t row = index_row_at(ix, uids[i]);
                there = is_there(d, &row);
                row++;
                there = there && (row >= ix->n || is_there(d, &row));
        }
        uint32_t row = unwritten ? index_row_at(ix, ix->head.truth.list.last_uid + 1) : ix->n;
        for (; row < ix->n && there; row++)
                there = is_there(d, &row);
        return there;
}

int mbox_check_places(struct mbox_file *f, const uint32_t *uids, size_t n, bool unwritten)
{
        struct mailbox *m = f->m;
        struct reading d = {.f = f, .m = m};
        if (!(m->index.head.truth.list.lines & MBOX_TRUTH_UNCHECKED))
                return 0;
        mbox_scan_begin(&d.scan, &f->source, 0, false);
        d.scan.step = MBOX_HEAD_STEP;
        bool there = are_there(&d, uids, n, unwritten);
        mbox_scan_end(&d.scan);
        if (there)
                return 0;
        m->index.news = true;
        int r = mbox_read_locked(f, DUE_NEW | DUE_CUR);
        m->index.news = false;
        return r < 0 ? r : 1;
}
