/* What the operations of a transaction do to the records of an index, whoever noted them. */

#include <errno.h>

#include "store/change_log.h"
#include "store/filename.h"
#include "store/mailbox.h"

enum { LIGHT_TOUCH = 8 /* so many sizes or cache offsets weigh as much as one change of flags */ };

static bool take(struct slice *s, void *to, size_t n)
{
        if (s->n < n)
                return false;
        memcpy(to, s->p, n);
        *s = slice_from(*s, n);
        return true;
}

static bool take_text(struct slice *s, size_t n, struct slice *ret)
{
        if (s->n < n)
                return false;
        *ret = slice_head(*s, n);
        *s = slice_from(*s, n);
        return memchr(ret->p ? ret->p : "", '\0', n) == NULL;
}

/* Gives a record the info part of its file's name. Counted off before, counted again after. */
static void place(struct index *ix, struct record *rec, struct slice info, bool in_new)
{
        uint8_t flags;
        uint32_t letters;
        bool plain = filename_info_plain(info, &flags, &letters);
        if (!plain)
                filename_info_parse(info, &flags, &letters);
        rec->flags = flags;
        rec->letters = letters;
        rec->state &= (uint16_t) ~(RECORD_IN_NEW | RECORD_ODD);
        rec->state |= in_new ? RECORD_IN_NEW : 0;
        /* what a file in new/ has is nothing, as a rule */
        if (in_new ? info.n == 0 : plain)
                return;
        rec->state |= RECORD_ODD;
        const char *base = index_base(ix, rec), *fields = index_fields(ix, rec);
        /* the names may move while they are added to */
        _cleanup_(buf_free) struct buf copy = {0};
        buf_append(&copy, slice_make(base, strlen(base) + 1));
        buf_append(&copy, slice_make(fields, strlen(fields) + 1));
        rec->name = index_new_name(ix, slice_of(copy.p), slice_of(copy.p + strlen(copy.p) + 1), info);
}

/* A change that clients can see. What is only kept for ourselves must not make them look. */
static void visible(struct index *ix, uint64_t modseq)
{
        ix->head.modseq = MAX(ix->head.modseq, modseq);
}

static void changed(struct index *ix, struct record *rec, uint64_t modseq, bool own)
{
        visible(ix, modseq);
        rec->modseq = modseq;
        ix->touched++;
        if (own || !ix->viewed || rec->state & RECORD_CHANGED)
                return;
        rec->state |= RECORD_CHANGED;
        index_rows_push(&ix->changed, (uint32_t)(rec - ix->rows));
}

static void remember_vanished(struct index *ix, uint64_t modseq, struct op_range range)
{
        struct index_range r = {.modseq = modseq, .low = range.low, .high = range.high};
        visible(ix, modseq);
        buf_append(&ix->more_vanished, slice_make(&r, sizeof(r)));
}

/* UIDs that are passed over came and went while only others looked (another host with an index of its own, or
 * the time between a backup and now): a client may have seen them. Not while the index is built, which
 * begins the history. */
static void pass_over(struct index *ix, uint64_t modseq, uint32_t next)
{
        uint32_t nextuid = ix->head.truth.nextuid;
        if (nextuid && next > nextuid && modseq > ix->head.vanished_from)
                remember_vanished(ix, modseq, (struct op_range){nextuid, next - 1});
}

/* Behind all others, as a rule. An index that was lost may not know messages that this session's view has:
 * they have rows, as if they were gone, and turn up again here. */
static struct record *row_for(struct index *ix, uint32_t uid, struct slice base)
{
        uint32_t row = index_row_at(ix, uid);
        if (row == ix->n)
                return index_new_row(ix);
        struct record *rec = &ix->rows[row];
        if (rec->uid != uid || index_is_live(rec) || !slice_eq(slice_of(index_base(ix, rec)), base))
                return NULL;
        size_t kept = 0;
        for (size_t i = 0; i < ix->gone.n; i++)
                if (ix->gone.row[i] != row)
                        ix->gone.row[kept++] = ix->gone.row[i];
        ix->gone.n = kept;
        ix->layout++;
        index_rows_push(&ix->changed, row); /* its flags may be others than were told */
        return rec;
}

static int apply_add(struct index *ix, struct slice s, uint64_t modseq, bool own)
{
        struct op_add op;
        struct slice base, fields, info;
        if (!take(&s, &op, sizeof(op)) || !take_text(&s, op.base_n, &base) ||
            !take_text(&s, op.fields_n, &fields) || !take_text(&s, op.info_n, &info))
                return -EBADMSG;
        if (op.record.uid < ix->head.truth.nextuid || base.n == 0)
                return -EBADMSG;
        struct record *rec = row_for(ix, op.record.uid, base);
        if (!rec)
                return -EBADMSG;
        pass_over(ix, modseq, op.record.uid);
        uint16_t keep = rec->state & RECORD_MINE;
        keep |= rec->state & RECORD_GONE ? RECORD_CHANGED : 0;
        *rec = op.record;
        rec->state &= RECORD_STORED | RECORD_UNLISTED;
        rec->state |= keep;
        rec->cache = 0;
        rec->modseq = modseq;
        visible(ix, modseq);
        rec->name = index_new_name(ix, base, fields, SLICE_NULL);
        place(ix, rec, info, rec->state & RECORD_IN_NEW);
        index_enter_base(ix, (uint32_t)(rec - ix->rows));
        index_count(ix, rec, 1);
        ix->head.truth.nextuid = rec->uid + 1;
        ix->touched++;
        return 0;
}

static int apply_set(struct index *ix, struct slice s, uint64_t modseq, bool own)
{
        struct op_set op;
        struct slice info;
        if (!take(&s, &op, sizeof(op)) || !take_text(&s, op.info_n, &info))
                return -EBADMSG;
        struct record *rec = index_find(ix, op.uid);
        if (!rec)
                return 0;
        struct record old = *rec;
        index_count(ix, rec, -1);
        place(ix, rec, info, op.in_new);
        index_count(ix, rec, 1);
        if (old.flags != rec->flags || old.letters != rec->letters)
                changed(ix, rec, modseq, own);
        return 0;
}

void index_flags_apply(const struct index_flags *f, const struct record *rec, uint8_t *ret_flags,
                       uint32_t *ret_letters)
{
        *ret_flags = (uint8_t)((rec->flags & ~f->remove) | f->add);
        *ret_letters = (rec->letters & ~f->remove_letters) | f->add_letters;
}

static void apply_flags_to(struct index *ix, struct record *rec, const struct index_flags *f, uint64_t modseq,
                           bool own)
{
        uint8_t flags;
        uint32_t letters;
        index_flags_apply(f, rec, &flags, &letters);
        bool same = flags == rec->flags && letters == rec->letters;
        index_count(ix, rec, -1);
        if (rec->state & RECORD_ODD) {
                _cleanup_(buf_free) struct buf old = {0}, info = {0};
                index_info(ix, rec, &old);
                filename_info_format(&info, buf_slice(&old), flags, letters);
                place(ix, rec, buf_slice(&info), false);
        } else {
                rec->flags = flags;
                rec->letters = letters;
                rec->state &= (uint16_t)~RECORD_IN_NEW;
        }
        index_count(ix, rec, 1);
        if (!same)
                changed(ix, rec, modseq, own);
}

static int apply_flags(struct index *ix, struct slice s, uint64_t modseq, bool own)
{
        struct op_flags op;
        struct op_range range;
        if (!take(&s, &op, sizeof(op)))
                return -EBADMSG;
        while (op.ranges_n-- && take(&s, &range, sizeof(range)))
                for (uint32_t row = index_row_at(ix, range.low);
                     row < ix->n && ix->rows[row].uid <= range.high; row++)
                        if (index_is_live(&ix->rows[row]))
                                apply_flags_to(ix, &ix->rows[row], &op.flags, modseq, own);
        return 0;
}

static int apply_expunge(struct index *ix, struct slice s, uint64_t modseq, bool own)
{
        struct op_range range;
        ix->layout++;
        while (take(&s, &range, sizeof(range))) {
                for (uint32_t row = index_row_at(ix, range.low);
                     row < ix->n && ix->rows[row].uid <= range.high; row++) {
                        struct record *rec = &ix->rows[row];
                        if (!index_is_live(rec))
                                continue;
                        index_count(ix, rec, -1);
                        rec->state |= RECORD_GONE;
                        rec->modseq = modseq;
                        ix->touched++;
                        index_rows_push(&ix->gone, row);
                }
                remember_vanished(ix, modseq, range);
        }
        return 0;
}

/* From the end: what is \Recent is the newest, nearly always. */
static int apply_claim(struct index *ix, struct slice s, uint64_t modseq, bool own)
{
        uint32_t uid;
        if (!take(&s, &uid, sizeof(uid)))
                return -EBADMSG;
        for (uint32_t row = index_row_at(ix, uid + 1); row > 0 && ix->head.counts.recent > 0; row--) {
                struct record *rec = &ix->rows[row - 1];
                if (!(rec->state & RECORD_RECENT) || !index_is_live(rec))
                        continue;
                rec->state &= (uint16_t)~RECORD_RECENT;
                ix->head.counts.recent--;
                ix->touched++;
        }
        return 0;
}

static int apply_truth(struct index *ix, struct slice s, uint64_t modseq, bool own)
{
        struct index_truth truth;
        if (!take(&s, &truth, sizeof(truth)))
                return -EBADMSG;
        pass_over(ix, modseq, truth.nextuid);
        truth.nextuid = MAX(truth.nextuid, ix->head.truth.nextuid);
        truth.guid[sizeof(truth.guid) - 1] = '\0';
        ix->head.truth = truth;
        return 0;
}

static int apply_size(struct index *ix, struct slice s, uint64_t modseq, bool own)
{
        struct op_size op;
        if (!take(&s, &op, sizeof(op)))
                return -EBADMSG;
        struct record *rec = index_find(ix, op.uid);
        if (!rec)
                return 0;
        index_count(ix, rec, -1);
        /* who knows less of it does not take away what others know */
        if (op.size != RECORD_SIZE_UNKNOWN && (op.counted || !(rec->state & RECORD_COUNTED)))
                rec->size = op.size;
        if (op.date != RECORD_DATE_UNKNOWN)
                rec->date = op.date;
        rec->state |= op.counted ? RECORD_COUNTED : 0;
        index_count(ix, rec, 1);
        ix->touched += rec->uid % LIGHT_TOUCH == 0;
        return 0;
}

static int apply_note(struct index *ix, struct slice s, uint64_t modseq, bool own)
{
        struct op_note op;
        if (!take(&s, &op, sizeof(op)))
                return -EBADMSG;
        struct record *rec = index_find(ix, op.uid);
        if (rec)
                rec->note = op.note;
        return 0;
}

static void new_cache(struct index *ix, uint64_t id)
{
        for (uint32_t row = 0; row < ix->n && ix->head.counts.cached; row++)
                ix->rows[row].cache = 0;
        ix->head.counts.cached = 0;
        ix->head.cache_groups = 0;
        ix->head.cache_id = id;
}

static int apply_cache(struct index *ix, struct slice s, uint64_t modseq, bool own)
{
        struct op_cache op;
        if (!take(&s, &op, sizeof(op)))
                return -EBADMSG;
        if (op.id != ix->head.cache_id)
                new_cache(ix, op.id);
        ix->head.cache_groups++;
        struct record *rec = index_find(ix, op.uid);
        if (!rec)
                return 0;
        index_count(ix, rec, -1);
        rec->cache = op.offset;
        index_count(ix, rec, 1);
        ix->touched += ix->head.cache_groups % LIGHT_TOUCH == 0;
        return 0;
}

static int apply_fields(struct index *ix, struct slice s, uint64_t modseq, bool own)
{
        struct op_fields op;
        struct slice fields;
        if (!take(&s, &op, sizeof(op)) || !take_text(&s, op.fields_n, &fields))
                return -EBADMSG;
        struct record *rec = index_find(ix, op.uid);
        ix->layout++;
        if (!rec)
                return 0;
        _cleanup_(buf_free) struct buf base = {0}, info = {0};
        buf_str(&base, index_base(ix, rec));
        index_info(ix, rec, &info);
        rec->name = index_new_name(ix, buf_slice(&base), fields,
                                   rec->state & RECORD_ODD ? buf_slice(&info) : SLICE_NULL);
        return 0;
}

static int apply_intent(struct index *ix, struct slice s, uint64_t modseq, bool own)
{
        if (s.n && s.p[s.n - 1] != '\0')
                return -EBADMSG;
        ix->intent.n = 0;
        buf_append(&ix->intent, s);
        return 0;
}

static int apply_modseq(struct index *ix, struct slice s, uint64_t modseq, bool own)
{
        visible(ix, modseq);
        return 0;
}

/* It says what the others have done: nothing to be done. */
static int apply_sum(struct index *ix, struct slice s, uint64_t modseq, bool own)
{
        return 0;
}

static int (*const appliers[])(struct index *ix, struct slice s, uint64_t modseq, bool own) = {
        [OP_ADD] = apply_add,         [OP_SET] = apply_set,       [OP_FLAGS] = apply_flags,
        [OP_EXPUNGE] = apply_expunge, [OP_CLAIM] = apply_claim,   [OP_TRUTH] = apply_truth,
        [OP_SIZE] = apply_size,       [OP_NOTE] = apply_note,     [OP_CACHE] = apply_cache,
        [OP_FIELDS] = apply_fields,   [OP_INTENT] = apply_intent, [OP_MODSEQ] = apply_modseq,
        [OP_SUM] = apply_sum,
};

int change_apply(struct index *ix, struct slice ops, uint64_t modseq, bool own)
{
        struct op_head head;
        ix->taken_in++;
        while (ops.n) {
                if (!take(&ops, &head, sizeof(head)) || head.size > ops.n || head.type == 0 ||
                    head.type >= ARRAY_LEN(appliers))
                        return -EBADMSG;
                int r = appliers[head.type](ix, slice_head(ops, head.size), modseq, own);
                if (r < 0)
                        return r;
                ops = slice_from(ops, head.size + op_padding(head.size));
        }
        return 0;
}
