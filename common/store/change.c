/* Flags and expunge. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/maildir.h"
#include "store/quota.h"

enum { CHANGE_TRIES = 5 /* others rename the same files at the same time */ };

/* One STORE or EXPUNGE while it is carried out. */
struct change {
        struct mailbox *m;
        const uint32_t *seqs;
        size_t n;
        struct index_flags flags;
        uint64_t since;     /* what was changed later is left alone */
        uint32_t *modified; /* sequence numbers of that */
        size_t modified_n;
        struct touch touch;
        struct buf done; /* uint32_t: UIDs */
        bool counts;     /* for the quota */
        struct quota_sum gone;
        struct buf again; /* uint32_t: sequence numbers whose files were not where they should be */
};

static void change_free(struct change *c)
{
        touch_free(&c->touch);
        buf_free(&c->done);
        buf_free(&c->again);
}

static void put(struct buf *b, uint32_t number)
{
        buf_append(b, slice_make(&number, sizeof(number)));
}

/* Letters for keywords that no message had until now. */
static int ensure_letters(struct mailbox *m, uint64_t keywords)
{
        uint32_t letters;
        if (keywords_letters(&m->keywords, keywords, &letters))
                return 0;
        int r = uidlist_lock(&m->uidlist);
        if (r < 0)
                return maildir_error(m, r, r == -ETIMEDOUT ? "lock" : "open", UIDLIST_NAME);
        r = keywords_assign(&m->keywords, m->control, &m->perm, keywords);
        uidlist_unlock(&m->uidlist);
        if (r == -ENOBUFS)
                return error_text(m->store, r, "%s: all %d keywords are in use", m->place.dir,
                                  KEYWORDS_LETTERS);
        return r < 0 ? maildir_error(m, r, "write", "dovecot-keywords") : 0;
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

static int rename_one(struct change *c, const struct record *rec)
{
        struct mailbox *m = c->m;
        uint8_t flags;
        uint32_t letters;
        index_flags_apply(&c->flags, rec, &flags, &letters);
        if (flags == rec->flags && letters == rec->letters)
                return 0;
        char from_text[600], to_text[600];
        struct buf from = {.p = from_text, .cap = sizeof(from_text), .max = sizeof(from_text) - 1};
        struct buf to = {.p = to_text, .cap = sizeof(to_text), .max = sizeof(to_text) - 1};
        maildir_path(m, rec, &from);
        buf_str(&to, "cur/");
        buf_str(&to, index_base(&m->index, rec));
        if (rec->state & RECORD_ODD) {
                _cleanup_(buf_free) struct buf old = {0};
                index_info(&m->index, rec, &old);
                filename_info_format(&to, buf_slice(&old), flags, letters);
        } else {
                filename_info_format(&to, SLICE_NULL, flags, letters);
        }
        if (from.error || to.error)
                return maildir_error(m, -ENAMETOOLONG, "rename", "cur");
        from_text[from.n] = to_text[to.n] = '\0';
        if (renameat(m->dir, from_text, m->dir, to_text) < 0)
                return errno == ENOENT ? -ENOENT : maildir_error(m, -errno, "rename", from_text);
        bool from_new = rec->state & RECORD_IN_NEW;
        touch_did(&c->touch, from_new ? 1 : 0, from_new ? 1 : 2);
        put(&c->done, rec->uid);
        return 0;
}

static int unlink_one(struct change *c, const struct record *rec)
{
        struct mailbox *m = c->m;
        _cleanup_(buf_free) struct buf path = {0};
        maildir_path(m, rec, &path);
        uint64_t size = c->counts ? maildir_bytes(m, rec) : 0;
        if (unlinkat(m->dir, buf_cstr(&path), 0) < 0)
                return errno == ENOENT ? -ENOENT : maildir_error(m, -errno, "unlink", buf_cstr(&path));
        bool from_new = rec->state & RECORD_IN_NEW;
        touch_did(&c->touch, from_new ? 1 : 0, from_new ? 0 : 1);
        c->gone.bytes += size;
        c->gone.messages++;
        put(&c->done, rec->uid);
        return 0;
}

/* RFC 7162 section 3.1.3: 0 asks whether the keywords are there; a system flag always is. */
static bool was_modified(const struct change *c, const struct record *rec)
{
        const struct index_flags *f = &c->flags;
        bool absent = c->since == 0 && !f->add && !f->remove && !(rec->letters & f->add_letters);
        return rec->modseq > c->since && index_is_live(rec) && !absent;
}

static int each(struct change *c, int (*one)(struct change *, const struct record *))
{
        for (size_t i = 0; i < c->n; i++) {
                const struct record *rec = maildir_record(c->m, c->seqs[i]);
                user_step(c->m->store, i, c->n);
                if (was_modified(c, rec)) {
                        c->modified[c->modified_n++] = c->seqs[i];
                        continue;
                }
                int r = index_is_live(rec) ? one(c, rec) : c->m->ghosts ? -ENOENT : 0;
                if (r == -ENOENT)
                        put(&c->again, c->seqs[i]);
                else if (r < 0)
                        return r;
        }
        return 0;
}

/* Under one lock: the files, then what the index says of them. What was done is entered whatever happened. */
static int attempt(struct change *c, int (*one)(struct change *, const struct record *))
{
        struct mailbox *m = c->m;
        int r = maildir_begin(m);
        if (r < 0)
                return r;
        c->done.n = c->again.n = 0;
        struct index_truth truth = m->index.head.truth;
        touch_begin(&c->touch, m, &truth);
        r = each(c, one);
        touch_end(&c->touch, &truth);
        const uint32_t *uids = (const uint32_t *)(const void *)c->done.p;
        size_t n = c->done.n / sizeof(*uids);
        if (one == rename_one)
                index_set_flags(&m->index, &c->flags, uids, n);
        else
                index_expunge(&m->index, uids, n);
        if (n)
                index_set_truth(&m->index, &truth);
        maildir_commit(m);
        return r;
}

static int sync_dir(struct mailbox *m)
{
        if (m->store->settings->mail_fsync != SETTINGS_FSYNC_ALWAYS)
                return 0;
        _cleanup_(fd_close_p) int fd = openat(m->dir, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 || fsync(fd) < 0 ? maildir_error(m, -errno, "fsync", "cur") : 0;
}

/* What others moved meanwhile is looked for and tried again. */
static int change_all(struct change *c, int (*one)(struct change *, const struct record *), enum flags_op op,
                      struct flags flags)
{
        _cleanup_(buf_free) struct buf left = {0};
        for (int i = 0; i < CHANGE_TRIES; i++) {
                int r = 0;
                if (one == rename_one) {
                        r = ensure_letters(c->m, op == FLAGS_REMOVE ? 0 : flags.keywords);
                        if (r == 0)
                                r = flags_to_change(c->m, op, flags, &c->flags);
                        if (r == -EAGAIN)
                                continue;
                }
                if (r == 0)
                        r = attempt(c, one);
                if (r < 0)
                        return r;
                if (c->again.n == 0)
                        return sync_dir(c->m);
                left.n = 0;
                buf_append(&left, buf_slice(&c->again));
                c->seqs = (const uint32_t *)(const void *)left.p;
                c->n = left.n / sizeof(uint32_t);
                r = maildir_sync(c->m, true);
                if (r < 0)
                        return r;
        }
        return maildir_error(c->m, -EIO, one == rename_one ? "rename" : "unlink", "cur");
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
                return maildir_error(m, -EROFS, "rename", "cur");
        flags.system &= FLAG_ALL;
        _cleanup_(change_free) struct change c = {
                .m = m, .seqs = seqs, .n = n, .since = since, .modified = modified, .touch = TOUCH_NONE};
        int r = change_all(&c, rename_one, op, flags);
        if (r < 0)
                return r;
        /* those whose files had to be looked for came later */
        if (c.modified_n)
                qsort(modified, c.modified_n, sizeof(*modified), by_number);
        size_t gone = 0;
        for (size_t i = 0; i < n; i++)
                gone += !index_is_live(maildir_record(m, seqs[i]));
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
                return maildir_error(m, -EROFS, "unlink", "cur");
        _cleanup_(change_free) struct change c = {.m = m,
                                                  .seqs = seqs,
                                                  .n = n,
                                                  .since = UINT64_MAX,
                                                  .counts = quota_counts(m->store, &m->place),
                                                  .touch = TOUCH_NONE};
        int r = change_all(&c, unlink_one, FLAGS_SET, (struct flags){0});
        if (c.counts)
                quota_change(m->store, -(int64_t)c.gone.bytes, -(int64_t)c.gone.messages);
        return r;
}

int mailbox_raise_modseq(struct mailbox *m)
{
        int r = maildir_begin(m);
        if (r < 0)
                return r;
        index_raise_modseq(&m->index);
        maildir_commit(m);
        return 0;
}
