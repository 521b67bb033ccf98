/* Flags and expunge in a Maildir: names of files. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/change.h"
#include "store/maildir.h"

/* A change with what tells it from the changes of others. */
struct renaming {
        struct change *c;
        struct touch touch;
        size_t messages; /* up to now */
};

static int rename_one(void *context, const struct record *rec)
{
        struct renaming *t = context;
        struct change *c = t->c;
        struct mailbox *m = c->m;
        uint8_t flags;
        uint32_t letters;
        user_step(m->store, t->messages++, c->n);
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
                return opened_error(m, -ENAMETOOLONG, "rename", "cur");
        from_text[from.n] = to_text[to.n] = '\0';
        if (renameat(m->dir, from_text, m->dir, to_text) < 0)
                return errno == ENOENT ? -ENOENT : opened_error(m, -errno, "rename", from_text);
        bool from_new = rec->state & RECORD_IN_NEW;
        touch_did(&t->touch, from_new ? 1 : 0, from_new ? 1 : 2);
        change_put(&c->done, rec->uid);
        return 0;
}

static int unlink_one(void *context, const struct record *rec)
{
        struct renaming *t = context;
        struct change *c = t->c;
        struct mailbox *m = c->m;
        _cleanup_(buf_free) struct buf path = {0};
        user_step(m->store, t->messages++, c->n);
        maildir_path(m, rec, &path);
        uint64_t size = c->counts ? maildir_bytes(m, rec) : 0;
        if (unlinkat(m->dir, buf_cstr(&path), 0) < 0)
                return errno == ENOENT ? -ENOENT : opened_error(m, -errno, "unlink", buf_cstr(&path));
        bool from_new = rec->state & RECORD_IN_NEW;
        touch_did(&t->touch, from_new ? 1 : 0, from_new ? 0 : 1);
        c->gone.bytes += size;
        c->gone.messages++;
        change_put(&c->done, rec->uid);
        return 0;
}

static int sync_dir(struct mailbox *m)
{
        if (m->store->settings->mail_fsync != SETTINGS_FSYNC_ALWAYS)
                return 0;
        _cleanup_(fd_close_p) int fd = openat(m->dir, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 || fsync(fd) < 0 ? opened_error(m, -errno, "fsync", "cur") : 0;
}

/* The files, then what the index says of them. What was done is entered whatever happened. */
int maildir_change(struct change *c)
{
        struct mailbox *m = c->m;
        struct renaming t = {.c = c};
        int r = opened_begin(m);
        if (r < 0)
                return r;
        c->done.n = c->again.n = 0;
        struct index_truth truth = m->index.head.truth;
        touch_begin(&t.touch, m, &truth);
        r = change_each(c, c->expunge ? unlink_one : rename_one, &t);
        touch_end(&t.touch, &truth);
        const uint32_t *uids = (const uint32_t *)(const void *)c->done.p;
        size_t n = c->done.n / sizeof(*uids);
        if (c->expunge)
                index_expunge(&m->index, uids, n);
        else
                index_set_flags(&m->index, &c->flags, uids, n);
        if (n)
                index_set_truth(&m->index, &truth);
        opened_commit(m);
        return r < 0 || c->again.n ? r : sync_dir(m);
}
