#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/saved.h"

enum {
        SAVE_BUFFER = 64 * 1024,
        SAVE_STRIDE = 1024, /* bytes looked through for a CR at once: there may be none in a whole message */
};

int save_error(struct save *s, int r, const char *call, const char *below)
{
        return opened_error(s->to, r, call, below);
}

bool save_fsyncs(const struct save *s)
{
        return s->to->store->settings->mail_fsync != SETTINGS_FSYNC_NEVER;
}

void saved_free(struct saved *m)
{
        free(m->source);
        free(m->path);
        free(m->base);
        free(m->guid);
        free(m->own_guid);
        free(m->from_line);
        *m = (struct saved){0};
}

void saved_drop(struct save *s)
{
        fd_close_p(&s->spool_fd);
        s->spool_size = 0;
        s->to->format->save_drop(s);
        saved_free(&s->now);
        s->out.n = 0;
}

static int fail(struct save *s, int r)
{
        saved_drop(s);
        s->failed = r;
        return r;
}

int save_open(struct store *store, const char *mailbox, struct save **ret)
{
        _cleanup_(save_close) struct save *s = xcalloc(1, sizeof(*s));
        s->fd = s->spool_fd = -1;
        int r = opened_open(store, mailbox, &s->to);
        if (r < 0)
                return r;
        r = keywords_refresh(&s->to->keywords, s->to->control);
        if (r < 0)
                return save_error(s, r, "open", "dovecot-keywords");
        *ret = TAKE_PTR(s);
        return 0;
}

void save_close(struct save **sp)
{
        struct save *s = *sp;
        if (!s)
                return;
        if (s->to) {
                saved_drop(s);
                if (!s->committed)
                        s->to->format->save_undo(s);
        }
        for (size_t i = 0; i < s->n; i++)
                saved_free(&s->items[i]);
        free(s->items);
        buf_free(&s->out);
        buf_free(&s->expunge);
        mailbox_close(&s->to);
        free(s);
        *sp = NULL;
}

void saved_add(struct save *s)
{
        if (s->n == s->cap) {
                s->cap = s->cap ? s->cap * 2 : 16;
                s->items = xrealloc(s->items, s->cap * sizeof(*s->items));
        }
        s->items[s->n++] = s->now;
        s->now = (struct saved){0};
}

void saved_keyword(struct save *s, struct slice name)
{
        unsigned bit;
        if (name.n <= s->to->store->settings->mail_max_keyword_length &&
            keywords_bit(&s->to->keywords, name, true, &bit) == 0)
                s->now.keywords |= UINT64_C(1) << bit;
}

int save_begin(struct save *s, const struct save_message *m)
{
        if (s->failed)
                return s->failed;
        saved_drop(s);
        int r = s->to->format->save_begin(s);
        if (r < 0)
                return fail(s, r);
        s->now.flags = m->flags & FLAG_ALL;
        for (size_t i = 0; i < m->keywords_n; i++)
                saved_keyword(s, m->keywords[i]);
        s->internaldate = m->internaldate;
        s->now.date = m->internaldate == -1 ? 0 : m->internaldate;
        s->announced = 0;
        s->size = s->bare_lf = 0;
        s->pending_cr = false;
        s->last = 0;
        return 0;
}

int save_expect(struct save *s, uint64_t size)
{
        int r = s->failed ? s->failed : account_check(s, size);
        if (r < 0)
                return fail(s, r);
        s->announced = MAX(s->announced, size);
        return 0;
}

static int flush(struct save *s)
{
        int r = s->to->format->save_bytes(s, buf_slice(&s->out));
        s->out.n = 0;
        return r < 0 ? fail(s, r) : 0;
}

static int store_bytes(struct save *s, struct slice bytes)
{
        if (bytes.n == 0)
                return 0;
        buf_append(&s->out, bytes);
        s->size += bytes.n;
        s->last = bytes.p[bytes.n - 1];
        return s->out.n >= SAVE_BUFFER ? flush(s) : 0;
}

/* A line end, as LF; after a CR that is text, CR LF is kept, or the two would become one line end. */
static int store_lf(struct save *s, bool had_cr)
{
        if (s->last == '\r')
                return store_bytes(s, had_cr ? SLICE("\r\n") : SLICE("\n"));
        s->bare_lf++;
        return store_bytes(s, SLICE("\n"));
}

int save_write(struct save *s, struct slice bytes)
{
        if (s->failed)
                return s->failed;
        int r = 0;
        while (bytes.n && r == 0) {
                if (s->pending_cr) {
                        s->pending_cr = false;
                        if (bytes.p[0] == '\n') {
                                bytes = slice_from(bytes, 1);
                                r = store_lf(s, true);
                                continue;
                        }
                        r = store_bytes(s, SLICE("\r"));
                        continue;
                }
                struct slice near = slice_head(bytes, SAVE_STRIDE);
                size_t n = slice_find(slice_head(near, slice_find(near, '\r')), '\n');
                bool line_end = n < near.n;
                r = store_bytes(s, slice_head(near, n));
                if (r == 0 && line_end) {
                        if (bytes.p[n] == '\r')
                                s->pending_cr = true;
                        else
                                r = store_lf(s, false);
                }
                bytes = slice_from(bytes, n + line_end);
        }
        return r;
}

int save_end(struct save *s)
{
        if (s->failed)
                return s->failed;
        int r = s->pending_cr ? store_bytes(s, SLICE("\r")) : 0;
        s->pending_cr = false;
        if (r == 0)
                r = flush(s);
        if (r < 0)
                return r;
        uint64_t takes = account_bytes(s->to->store, s->size, s->size + s->bare_lf);
        if (takes > s->announced && (r = account_check(s, takes)) < 0)
                return fail(s, r);
        s->now.size = s->size + s->bare_lf;
        s->now.bytes = s->size;
        r = s->to->format->save_end(s);
        if (r < 0)
                return fail(s, r);
        s->now.moves = s->moves;
        if (!s->within) {
                s->room.bytes += takes;
                s->room.messages++;
        }
        saved_add(s);
        return 0;
}
