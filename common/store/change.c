/* Flags and expunge. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/maildir.h"

enum { CHANGE_TRIES = 5 /* others rename the same file at the same time */ };

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

static struct flags apply(struct flags old, enum flags_op op, struct flags flags)
{
        if (op == FLAGS_ADD)
                return (struct flags){old.keywords | flags.keywords, old.system | flags.system};
        if (op == FLAGS_REMOVE)
                return (struct flags){old.keywords & ~flags.keywords, (uint8_t)(old.system & ~flags.system)};
        return flags;
}

/* One rename. -EAGAIN: the file is not where it was. */
static int rename_one(struct mailbox *m, struct record *rec, enum flags_op op, struct flags flags)
{
        struct flags want = apply(maildir_flags(m, rec->info), op, flags);
        uint32_t letters = 0;
        if (!keywords_letters(&m->keywords, want.keywords, &letters))
                return -EAGAIN; /* another session has just rewritten the names */
        letters |= rec->info->letters & keywords_unnamed(&m->keywords);
        if (want.system == rec->info->flags && letters == rec->info->letters)
                return 0;
        _cleanup_(buf_free) struct buf from = {0}, to = {0}, info = {0};
        filename_info_format(&info, rec->info->text, want.system, letters);
        maildir_path(rec, &from);
        buf_append(&to, SLICE("cur/"));
        buf_append(&to, rec->base);
        buf_append(&to, buf_slice(&info));
        if (renameat(m->dir, buf_cstr(&from), m->dir, buf_cstr(&to)) < 0)
                return errno == ENOENT ? -EAGAIN : maildir_error(m, -errno, "rename", buf_cstr(&from));
        rec->info = maildir_info(m, buf_slice(&info));
        rec->in_new = false;
        rec->message.flags = maildir_flags(m, rec->info);
        return 0;
}

static int change_one(struct mailbox *m, struct record *rec, enum flags_op op, struct flags flags)
{
        for (int i = 0; i < CHANGE_TRIES; i++) {
                if (rec->message.gone)
                        return 0;
                int r = rename_one(m, rec, op, flags);
                if (r != -EAGAIN)
                        return r;
                r = maildir_sync(m, true);
                if (r == 0)
                        r = ensure_letters(m, op == FLAGS_REMOVE ? 0 : flags.keywords);
                if (r < 0)
                        return r;
        }
        return maildir_error(m, -EIO, "rename", "cur");
}

static int sync_dir(struct mailbox *m)
{
        if (m->store->settings->mail_fsync != SETTINGS_FSYNC_ALWAYS)
                return 0;
        _cleanup_(fd_close_p) int fd = openat(m->dir, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 || fsync(fd) < 0 ? maildir_error(m, -errno, "fsync", "cur") : 0;
}

int mailbox_store_flags(struct mailbox *m, const uint32_t *seqs, size_t n, enum flags_op op,
                        struct flags flags, size_t *ret_gone)
{
        if (m->read_only)
                return maildir_error(m, -EROFS, "rename", "cur");
        flags.system &= FLAG_ALL;
        size_t gone = 0;
        int r = op == FLAGS_REMOVE ? 0 : ensure_letters(m, flags.keywords);
        for (size_t i = 0; i < n && r == 0; i++) {
                struct record *rec = maildir_record(m, seqs[i]);
                r = change_one(m, rec, op, flags);
                gone += rec->message.gone;
        }
        if (r == 0)
                r = sync_dir(m);
        if (r == 0)
                *ret_gone = gone;
        return r;
}

int mailbox_expunge(struct mailbox *m, const uint32_t *seqs, size_t n)
{
        if (m->read_only)
                return maildir_error(m, -EROFS, "unlink", "cur");
        _cleanup_(buf_free) struct buf path = {0};
        for (size_t i = 0; i < n; i++) {
                struct record *rec = maildir_record(m, seqs[i]);
                for (int tries = 0; !rec->message.gone; tries++) {
                        path.n = 0;
                        maildir_path(rec, &path);
                        if (unlinkat(m->dir, buf_cstr(&path), 0) == 0) {
                                rec->message.gone = true;
                                rec->present = false;
                        } else if (errno != ENOENT || tries == CHANGE_TRIES) {
                                return maildir_error(m, -errno, "unlink", buf_cstr(&path));
                        } else {
                                int r = maildir_sync(m, true);
                                if (r < 0)
                                        return r;
                        }
                }
        }
        return sync_dir(m);
}
