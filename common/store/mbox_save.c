/* New messages for an mbox. While they come their bytes go into the journal of the rewrite that will append
 * them; what depends on the file (UIDs, X-IMAPbase) is said at the commit. */

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/mbox.h"
#include "store/mbox_from.h"
#include "store/mbox_quote.h"
#include "store/saved.h"

struct mbox_save {
        struct rewrite rewrite;
        struct buf head; /* of the message that is being written, until its empty line */
        bool in_body;
        struct mbox_quote quote;
        struct buf out;
        char last;
};

static int store(struct save *s, struct slice bytes)
{
        int r = rewrite_store(&s->mbox->rewrite, bytes);
        return r < 0 ? error_set_at(s->to->store, r, "write", s->to->place.control, REWRITE_NAME) : 0;
}

static struct mbox_quote quote_of(const struct save *s)
{
        /* what is not unquoted when it is read must not be quoted twice */
        return (struct mbox_quote){.bare = !s->to->store->settings->mbox_unquote_from};
}

int mbox_save_begin(struct save *s)
{
        struct mailbox *m = s->to;
        if (!s->mbox) {
                s->mbox = xcalloc(1, sizeof(*s->mbox));
                s->mbox->rewrite = REWRITE_NONE;
                rewrite_begin(&s->mbox->rewrite, m->control, &m->perm, save_fsyncs(s));
        }
        s->mbox->head.n = 0;
        s->mbox->in_body = false;
        s->mbox->quote = quote_of(s);
        return 0;
}

/* The From_ line (that of a copy is known: its GUID is made of it), and the header without what is ours to
 * say and without its empty line. */
static int end_head(struct save *s, struct slice head)
{
        struct mbox_save *b = s->mbox;
        _cleanup_(buf_free) struct buf visible = {0}, quoted = {0}, from = {0};
        time_t date = s->internaldate == -1 ? time(NULL) : s->internaldate;
        struct mbox_quote quote = quote_of(s); /* a field that is none */
        mbox_head_visible(head, &visible);
        mbox_quote_push(&quote, buf_slice(&visible), &quoted);
        mbox_quote_end(&quote, &quoted);
        struct slice text = buf_slice(&quoted);
        if (slice_eq(text, SLICE("\n")))
                text = SLICE_NULL;
        else if (slice_ends(text, SLICE("\n\n")))
                text.n--;
        if (!s->now.from_line) {
                mbox_from_line(head, date, &from);
                s->now.from_line = xstrndup(from.p, from.n);
        }
        if (s->now.guid) {
                _cleanup_(buf_free) struct buf own = {0};
                mbox_guid_own(slice_of(s->now.from_line), text, &own);
                s->now.own_guid = xstrdup(buf_cstr(&own));
        }
        s->now.head_at = b->rewrite.stored;
        int r = store(s, text);
        /* a header that ends with the message */
        if (r == 0 && text.n && text.p[text.n - 1] != '\n')
                r = store(s, SLICE("\n"));
        s->now.head_n = b->rewrite.stored - s->now.head_at;
        s->now.body_at = b->rewrite.stored;
        b->in_body = true;
        b->last = '\n';
        return r;
}

static int put_body(struct save *s, struct slice bytes)
{
        struct mbox_save *b = s->mbox;
        b->out.n = 0;
        mbox_quote_push(&b->quote, bytes, &b->out);
        if (b->out.n)
                b->last = b->out.p[b->out.n - 1];
        return store(s, buf_slice(&b->out));
}

/* Behind the header: the empty line is the first byte of `text`, or the text ends before it. */
static size_t head_end(struct slice text, size_t from)
{
        if (text.n && text.p[0] == '\n')
                return 1;
        size_t at = from > 1 ? from - 2 : 0;
        size_t n = slice_find_slice(slice_from(text, at), SLICE("\n\n"));
        return n == text.n - at ? 0 : at + n + 2;
}

int mbox_save_bytes(struct save *s, struct slice bytes)
{
        struct mbox_save *b = s->mbox;
        if (b->in_body)
                return put_body(s, bytes);
        size_t before = b->head.n;
        buf_append(&b->head, bytes);
        size_t end = head_end(buf_slice(&b->head), before);
        /* so long a header goes on as text that is kept as it is */
        if (end == 0 && b->head.n > MBOX_HEAD_MAX)
                end = slice_rfind(buf_slice(&b->head), '\n') + 1;
        if (end == 0)
                return 0;
        end = MIN(end, b->head.n);
        int r = end_head(s, slice_head(buf_slice(&b->head), end));
        if (r == 0)
                r = put_body(s, slice_from(buf_slice(&b->head), end));
        b->head.n = 0;
        return r;
}

int mbox_save_end(struct save *s)
{
        struct mbox_save *b = s->mbox;
        int r = b->in_body ? 0 : end_head(s, buf_slice(&b->head));
        b->out.n = 0;
        mbox_quote_end(&b->quote, &b->out);
        if (b->out.n)
                b->last = b->out.p[b->out.n - 1];
        if (r == 0)
                r = store(s, buf_slice(&b->out));
        if (r == 0 && b->last != '\n')
                r = store(s, SLICE("\n"));
        s->now.body_n = b->rewrite.stored - s->now.body_at;
        return r;
}

void mbox_save_drop(struct save *s)
{
        if (s->mbox)
                s->mbox->head.n = 0;
}

static void end_writing(struct save *s)
{
        struct mbox_save *b = s->mbox;
        if (!b)
                return;
        rewrite_end(&b->rewrite);
        buf_free(&b->head);
        buf_free(&b->out);
        free(b);
        s->mbox = NULL;
}

void mbox_save_undo(struct save *s)
{
        end_writing(s);
        for (size_t i = 0; i < s->n; i++)
                saved_free(&s->items[i]);
        s->n = 0;
}

static int say_item(struct save *s, const struct saved *item, uint32_t uid, bool first)
{
        struct mailbox *m = s->to;
        struct rewrite *w = &s->mbox->rewrite;
        _cleanup_(buf_free) struct buf names = {0}, all = {0}, meta = {0};
        uint32_t letters = 0;
        (void)keywords_letters(&m->keywords, item->keywords, &letters);
        mbox_keyword_names(m, letters, &names);
        mbox_all_keywords(m, &all);
        const struct mbox_want want = {.uid = uid,
                                       .flags = item->flags,
                                       .keywords = buf_slice(&names),
                                       .base = first,
                                       .uidvalidity = m->index.head.truth.uidvalidity,
                                       .last_uid = uid + (uint32_t)s->n - 1,
                                       .base_keywords = buf_slice(&all),
                                       .has_length = true,
                                       .length = item->body_n};
        int r = mbox_head_write(SLICE("\n"), &want, &meta);
        if (r == 0)
                r = rewrite_text(w, slice_of(item->from_line));
        if (r == 0)
                r = rewrite_place(w, item->head_at, item->head_n);
        if (r == 0)
                r = rewrite_text(w, buf_slice(&meta));
        if (r == 0)
                r = rewrite_place(w, item->body_at, item->body_n);
        return r == 0 ? rewrite_text(w, SLICE("\n")) : r;
}

static int append(struct save *s, struct mbox_file *f, uint32_t first)
{
        struct mailbox *m = s->to;
        struct rewrite *w = &s->mbox->rewrite;
        uint64_t size = (uint64_t)f->st.st_size;
        bool begun = false;
        int r = rewrite_move(w, 0, size);
        for (size_t i = 0; i < s->n && r == 0; i++)
                r = say_item(s, &s->items[i], first + (uint32_t)i, size == 0 && i == 0);
        w->progress = (struct rewrite_progress){mbox_file_tell, f};
        mbox_file_begin_long(f, true);
        if (r == 0)
                r = rewrite_run(w, f->fd, size, &begun);
        m->look_again |= begun && r < 0;
        return r < 0 ? error_set(m->store, r, "append", m->place.file) : 0;
}

/* X-IMAPbase of the first message names the keywords of those that come; and without it nobody believes their
 * UIDs, which clients are about to be told. */
static int write_base(struct save *s, struct mbox_file *f)
{
        const struct mailbox *m = s->to;
        bool there = m->index.head.truth.list.lines & MBOX_TRUTH_BASE || !mbox_is_unwritten(m);
        struct mbox_changes c = {.keywords = false};
        for (size_t i = 0; i < s->n; i++)
                c.keywords |= s->items[i].keywords != 0;
        return there && !c.keywords ? 0 : mbox_write(f, &c);
}

/* The records come from the file, as those of everybody's mail. What is in the file has been appended, with
 * its UIDs: who cannot read it now does so later. */
static void enter(struct save *s, struct mbox_file *f)
{
        if (mbox_file_stat(f) < 0 || mbox_read_locked(f, 0) < 0)
                s->to->look_again = true;
}

static int assign_keywords(struct save *s)
{
        for (size_t i = 0; i < s->n; i++)
                for (uint64_t bits = s->items[i].keywords; bits; bits &= bits - 1) {
                        int r = opened_letters(s->to, bits & -bits);
                        if (r == -ENOBUFS)
                                s->items[i].keywords &= ~(bits & -bits);
                        else if (r < 0)
                                return r;
                }
        return 0;
}

int mbox_save_commit(struct save *s, struct save_result *ret, uint32_t *ret_first)
{
        struct mailbox *m = s->to;
        _cleanup_(mbox_file_close) struct mbox_file f = MBOX_FILE_NONE;
        int r = mbox_begin(m, &f);
        if (r < 0)
                return r == -ESTALE ? -ENOENT : r;
        if (f.fd < 0)
                r = error_set(m->store, -EACCES, "open", m->place.file);
        else if (s->n) /* what was to be moved may be gone */
                r = mbox_end_file(&f);
        uint32_t first = MAX(m->index.head.truth.nextuid, 1u);
        if (r == 0 && (uint64_t)first + s->n >= UIDLIST_UID_MAX)
                r = error_text(m->store, -EOVERFLOW, "%s: no UIDs are left", m->place.file);
        if (r == 0)
                r = assign_keywords(s);
        if (r == 0 && s->n)
                r = write_base(s, &f);
        if (r == 0)
                r = mbox_guid_put(s, first);
        if (r == 0 && s->n)
                r = append(s, &f, first);
        if (r == 0 && s->n)
                enter(s, &f);
        ret->uidvalidity = m->index.head.truth.uidvalidity;
        mbox_file_close(&f);
        opened_commit(m);
        if (r < 0)
                return r;
        *ret_first = first;
        end_writing(s);
        return 0;
}

/* Beside the index, and without a name as soon as it is open. */
int mbox_save_spool(struct save *s, int *ret_fd)
{
        struct mailbox *m = s->to;
        int r = mbox_spool(m, ret_fd);
        return r < 0 ? error_set(m->store, r, "open", m->place.control) : 0;
}
