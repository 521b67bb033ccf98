/* Bytes of an mbox's messages. They are copied out under the lock: it is not held while a client reads. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/mbox.h"
#include "store/mbox_quote.h"

enum {
        TEXT_TRIES = 5,             /* others change the file at the same time */
        TEXT_HEAP_MAX = 512 * 1024, /* larger ones are copied into a file without a name */
        /* ... or stay there, on a full disk: a session has 512 MB, and this may take three times as much */
        TEXT_FULL_MAX = 64 * 1024 * 1024,
        TEXT_STEP = 64 * 1024,
};

/* What was read of a message at once: most are small. The rest comes from the file. */
struct piece {
        struct mbox_source file;
        struct buf bytes;
        uint64_t at;
};

static void piece_free(struct piece *p)
{
        buf_free(&p->bytes);
}

static ssize_t piece_read(void *context, void *to, size_t n, uint64_t offset)
{
        const struct piece *p = context;
        if (offset < p->at || offset - p->at >= p->bytes.n)
                return p->file.read(p->file.context, to, n, offset);
        struct slice there = slice_head(slice_from(buf_slice(&p->bytes), (size_t)(offset - p->at)), n);
        memcpy(to, there.p, there.n);
        return (ssize_t)there.n;
}

/* Of the message at an offset its header, with what is looked at behind it, or all of it when it is not
 * large. */
static int piece_take(const struct mbox_source *file, uint64_t at, const struct mbox_extent *e, bool head,
                      struct piece *ret)
{
        uint64_t n = e->from_n + e->head_n + MBOX_FROM_MAX;
        if (!head && e->stored <= TEXT_HEAP_MAX)
                n = MAX(n, e->stored);
        n = MIN(n, (uint64_t)TEXT_HEAP_MAX);
        *ret = (struct piece){.file = *file, .at = at};
        ssize_t got = file->read(file->context, buf_reserve(&ret->bytes, n), n, at);
        if (got < 0)
                return (int)got;
        ret->bytes.n = (size_t)got;
        return 0;
}

static int read_error(const struct mbox_file *f, ssize_t n)
{
        return error_set(f->m->store, n < 0 ? (int)n : -EIO, "read", f->m->place.file);
}

static int read_all(const struct mbox_file *f, uint64_t at, char *to, size_t n)
{
        while (n) {
                ssize_t got = f->source.read(f->source.context, to, n, at);
                if (got <= 0)
                        return read_error(f, got);
                to += got;
                at += (uint64_t)got;
                n -= (size_t)got;
        }
        return 0;
}

/* The From_ line and the header as it is sent. What is beyond MBOX_HEAD_MAX is sent as it is: *ret_rest bytes
 * at the end of it, not read yet. */
static int read_head(const struct mbox_file *f, uint64_t at, const struct mbox_extent *e, struct buf *to,
                     uint64_t *ret_rest)
{
        struct mbox_scan scan;
        struct mbox_message msg;
        mbox_scan_begin(&scan, &f->source, at, false);
        scan.step = MBOX_HEAD_STEP;
        int r = mbox_scan_head(&scan, &msg);
        if (r <= 0 || msg.from_n != e->from_n || msg.head_n != e->head_n) {
                r = r < 0 && r != -EBADMSG ? r : -EIO;
                r = error_text(f->m->store, r, "%s: the message at byte %llu is not the one that was there",
                               f->m->place.file, (unsigned long long)at);
                f->m->look_again = true;
        } else {
                r = 0;
                buf_append(to, msg.from);
                mbox_head_visible(msg.head, to);
                *ret_rest = msg.head_n - msg.head.n;
        }
        mbox_scan_end(&scan);
        return r;
}

int mbox_body_length(const struct mbox_file *f, uint64_t at, uint64_t n, uint64_t *ret)
{
        char end[2];
        size_t k = MIN(n, sizeof(end));
        int r = read_all(f, at + n - k, end, k);
        if (r < 0)
                return r;
        struct slice s = slice_make(end, k);
        *ret = n - (slice_ends(s, SLICE("\r\n")) ? 2 : slice_ends(s, SLICE("\n")));
        return 0;
}

int mbox_spool(struct mailbox *m, int *ret_fd)
{
        _cleanup_(buf_free) struct buf name = {0};
        buf_str(&name, MBOX_SPOOL_NAME);
        filename_generate(&name, &m->store->last_name_us);
        int r = perm_create(m->control, buf_cstr(&name), &m->perm, ret_fd);
        if (r == 0)
                unlinkat(m->control, buf_cstr(&name), 0);
        return r;
}

/* Where the copy grows: on the heap, or in a file when it is a large one. */
struct copy {
        struct buf heap;
        int fd;
        uint64_t n;
};

static int copy_out(struct copy *c)
{
        c->n += c->heap.n;
        int r = c->fd < 0 ? 0 : fd_write_all(c->fd, buf_slice(&c->heap));
        if (c->fd >= 0)
                c->heap.n = 0;
        return r;
}

static int copy_bytes(const struct mbox_file *f, uint64_t at, uint64_t n, bool unquote, struct copy *c)
{
        struct mbox_quote q = {.unquote = true};
        _cleanup_(buf_free) struct buf piece = {0};
        int r = 0;
        for (uint64_t done = 0; done < n && r == 0;) {
                size_t k = (size_t)MIN(n - done, (uint64_t)TEXT_STEP);
                piece.n = 0;
                struct buf *to = unquote ? &piece : &c->heap;
                r = read_all(f, at + done, buf_reserve(to, k), k);
                if (r < 0)
                        return r;
                to->n += k;
                done += k;
                if (unquote)
                        mbox_quote_push(&q, buf_slice(&piece), &c->heap);
                if (c->fd >= 0)
                        r = copy_out(c);
        }
        if (unquote)
                mbox_quote_end(&q, &c->heap);
        return r;
}

static void give_slice(struct slice all, uint32_t from_n, struct message_text *ret)
{
        ret->from_line = slice_head(all, from_n);
        ret->raw = slice_from(all, from_n);
}

static int give(struct mbox_file *f, struct copy *c, uint32_t from_n, struct message_text *ret)
{
        if (c->fd < 0) {
                *ret = (struct message_text){.copy = c->heap.p};
                give_slice(buf_slice(&c->heap), from_n, ret);
                c->heap = (struct buf){0};
                return 0;
        }
        int r = copy_out(c);
        void *map = r < 0 ? MAP_FAILED : mmap(NULL, c->n, PROT_READ, MAP_PRIVATE, c->fd, 0);
        if (map == MAP_FAILED)
                return error_set(f->m->store, r < 0 ? r : -errno, "mmap", f->m->place.control);
        *ret = (struct message_text){.map = map, .map_size = c->n};
        give_slice(slice_make(map, c->n), from_n, ret);
        return 0;
}

static int read_message(struct mbox_file *f, uint64_t at, const struct mbox_extent *e, bool head, bool spool,
                        struct message_text *ret)
{
        uint64_t rest = 0, body = 0;
        struct copy c = {.fd = -1};
        int r = read_head(f, at, e, &c.heap, &rest);
        at += e->from_n + e->head_n;
        if (r == 0 && !head)
                r = mbox_body_length(f, at, e->stored - e->from_n - e->head_n, &body);
        if (r == 0 && rest + body > TEXT_HEAP_MAX && spool && mbox_spool(f->m, &c.fd) == 0)
                r = copy_out(&c);
        c.n = c.fd < 0 ? 0 : c.n;
        if (r == 0 && rest)
                r = copy_bytes(f, at - rest, rest, false, &c);
        if (r == 0 && body)
                r = copy_bytes(f, at, body, f->m->store->settings->mbox_unquote_from, &c);
        if (r == 0)
                r = give(f, &c, e->from_n, ret);
        buf_free(&c.heap);
        fd_close_p(&c.fd);
        return r;
}

static int read_row(struct mbox_file *f, uint32_t row, bool head, struct message_text *ret)
{
        const struct mbox_extent e = mbox_extent(f->m, &f->m->index.rows[row]);
        const struct mbox_source file = f->source;
        _cleanup_(piece_free) struct piece piece;
        uint64_t at = mbox_offset(f->m, row);
        int r = piece_take(&file, at, &e, head, &piece);
        if (r < 0)
                return read_error(f, r);
        f->source = (struct mbox_source){.read = piece_read, .context = &piece, .end = file.end};
        r = read_message(f, at, &e, head, true, ret);
        if ((r == -ENOSPC || r == -EDQUOT || r == -EFBIG) && e.stored <= TEXT_FULL_MAX)
                r = read_message(f, at, &e, head, false, ret);
        f->source = file;
        return r;
}

int mbox_text(struct mailbox *m, uint32_t seq, bool head, struct message_text *ret)
{
        for (int i = 0; i < TEXT_TRIES; i++) {
                _cleanup_(mbox_file_close) struct mbox_file f = MBOX_FILE_NONE;
                const struct record *rec = opened_record(m, seq);
                if (!index_is_live(rec) && !m->ghosts)
                        return error_text(m->store, -ENOENT, "%s: the message is gone", m->place.file);
                int r = mbox_file_open(m, false, &f);
                if (r < 0)
                        return r;
                if (f.fd >= 0 && index_is_live(rec) && mbox_file_is_known(&f)) {
                        r = read_row(&f, (uint32_t)(rec - m->index.rows), head, ret);
                        if (r == 0 || !m->look_again)
                                return r;
                }
                mbox_file_close(&f);
                r = opened_sync(m, m->ghosts);
                if (r < 0)
                        return r;
        }
        return error_text(m->store, -EIO, "%s changes all the time", m->place.file);
}
