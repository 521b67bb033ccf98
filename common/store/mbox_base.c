/* Whose word counts on an mbox's UIDs and keywords: that of programs that know the mailbox, and not that of
 * senders, who can write all these fields into their mail. */

#include <errno.h>

#include "base/clock.h"
#include "store/error.h"
#include "store/mbox_reading.h"

enum {
        /* From_ lines are written by deliveries, in local time: that of a mail that came after a look may
         * name an hour before it, where zones differ. */
        ZONES_APART_SECS = 26 * 60 * 60,
};

static void take_names(struct reading *d, const struct mbox_status *st, bool counts)
{
        struct slice rest = st->base_keywords, name;
        d->names.n = 0;
        for (unsigned i = 0; i < MBOX_NAMES_MAX && counts && mbox_keyword(&rest, &name); i++) {
                buf_append(&d->names, name);
                buf_char(&d->names, ' ');
        }
        d->base_last = counts ? st->last_uid : 0;
        d->names_read = true;
}

int mbox_base_read(struct reading *d)
{
        _cleanup_(mbox_scan_end) struct mbox_scan scan = {0};
        struct mbox_message first;
        if (d->names_read)
                return 0;
        d->names_read = true;
        mbox_scan_begin(&scan, &d->f->source, 0, false);
        scan.step = MBOX_HEAD_STEP;
        int r = mbox_scan_head(&scan, &first);
        if (r > 0)
                take_names(d, &first.status,
                           first.status.base && first.status.uidvalidity == d->truth.uidvalidity);
        return r < 0 ? mbox_reading_error(d, r) : 0;
}

/* It had the base when it was last looked at. */
static bool is_first(const struct index *ix, const struct mbox_message *first)
{
        uint32_t row = mbox_first_live(ix);
        return ix->head.truth.list.lines & MBOX_TRUTH_BASE && row < ix->n &&
               strcmp(index_base(ix, &ix->rows[row]), first->hash) == 0;
}

/* A spool that was emptied begins with the next mail, whatever that says. When UIDs were given here, another
 * UIDVALIDITY is believed only of the message that had the base before, and of one that is older than what
 * was there at the last look: no delivery has put it there, but whoever moved the mail here, or restored it.
 * One that is not believed costs no more than UIDs of another server; who believes a sender's could be made
 * to give UIDs twice. */
static bool is_senders(const struct mailbox *m, const struct mbox_message *first)
{
        const struct index_truth *t = &m->index.head.truth;
        if (t->uidvalidity == 0 || t->uidvalidity == first->status.uidvalidity)
                return false;
        if (t->nextuid <= 1)
                return m->index.viewed;
        time_t date = mbox_from_date(first->from);
        return !is_first(&m->index, first) &&
               (date == -1 || date >= t->cur.read_at_us / 1000000 - ZONES_APART_SECS);
}

int mbox_take_base(struct reading *d, const struct mbox_message *first)
{
        struct mailbox *m = d->m;
        const struct mbox_status *st = &first->status;
        uint32_t known = m->index.head.truth.uidvalidity;
        d->base = st->base && !is_senders(m, first);
        take_names(d, st, d->base);
        d->truth.list.lines &= ~(uint32_t)(MBOX_TRUTH_BASE | MBOX_TRUTH_LAST);
        if (!d->base)
                return 0;
        if (known && known != st->uidvalidity) {
                if (m->view_rows > 0 || m->index.viewed)
                        return error_text(m->store, -ESTALE, "%s: UIDVALIDITY was changed to %u",
                                          m->place.file, st->uidvalidity);
                index_reset(&m->index);
                d->truth = m->index.head.truth;
                d->rows = 0;
        }
        d->truth.list.lines |= MBOX_TRUTH_BASE;
        d->base_read = true;
        d->truth.uidvalidity = st->uidvalidity;
        d->truth.nextuid = MAX(d->truth.nextuid, st->last_uid + 1);
        return 0;
}

/* Programs that know the base give higher UIDs than those that were there, and the base tells of them. Until
 * ours is in the file what else stands there is the sender's. */
bool mbox_has_other_uid(struct reading *d, const struct record *rec, const struct mbox_status *st)
{
        if (!d->base || st->uid == 0 || st->uid == rec->uid)
                return false;
        if (rec->uid <= d->m->index.head.truth.list.last_uid)
                return true;
        return st->uid > rec->uid && mbox_base_read(d) == 0 && st->uid <= d->base_last;
}
