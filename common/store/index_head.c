/* An index without its rows: the snapshot's header, and what the last of the journal's transactions says that
 * all adds up to. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/change_log.h"
#include "store/journal.h"

enum {
        HEAD_READ_FIRST = 4096, /* of a journal: many are not longer */
        HEAD_READ = 65536,
        HEAD_MAX = 1024 * 1024, /* of a longer one the records are no dearer than their sum */
};

/* The whole journal. */
static int read_journal(const struct index *ix, struct buf *to)
{
        for (size_t want = HEAD_READ_FIRST; to->n < HEAD_MAX; want = HEAD_READ) {
                ssize_t n = pread(ix->journal, buf_reserve(to, want), want, (off_t)to->n);
                if (n < 0)
                        return -errno;
                to->n += (size_t)n;
                if ((size_t)n < want)
                        return 0;
        }
        return -EFBIG;
}

/* Takes a transaction in; whether its end said what it adds up to. */
static bool take_in(struct index *ix, struct slice ops, struct op_sum *sum)
{
        struct op_head head = {0};
        while (ops.n >= sizeof(head)) {
                memcpy(&head, ops.p, sizeof(head));
                ops = slice_from(ops, sizeof(head));
                if (head.size > ops.n)
                        return false;
                struct slice what = slice_head(ops, head.size);
                if (head.type == OP_TRUTH && what.n >= sizeof(ix->head.truth))
                        memcpy(&ix->head.truth, what.p, sizeof(ix->head.truth));
                if (head.type == OP_SUM && what.n >= sizeof(*sum))
                        memcpy(sum, what.p, sizeof(*sum));
                if (head.type == OP_INTENT) {
                        ix->intent.n = 0;
                        buf_append(&ix->intent, what);
                }
                ops = slice_from(ops, head.size + op_padding(head.size));
        }
        return ops.n == 0 && head.type == OP_SUM;
}

/* False: only the records can tell. */
static bool add_up(struct index *ix, struct slice tail)
{
        struct journal_transaction t;
        struct slice ops;
        struct op_sum sum = {
                .counts = ix->head.counts, .modseq = ix->head.modseq, .nextuid = ix->head.truth.nextuid};
        bool summed = true;
        while (journal_next(ix, tail, &t, &ops)) {
                summed = take_in(ix, ops, &sum);
                ix->journal_at += t.size;
                tail = slice_from(tail, t.size);
        }
        ix->head.counts = sum.counts;
        ix->head.modseq = sum.modseq;
        ix->head.truth.nextuid = sum.nextuid;
        ix->head.truth.guid[sizeof(ix->head.truth.guid) - 1] = '\0';
        return summed;
}

static bool open_head(struct index *ix)
{
        _cleanup_(buf_free) struct buf journal = {0};
        struct journal_header h;
        if (journal_open(ix, O_RDONLY) < 0 || read_journal(ix, &journal) < 0 ||
            journal_header(ix, buf_slice(&journal), &h) < 0 || snapshot_load_head(ix, &h.snapshot) < 0 ||
            ix->head.generation != h.generation)
                return false;
        ix->journal_at = sizeof(h);
        return add_up(ix, slice_from(buf_slice(&journal), sizeof(h)));
}

void index_open_head(struct index *ix)
{
        if (ix->detached)
                return;
        ix->ready = open_head(ix);
        if (ix->ready)
                return;
        ix->intent.n = 0;
        fd_close_p(&ix->journal);
        index_open(ix);
}
