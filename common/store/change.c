/* Flags and expunge. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/change.h"
#include "store/error.h"
#include "store/opened.h"

enum { CHANGE_TRIES = 5 /* others rename the same files at the same time */ };

static void change_free(struct change *c)
{
        buf_free(&c->done);
        buf_free(&c->again);
}

void change_put(struct buf *b, uint32_t number)
{
        buf_append(b, slice_make(&number, sizeof(number)));
}

int opened_letters(struct mailbox *m, uint64_t keywords)
{
        uint32_t letters;
        if (keywords_letters(&m->keywords, keywords, &letters))
                return 0;
        int r = uidlist_lock(&m->uidlist);
        if (r < 0)
                return opened_error(m, r, r == -ETIMEDOUT ? "lock" : "open", UIDLIST_NAME);
        r = keywords_assign(&m->keywords, m->control, &m->perm, keywords);
        uidlist_unlock(&m->uidlist);
        if (r == -ENOBUFS)
                return error_text(m->store, r, "%s: all %d keywords are in use", m->place.dir,
                                  KEYWORDS_LETTERS);
        return r < 0 ? opened_error(m, r, "write", "dovecot-keywords") : 0;
}

/* Letters that have no name stay in any case. -EAGAIN: another session has just rewritten the names. */
static int flags_to_change(struct mailbox *m, enum flags_op op, struct flags flags, struct index_flags *ret)
{
        uint32_t letters;
        if (op == FLAGS_REMOVE) {
                letters = keywords_known_letters(&m->keywords, flags.keywords);
                *ret = (struct index_flags){.remove = flags.system, .remove_letters = letters};
                return 0;
        }
        if (!keywords_letters(&m->keywords, flags.keywords, &letters))
                return -EAGAIN;
        *ret = (struct index_flags){.add = flags.system, .add_letters = letters};
        if (op == FLAGS_SET) {
                ret->remove = FLAG_ALL;
                ret->remove_letters = keywords_known_letters(&m->keywords, UINT64_MAX);
        }
        return 0;
}

/* RFC 7162 section 3.1.3: 0 asks whether the keywords are there; a system flag always is. */
static bool was_modified(const struct change *c, const struct record *rec)
{
        const struct index_flags *f = &c->flags;
        bool absent = c->since == 0 && !f->add && !f->remove && !(rec->letters & f->add_letters);
        return rec->modseq > c->since && index_is_live(rec) && !absent;
}

int change_each(struct change *c, int (*one)(void *, const struct record *), void *context)
{
        for (size_t i = 0; i < c->n; i++) {
                const struct record *rec = opened_record(c->m, c->seqs[i]);
                if (was_modified(c, rec)) {
                        c->modified[c->modified_n++] = c->seqs[i];
                        continue;
                }
                int r = index_is_live(rec) ? one(context, rec) : c->m->ghosts ? -ENOENT : 0;
                if (r == -ENOENT)
                        change_put(&c->again, c->seqs[i]);
                else if (r < 0)
                        return r;
        }
        return 0;
}

/* What others moved meanwhile is looked for and tried again. */
static int change_all(struct change *c, enum flags_op op, struct flags flags)
{
        _cleanup_(buf_free) struct buf left = {0};
        for (int i = 0; i < CHANGE_TRIES; i++) {
                int r = 0;
                if (!c->expunge) {
                        r = opened_letters(c->m, op == FLAGS_REMOVE ? 0 : flags.keywords);
                        if (r == 0)
                                r = flags_to_change(c->m, op, flags, &c->flags);
                        if (r == -EAGAIN)
                                continue;
                }
                if (r == 0)
                        r = c->m->format->change(c);
                if (r < 0)
                        return r;
                if (c->again.n == 0)
                        return 0;
                left.n = 0;
                buf_append(&left, buf_slice(&c->again));
                c->seqs = (const uint32_t *)(const void *)left.p;
                c->n = left.n / sizeof(uint32_t);
                r = opened_sync(c->m, true);
                if (r < 0)
                        return r;
        }
        return opened_error(c->m, -EIO, c->expunge ? "unlink" : "rename", "cur");
}

static int by_number(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        return x < y ? -1 : x > y;
}

int mailbox_store_flags_since(struct mailbox *m, const uint32_t *seqs, size_t n, enum flags_op op,
                              struct flags flags, uint64_t since, uint32_t *modified, size_t *ret_modified,
                              size_t *ret_gone)
{
        if (m->read_only)
                return opened_error(m, -EROFS, "rename", "cur");
        flags.system &= FLAG_ALL;
        _cleanup_(change_free) struct change c = {
                .m = m, .seqs = seqs, .n = n, .since = since, .modified = modified};
        int r = change_all(&c, op, flags);
        if (r < 0)
                return r;
        /* those whose files had to be looked for came later */
        if (c.modified_n)
                qsort(modified, c.modified_n, sizeof(*modified), by_number);
        size_t gone = 0;
        for (size_t i = 0; i < n; i++)
                gone += !index_is_live(opened_record(m, seqs[i]));
        *ret_modified = c.modified_n;
        *ret_gone = gone;
        return 0;
}

int mailbox_store_flags(struct mailbox *m, const uint32_t *seqs, size_t n, enum flags_op op,
                        struct flags flags, size_t *ret_gone)
{
        size_t none;
        return mailbox_store_flags_since(m, seqs, n, op, flags, UINT64_MAX, NULL, &none, ret_gone);
}

int mailbox_expunge(struct mailbox *m, const uint32_t *seqs, size_t n)
{
        if (m->read_only)
                return opened_error(m, -EROFS, "unlink", "cur");
        _cleanup_(change_free) struct change c = {.m = m,
                                                  .seqs = seqs,
                                                  .n = n,
                                                  .since = UINT64_MAX,
                                                  .expunge = true,
                                                  .counts = quota_counts(m->store, &m->place)};
        int r = change_all(&c, FLAGS_SET, (struct flags){0});
        if (c.counts)
                quota_change(m->store, -(int64_t)c.gone.bytes, -(int64_t)c.gone.messages);
        return r;
}

int mailbox_raise_modseq(struct mailbox *m)
{
        int r = opened_begin(m);
        if (r < 0)
                return r;
        index_raise_modseq(&m->index);
        opened_commit(m);
        return 0;
}
