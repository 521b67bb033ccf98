#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/saved.h"

enum { COMMIT_TRIES = 3 /* a uidlist that must be made anew first */ };

/* A list that is missing or damaged is made anew by opening the folder, so that messages that are there
 * already get their UIDs first. */
static int lock_list(struct save *s, struct uidlist *u)
{
        for (int i = 0; i < COMMIT_TRIES; i++) {
                int r = uidlist_lock(u);
                if (r < 0)
                        return save_error(s, r, r == -ETIMEDOUT ? "lock" : "open", UIDLIST_NAME);
                if (!u->rewrite)
                        return 0;
                uidlist_unlock(u);
                _cleanup_(mailbox_close) struct mailbox *m = NULL;
                r = mailbox_open(s->store, s->place.name, true, &m);
                if (r < 0)
                        return r;
        }
        return save_error(s, -EIO, "write", UIDLIST_NAME);
}

/* Letters for all keywords; those that the folder has no room for are left out one by one. */
static int assign_keywords(struct save *s)
{
        uint64_t bits = 0, out = 0;
        for (size_t i = 0; i < s->n; i++)
                bits |= s->items[i].keywords;
        for (; bits; bits &= bits - 1) {
                uint64_t bit = bits & -bits;
                int r = keywords_assign(&s->keywords, s->control, &s->perm, bit);
                if (r == -ENOBUFS)
                        out |= bit;
                else if (r < 0)
                        return save_error(s, r, "write", "dovecot-keywords");
        }
        for (size_t i = 0; i < s->n; i++)
                s->items[i].keywords &= ~out;
        return 0;
}

/* As Dovecot: what has no flags is new mail, what has some is not. */
static char *path_of(const struct save *s, const struct saved *item)
{
        uint32_t letters = 0;
        (void)keywords_letters(&s->keywords, item->keywords, &letters);
        if (!item->flags && !letters)
                return xasprintf("new/%s", item->base);
        _cleanup_(buf_free) struct buf path = {0};
        buf_printf(&path, "cur/%s", item->base);
        filename_info_format(&path, SLICE_NULL, item->flags, letters);
        return xstrdup(buf_cstr(&path));
}

static int move_all(struct save *s)
{
        for (size_t i = 0; i < s->n; i++) {
                struct saved *item = &s->items[i];
                _cleanup_(free_p) char *path = path_of(s, item);
                if (renameat(s->dir, item->tmp, s->dir, path) < 0)
                        return save_error(s, -errno, "rename", path);
                item->path = TAKE_PTR(path);
        }
        return 0;
}

static int fsync_sub(struct save *s, const char *sub)
{
        _cleanup_(fd_close_p) int fd = openat(s->dir, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 || fsync(fd) < 0 ? save_error(s, -errno, "fsync", sub) : 0;
}

static int fsync_dirs(struct save *s)
{
        bool in_new = false, in_cur = false;
        for (size_t i = 0; i < s->n; i++) {
                bool is_new = slice_starts(slice_of(s->items[i].path), SLICE("new/"));
                in_new |= is_new;
                in_cur |= !is_new;
        }
        int r = 0;
        if (save_fsyncs(s) && in_new)
                r = fsync_sub(s, "new");
        if (save_fsyncs(s) && in_cur && r == 0)
                r = fsync_sub(s, "cur");
        return r;
}

/* With the uidlist locked. The files come first: who sees a UID finds its file. */
static int commit_locked(struct save *s, struct uidlist *u)
{
        if (u->nextuid + s->n >= UIDLIST_UID_MAX)
                return error_text(s->store, -EOVERFLOW, "%s: no UIDs are left", s->place.dir);
        _cleanup_(buf_free) struct buf lines = {0};
        for (size_t i = 0; i < s->n; i++)
                uidlist_line_format(&lines, &(struct uidlist_line){.uid = u->nextuid + (uint32_t)i,
                                                                   .base = slice_of(s->items[i].base)});
        int r = keywords_refresh(&s->keywords, s->control);
        if (r < 0)
                return save_error(s, r, "open", "dovecot-keywords");
        r = assign_keywords(s);
        if (r == 0)
                r = move_all(s);
        if (r == 0)
                r = fsync_dirs(s);
        if (r < 0)
                return r;
        r = uidlist_append(u, buf_slice(&lines));
        return r < 0 ? save_error(s, r, "write", UIDLIST_NAME) : 0;
}

int save_commit(struct save *s, struct arena *arena, struct save_result *ret)
{
        if (s->failed)
                return s->failed;
        _cleanup_(uidlist_free) struct uidlist u;
        uidlist_init(&u, s->control, &s->perm, save_fsyncs(s), true);
        int r = lock_list(s, &u);
        if (r == 0)
                r = commit_locked(s, &u);
        if (r < 0) {
                save_undo(s); /* before somebody gives UIDs to the files */
                s->failed = r;
                return r;
        }
        s->committed = true;
        struct save_result result = {.uidvalidity = u.uidvalidity, .n = s->n};
        result.uids = arena_array(arena, uint32_t, s->n);
        for (size_t i = 0; i < s->n; i++)
                result.uids[i] = u.nextuid + (uint32_t)i;
        *ret = result;
        return 0;
}
