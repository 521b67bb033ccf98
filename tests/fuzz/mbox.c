/* An mbox: its messages tile the file, sizes and bodies are what counting a byte at a time gives, a header
 * that is written says what is wanted and keeps the mail as it is. The first byte says how it is read and
 * written. */

#include <assert.h>
#include <errno.h>

#include "store/mailbox.h"
#include "store/mbox_head.h"

#include "../unit/store/mbox_naive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_write(struct slice head, const struct mbox_want *want)
{
        _cleanup_(buf_free) struct buf once = {0}, twice = {0}, sent = {0};
        if (mbox_head_write(head, want, &once) < 0) {
                assert(once.n == 0);
                assert(head.n + 8192 > MBOX_HEAD_MAX || head.p[0] == ' ' || head.p[0] == '\t');
                return;
        }
        struct mbox_status st = mbox_status_of(buf_slice(&once));
        assert(st.flags == want->flags && st.old == want->old && st.base == want->base);
        assert(!want->uid || st.uid == want->uid);
        assert(!want->base ||
               (st.uidvalidity == want->uidvalidity && st.last_uid == want->last_uid &&
                st.pseudo == want->pseudo && mbox_keywords_same(st.base_keywords, want->base_keywords)));
        assert(mbox_keywords_same(st.keywords, want->keywords));
        assert(mbox_head_write(buf_slice(&once), want, &twice) == 0);
        assert(slice_eq(buf_slice(&once), buf_slice(&twice)));

        size_t before_n, after_n;
        char *before = naive_visible(head, &before_n), *after = naive_visible(buf_slice(&once), &after_n);
        mbox_head_visible(head, &sent);
        assert(slice_eq(slice_make(before, before_n), slice_make(after, after_n)));
        assert(slice_eq(buf_slice(&sent), slice_make(before, before_n)));
        uint64_t bytes, with_crlf;
        mbox_head_sizes(head, &bytes, &with_crlf);
        assert(bytes == before_n && with_crlf == naive_size(slice_make(before, before_n)));
        free(before);
        free(after);
}

static void check_head(const struct mbox_message *m, uint8_t how)
{
        const struct mbox_status *st = &m->status;
        struct mbox_want want = {.uid = st->uid,
                                 .flags = st->flags,
                                 .old = st->old,
                                 .keywords = st->keywords,
                                 .base = st->base,
                                 .pseudo = st->base && st->pseudo,
                                 .uidvalidity = st->uidvalidity,
                                 .last_uid = st->last_uid,
                                 .base_keywords = st->base_keywords};
        check_write(m->head, &want);
        want.flags ^= how & FLAG_ALL;
        want.old = !want.old;
        check_write(m->head, &want);
        want = (struct mbox_want){.uid = how,
                                  .keywords = SLICE("$Todo x"),
                                  .base = how & 32,
                                  .pseudo = how & 64,
                                  .uidvalidity = 1700000000,
                                  .last_uid = how,
                                  .base_keywords = SLICE("$Todo x"),
                                  .has_length = how & 16,
                                  .length = m->body_n};
        check_write(m->head, &want);
        _cleanup_(buf_free) struct buf line = {0};
        time_t date;
        assert(mbox_is_from_line(m->from, &date));
        mbox_from_line(m->head, date, &line);
        assert(mbox_is_from_line(buf_slice(&line), &date));
}

static void push(struct mbox_quote *q, struct slice s, size_t piece, struct buf *to)
{
        for (; s.n; s = slice_from(s, piece))
                mbox_quote_push(q, slice_head(s, piece), to);
        mbox_quote_end(q, to);
}

/* What is quoted reads the same, and holds no message but its own. */
static void check_quote(struct slice text, size_t piece)
{
        _cleanup_(buf_free) struct buf quoted = {0}, back = {0};
        struct mbox_quote q = {0}, u = {.unquote = true};
        push(&q, text, piece, &quoted);
        push(&u, buf_slice(&quoted), piece, &back);
        assert(slice_eq(buf_slice(&back), text));
        assert(q.lines == u.lines && u.lines == naive_quoted(buf_slice(&quoted)));
        time_t date;
        for (struct slice rest = buf_slice(&quoted), line; slice_split(&rest, '\n', &line);)
                assert(!mbox_is_from_line(line, &date));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        uint8_t how = data[0];
        bool unquote = how & 1;
        struct slice text = slice_make(data + 1, size - 1);
        struct naive_file file = {text, how & 2 ? 13 : SIZE_MAX, 0};
        struct mbox_source source = naive_source(&file);
        _cleanup_(mbox_scan_end) struct mbox_scan s;
        struct mbox_message m;
        uint64_t at = 0;
        int r;
        mbox_scan_begin(&s, &source, 0, unquote);
        while ((r = mbox_scan_next(&s, &m)) > 0) {
                uint64_t known = m.from_n + m.head_n + m.body_n;
                assert(m.offset == at && m.from_n > 0 && m.head.n <= m.head_n);
                assert(m.stored >= known && m.stored - known <= 2);
                assert(at == 0 || (!m.status.base && !m.status.pseudo));
                for (uint64_t i = known; i < m.stored; i++)
                        assert(text.p[at + i] == '\n' || (text.p[at + i] == '\r' && i + 2 == m.stored));
                assert(m.size == naive_message_size(text, &m, unquote));
                assert(slice_eq(m.head, naive_part(text, at + m.from_n, m.head.n)));
                check_head(&m, how);
                at += m.stored;
        }
        assert(r == 0 ? at == text.n : r == -EBADMSG && at == 0);
        check_quote(text, how & 2 ? 13 : SIZE_MAX);
        return 0;
}
