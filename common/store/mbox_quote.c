#include "store/mbox_quote.h"

static const struct slice from = SLICE("From ");

static void put(struct buf *to, struct slice s)
{
        if (to)
                buf_append(to, s);
}

static void let_go(struct mbox_quote *q, struct buf *to)
{
        if (q->held)
                put(to, SLICE(">"));
        put(to, slice_head(from, q->matched));
        q->held = false;
        q->matched = 0;
}

/* "From " is complete. */
static void found(struct mbox_quote *q, struct buf *to)
{
        q->lines += !q->unquote || q->held;
        if (q->unquote)
                q->held = false;
        else
                put(to, SLICE(">"));
        let_go(q, to);
        q->text = true;
}

/* At the beginning of a line; false: the byte is of a line that is text. */
static bool begin(struct mbox_quote *q, char c, struct buf *to)
{
        if (c == '>' && q->matched == 0 && !q->bare) {
                if (q->unquote && !q->held)
                        q->held = true;
                else
                        put(to, SLICE(">"));
                return true;
        }
        if (c != from.p[q->matched]) {
                let_go(q, to);
                q->text = true;
                return false;
        }
        if (++q->matched == from.n)
                found(q, to);
        return true;
}

int mbox_quote_push(struct mbox_quote *q, struct slice bytes, struct buf *to)
{
        while (bytes.n) {
                if (!q->text && begin(q, bytes.p[0], to)) {
                        bytes = slice_from(bytes, 1);
                        continue;
                }
                size_t n = slice_find(bytes, '\n');
                q->text = n == bytes.n;
                n += !q->text;
                put(to, slice_head(bytes, n));
                bytes = slice_from(bytes, n);
        }
        return to ? to->error : 0;
}

int mbox_quote_end(struct mbox_quote *q, struct buf *to)
{
        let_go(q, to);
        return to ? to->error : 0;
}
