/* What is written into an mbox that is there: headers, and what is left when messages go. */

#include <errno.h>

#include "store/change.h"
#include "store/error.h"
#include "store/mbox.h"
#include "store/mbox_edit.h"

enum {
        HEADS_TOLD = 16, /* headers read for which it is told once how far it is */
};

struct writing {
        struct mbox_file *f;
        struct mailbox *m;
        const struct mbox_changes *c;
        size_t next;       /* of c->uids */
        bool all;          /* what is not in the file yet gets there */
        bool base;         /* X-IMAPbase is looked at */
        uint32_t last_uid; /* that X-IMAPbase is to have */
        uint64_t pseudo;   /* how long the pseudo message is then; 0: there is none */
        struct mbox_edits edits;
        struct buf head; /* a header as it is to be */
        struct buf keywords, base_keywords;
        struct buf extents; /* struct resized */
        struct mbox_scan scan;
};

/* A row whose header has another length. */
struct resized {
        uint32_t row;
        struct mbox_extent extent;
};

static void writing_free(struct writing *w)
{
        mbox_edits_free(&w->edits);
        buf_free(&w->head);
        buf_free(&w->keywords);
        buf_free(&w->base_keywords);
        buf_free(&w->extents);
        mbox_scan_end(&w->scan);
}

bool mbox_is_unwritten(const struct mailbox *m)
{
        const struct index *ix = &m->index;
        const struct uidlist_seen *l = &ix->head.truth.list;
        uint32_t row = mbox_last_live(ix);
        if (row == 0) /* X-IMAP of a pseudo message stays */
                return l->read_to > 0 && (l->lines & MBOX_TRUTH_BASE) && !(l->lines & MBOX_TRUTH_LAST);
        return !(l->lines & MBOX_TRUTH_BASE) || !(l->lines & MBOX_TRUTH_LAST) ||
               ix->rows[row - 1].uid > l->last_uid;
}

static void want_base(struct writing *w, struct mbox_want *want)
{
        want->base = true;
        want->uidvalidity = w->m->index.head.truth.uidvalidity;
        want->last_uid = w->last_uid;
        want->base_keywords = buf_slice(&w->base_keywords);
}

static int read_head(struct writing *w, uint64_t at, struct mbox_message *ret)
{
        mbox_scan_end(&w->scan);
        mbox_scan_begin(&w->scan, &w->f->source, at, false);
        w->scan.step = MBOX_HEAD_STEP;
        int r = mbox_scan_head(&w->scan, ret);
        if (r > 0)
                return 0;
        return error_text(w->m->store, r < 0 && r != -EBADMSG ? r : -EIO, "%s: no message at byte %llu",
                          w->m->place.file, (unsigned long long)at);
}

/* What others changed and nobody has looked at yet is not taken back. */
static struct record unchecked(struct mailbox *m, const struct record *rec, const struct mbox_status *st)
{
        struct record now = *rec;
        if (m->index.head.truth.list.lines & MBOX_TRUTH_UNCHECKED) {
                now.flags = st->flags;
                now.letters = mbox_known_letters(m, st->keywords, NULL);
        }
        return now;
}

/* The header at an offset, which was read, as it is wanted, with these of the keywords that are known here.
 * Others stay, where they may be those that there was no room for; a sender's go. */
static int write_head(struct writing *w, uint64_t at, uint32_t letters, bool has_uid, struct mbox_want *want,
                      struct mbox_message *msg)
{
        w->head.n = w->keywords.n = 0;
        mbox_keyword_names(w->m, letters, &w->keywords);
        if (has_uid)
                mbox_known_letters(w->m, msg->status.keywords, &w->keywords);
        want->keywords = buf_slice(&w->keywords);
        int r = mbox_head_write(msg->head, want, &w->head);
        if (r == -E2BIG) { /* behind so much nobody would look for it */
                msg->head = SLICE_NULL;
                r = mbox_head_write(msg->head, want, &w->head);
        }
        if (r < 0)
                return error_set(w->m->store, r, "write", w->m->place.file);
        mbox_edits_header(&w->edits, at + msg->from_n, msg->head, buf_slice(&w->head));
        return 0;
}

/* A Content-Length that reaches beyond the message waits for mail to come, to have it taken for its body: it
 * gets the right one. */
static int want_length(const struct writing *w, uint64_t at, const struct record *rec,
                       const struct mbox_message *msg, struct mbox_want *want)
{
        const struct mbox_extent e = mbox_extent(w->m, rec);
        uint64_t body = e.stored - e.from_n - e.head_n;
        if (!msg->status.has_length || msg->status.length <= body || msg->from_n != e.from_n ||
            msg->head_n != e.head_n)
                return 0;
        want->has_length = true;
        return mbox_body_length(w->f, at + e.from_n + e.head_n, body, &want->length);
}

static int write_row(struct writing *w, uint32_t row, bool changes, bool first)
{
        struct mailbox *m = w->m;
        const struct record *rec = &m->index.rows[row];
        struct mbox_message msg;
        uint64_t at = mbox_offset(m, row);
        int r = read_head(w, at, &msg);
        if (r < 0)
                return r;
        const struct record now = unchecked(m, rec, &msg.status);
        struct mbox_want want = {.uid = w->all || first ? rec->uid : 0,
                                 .flags = now.flags,
                                 .old = !(rec->state & RECORD_RECENT)};
        uint32_t letters = now.letters;
        if (changes)
                index_flags_apply(&w->c->flags, &now, &want.flags, &letters);
        if (rec->uid <= m->index.head.truth.list.last_uid)
                want.uid = rec->uid;
        if (first)
                want_base(w, &want);
        r = want_length(w, at, rec, &msg, &want);
        if (r < 0)
                return r;
        bool has_uid = m->index.head.truth.list.lines & MBOX_TRUTH_BASE && msg.status.uid == rec->uid;
        r = write_head(w, at, letters, has_uid, &want, &msg);
        if (r < 0 || msg.head.n == w->head.n)
                return r;
        struct resized resized = {.row = row, .extent = mbox_extent(m, rec)};
        resized.extent.head_n += w->head.n - msg.head.n;
        resized.extent.stored += w->head.n - msg.head.n;
        buf_append(&w->extents, slice_make(&resized, sizeof(resized)));
        return 0;
}

static int write_pseudo(struct writing *w)
{
        struct mbox_message msg;
        struct mbox_want want = {.flags = FLAG_SEEN, .old = true, .pseudo = true};
        want_base(w, &want);
        int r = read_head(w, 0, &msg);
        if (r == 0)
                r = write_head(w, 0, 0, true, &want, &msg);
        if (r == 0)
                w->pseudo = w->m->index.head.truth.list.read_to + w->head.n - msg.head.n;
        return r;
}

/* Whether a message is among those to be changed. */
static bool is_chosen(struct writing *w, uint32_t uid)
{
        while (w->next < w->c->n && w->c->uids[w->next] < uid)
                w->next++;
        return w->next < w->c->n && w->c->uids[w->next] == uid;
}

/* The keywords that X-IMAPbase is to name, and does already. */
static int look_at_base(struct writing *w)
{
        struct mbox_message msg;
        w->base_keywords.n = 0;
        mbox_all_keywords(w->m, &w->base_keywords);
        if (!(w->m->index.head.truth.list.lines & MBOX_TRUTH_BASE))
                return 0;
        int r = read_head(w, 0, &msg);
        if (r == 0)
                mbox_known_letters(w->m, msg.status.base_keywords, &w->base_keywords);
        return r;
}

/* Whether the base may have to say something else, or is in a header that is written. */
static bool touches_base(const struct mailbox *m, const struct mbox_changes *c)
{
        const struct index *ix = &m->index;
        uint32_t row = mbox_first_live(ix);
        return c->expunge || c->keywords || c->flags.add_letters ||
               (ix->head.truth.list.read_to == 0 && c->n && row < ix->n && ix->rows[row].uid == c->uids[0]);
}

static int look_at_all(struct writing *w)
{
        struct mailbox *m = w->m;
        struct index *ix = &m->index;
        const struct uidlist_seen *l = &ix->head.truth.list;
        bool first = l->read_to == 0, base = w->all || w->base;
        w->next = w->extents.n = 0;
        mbox_edits_clear(&w->edits);
        w->pseudo = 0;
        int r = base ? look_at_base(w) : 0;
        if (r == 0 && base && l->read_to > 0)
                r = write_pseudo(w);
        if (r < 0)
                return r;
        unsigned heads = 0;
        if (w->all || !w->c->expunge)
                mbox_file_begin_long(w->f, false);
        uint32_t from = w->all || base || w->c->n == 0 ? 0 : index_row_at(ix, w->c->uids[0]);
        for (uint32_t row = from; row < ix->n; row++) {
                const struct record *rec = &ix->rows[row];
                if (!index_is_live(rec))
                        continue;
                bool chosen = is_chosen(w, rec->uid);
                if (chosen && w->c->expunge) {
                        mbox_edits_put(&w->edits, mbox_offset(m, row), mbox_extent(m, rec).stored,
                                       SLICE_NULL);
                        /* beside an X-IMAPbase that has its UID already it would get another one */
                        w->edits.at_once |= rec->uid > l->last_uid;
                        continue;
                }
                bool has_base = first && base;
                bool looks = chosen || has_base || (w->all && rec->uid > l->last_uid);
                if (looks && ++heads % HEADS_TOLD == 0)
                        mbox_file_tell(w->f, row - from, ix->n - from);
                if (looks)
                        r = write_row(w, row, chosen, has_base);
                if (r < 0)
                        return r;
                first = false;
        }
        return 0;
}

/* What the file says now. */
static void enter(struct writing *w)
{
        struct index *ix = &w->m->index;
        _cleanup_(buf_free) struct buf text = {0};
        const struct resized *r = (const struct resized *)(const void *)w->extents.p;
        struct index_truth truth = ix->head.truth;
        for (size_t i = 0; i < w->extents.n / sizeof(*r); i++) {
                mbox_extent_format(&r[i].extent, &text);
                index_set_fields(ix, &ix->rows[r[i].row], buf_slice(&text));
        }
        if (w->c->expunge)
                index_expunge(ix, w->c->uids, w->c->n);
        else
                index_set_flags(ix, &w->c->flags, w->c->uids, w->c->n);
        if (w->pseudo)
                truth.list.read_to = w->pseudo;
        if (w->all || w->base)
                truth.list.lines |= MBOX_TRUTH_LAST;
        if (w->all) {
                truth.list.lines |= MBOX_TRUTH_BASE;
                truth.list.last_uid = w->last_uid;
        }
        if (ix->head.counts.messages == 0 && truth.list.read_to == 0)
                truth.list.lines &= ~(uint32_t)(MBOX_TRUTH_BASE | MBOX_TRUTH_LAST); /* nothing is left */
        mbox_file_note(w->f, &truth);
        index_set_truth(ix, &truth);
}

static int plan(struct writing *w)
{
        struct mailbox *m = w->m;
        w->last_uid = MAX(m->index.head.truth.nextuid, 1u) - 1;
        bool unwritten = mbox_is_unwritten(m);
        w->base = touches_base(m, w->c);
        /* it says that all UIDs up to the last one are in the file */
        w->all = unwritten && (w->base || w->c->n == 0);
        int r = look_at_all(w);
        if (r == 0 && w->edits.grows && unwritten && !w->all) {
                w->all = true; /* all behind it moves in any case */
                r = look_at_all(w);
        }
        return r;
}

/* The last message is a From_ line, and no more: one without an end would take a header for its own. */
static bool ends_in_from_line(const struct mailbox *m)
{
        uint32_t row = mbox_last_live(&m->index);
        const struct mbox_extent e = row ? mbox_extent(m, &m->index.rows[row - 1]) : (struct mbox_extent){0};
        return row > 0 && e.stored == e.from_n;
}

int mbox_write(struct mbox_file *f, const struct mbox_changes *c)
{
        struct mailbox *m = f->m;
        _cleanup_(writing_free) struct writing w = {.f = f, .m = m, .c = c};
        if (f->fd < 0)
                return 0;
        int r = mbox_check_places(f, c->uids, c->n, mbox_is_unwritten(m));
        if (r >= 0 && ends_in_from_line(m))
                r = mbox_end_file(f);
        if (r >= 0)
                r = plan(&w);
        /* what is grown is read from its old end: flags that we changed and could not enter would be missed
         */
        if (r == 0 && w.edits.n)
                index_doubt(&m->index);
        if (r == 0 && w.edits.n)
                r = mbox_edits_carry(&w.edits, f);
        if (r < 0)
                return r;
        enter(&w);
        return 0;
}

/* Those that are not yet as they are wanted. */
static int choose(void *context, const struct record *rec)
{
        struct change *c = context;
        uint8_t flags;
        uint32_t letters;
        if (c->expunge) {
                c->gone.bytes += mbox_extent(c->m, rec).stored;
                c->gone.messages++;
        } else {
                index_flags_apply(&c->flags, rec, &flags, &letters);
                if (flags == rec->flags && letters == rec->letters)
                        return 0;
        }
        change_put(&c->done, rec->uid);
        return 0;
}

int mbox_change(struct change *c)
{
        struct mailbox *m = c->m;
        _cleanup_(mbox_file_close) struct mbox_file f = MBOX_FILE_NONE;
        int r = mbox_begin(m, &f);
        if (r < 0)
                return r;
        c->done.n = c->again.n = 0;
        c->gone = (struct quota_sum){0};
        r = change_each(c, choose, c);
        const struct mbox_changes changes = {.uids = (const uint32_t *)(const void *)c->done.p,
                                             .n = c->done.n / sizeof(uint32_t),
                                             .expunge = c->expunge,
                                             .flags = c->flags};
        if (r == 0 && changes.n)
                r = mbox_write(&f, &changes);
        if (r < 0)
                c->gone = (struct quota_sum){0};
        mbox_file_close(&f);
        opened_commit(m);
        return r;
}
