/* Changes of the records of an index: noted for the journal and applied at once, by the code that applies
 * those of others. README has the format. */

#include "store/change_log.h"

#include "base/number.h"
#include "store/filename.h"

enum { CHANGE_LOG_MAX = 1024 * 1024 /* bytes of a transaction; more of them are a snapshot */ };

static size_t begin_op(struct index *ix, enum op type)
{
        struct op_head head = {.type = (uint16_t)type};
        size_t at = ix->ops.n;
        buf_append(&ix->ops, slice_make(&head, sizeof(head)));
        return at;
}

static void end_op(struct index *ix, size_t at)
{
        size_t size = ix->ops.n - at - sizeof(struct op_head);
        uint32_t n = (uint32_t)size;
        memcpy(ix->ops.p + at + offsetof(struct op_head, size), &n, sizeof(n));
        buf_append(&ix->ops, slice_make("\0\0\0\0\0\0\0", op_padding(size)));
        (void)!change_apply(ix, slice_from(buf_slice(&ix->ops), at), ix->now, !ix->news);
        if (ix->ops.n > CHANGE_LOG_MAX)
                ix->whole = true;
        if (ix->whole)
                ix->ops.n = 0; /* everything is in the snapshot */
}

static void note(struct index *ix, enum op type, const void *p, size_t n)
{
        size_t at = begin_op(ix, type);
        buf_append(&ix->ops, slice_make(p, n));
        end_op(ix, at);
}

struct record *index_add(struct index *ix, uint32_t uid, const struct index_file *f, uint16_t state)
{
        struct op_add op = {.record = {.uid = uid,
                                       .state = (uint16_t)(state | (f->in_new ? RECORD_IN_NEW : 0)),
                                       .size = RECORD_SIZE_UNKNOWN,
                                       .date = f->date ? f->date : RECORD_DATE_UNKNOWN},
                            .base_n = (uint16_t)f->base.n,
                            .fields_n = (uint16_t)f->fields.n,
                            .info_n = (uint16_t)f->info.n};
        uint64_t size;
        struct slice field;
        if (f->size)
                op.record.size = f->size;
        else if (filename_size(f->base, 'W', &size) ||
                 (uidlist_field(f->fields, 'W', &field) && slice_to_u64(field, &size) == 0))
                op.record.size = size;
        size_t at = begin_op(ix, OP_ADD);
        buf_append(&ix->ops, slice_make(&op, sizeof(op)));
        buf_append(&ix->ops, f->base);
        buf_append(&ix->ops, f->fields);
        buf_append(&ix->ops, f->info);
        end_op(ix, at);
        return &ix->rows[ix->n - 1];
}

void index_set(struct index *ix, struct record *rec, struct slice info, bool in_new)
{
        struct op_set op = {.uid = rec->uid, .in_new = in_new, .info_n = (uint16_t)info.n};
        size_t at = begin_op(ix, OP_SET);
        buf_append(&ix->ops, slice_make(&op, sizeof(op)));
        buf_append(&ix->ops, info);
        end_op(ix, at);
}

/* UIDs as ranges; those that follow each other are one. */
static uint32_t put_ranges(struct index *ix, const uint32_t *uids, size_t n)
{
        uint32_t ranges = 0;
        for (size_t i = 0; i < n;) {
                struct op_range range = {.low = uids[i], .high = uids[i]};
                while (++i < n && uids[i] == range.high + 1)
                        range.high++;
                buf_append(&ix->ops, slice_make(&range, sizeof(range)));
                ranges++;
        }
        return ranges;
}

void index_set_flags(struct index *ix, const struct index_flags *f, const uint32_t *uids, size_t n)
{
        if (n == 0)
                return;
        struct op_flags op = {.flags = *f};
        size_t at = begin_op(ix, OP_FLAGS);
        buf_append(&ix->ops, slice_make(&op, sizeof(op)));
        uint32_t ranges = put_ranges(ix, uids, n);
        memcpy(ix->ops.p + at + sizeof(struct op_head) + offsetof(struct op_flags, ranges_n), &ranges,
               sizeof(ranges));
        end_op(ix, at);
}

void index_expunge(struct index *ix, const uint32_t *uids, size_t n)
{
        if (n == 0)
                return;
        size_t at = begin_op(ix, OP_EXPUNGE);
        put_ranges(ix, uids, n);
        end_op(ix, at);
}

void index_claim(struct index *ix, uint32_t uid)
{
        note(ix, OP_CLAIM, &uid, sizeof(uid));
}

void index_set_fields(struct index *ix, const struct record *rec, struct slice fields)
{
        struct op_fields op = {.uid = rec->uid, .fields_n = (uint16_t)fields.n};
        size_t at = begin_op(ix, OP_FIELDS);
        buf_append(&ix->ops, slice_make(&op, sizeof(op)));
        buf_append(&ix->ops, fields);
        end_op(ix, at);
}

void index_raise_modseq(struct index *ix)
{
        note(ix, OP_MODSEQ, NULL, 0);
}

void index_intend(struct index *ix, struct slice paths, bool sync)
{
        if (paths.n || ix->intent.n) {
                size_t at = begin_op(ix, OP_INTENT);
                buf_append(&ix->ops, paths);
                end_op(ix, at);
        }
        if (paths.n)
                journal_write(ix, sync);
}

void index_set_truth(struct index *ix, const struct index_truth *truth)
{
        if (memcmp(truth, &ix->head.truth, sizeof(*truth)) != 0)
                note(ix, OP_TRUTH, truth, sizeof(*truth));
}

void index_doubt(struct index *ix)
{
        struct index_truth truth = ix->head.truth;
        truth.list.version = 0;
        index_set_truth(ix, &truth);
        journal_write(ix, false);
        ix->intent_at = 0; /* it may stay */
}

void index_set_size(struct index *ix, const struct record *rec, uint64_t size, bool counted, int64_t date)
{
        struct op_size op = {.uid = rec->uid, .counted = counted, .size = size, .date = date};
        note(ix, OP_SIZE, &op, sizeof(op));
}

void index_set_note(struct index *ix, const struct record *rec, uint64_t value)
{
        struct op_note op = {.note = value, .uid = rec->uid};
        note(ix, OP_NOTE, &op, sizeof(op));
}

void index_set_cache(struct index *ix, uint64_t id, uint32_t uid, uint32_t offset)
{
        struct op_cache op = {.id = id, .uid = uid, .offset = offset};
        note(ix, OP_CACHE, &op, sizeof(op));
}

void index_note_sum(struct index *ix)
{
        struct op_sum op = {
                .counts = ix->head.counts, .modseq = ix->head.modseq, .nextuid = ix->head.truth.nextuid};
        note(ix, OP_SUM, &op, sizeof(op));
}
