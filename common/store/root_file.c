#include "store/root_file.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/lock.h"
#include "store/error.h"

static const char *directory(const struct user_namespace *ns)
{
        return ns->location.control ? ns->location.control : ns->location.root;
}

static int read_at(struct store *s, const struct user_namespace *ns, int dir, const char *name,
                   struct buf *to)
{
        int r = file_read_at(dir, name, to);
        return r == 0 || r == -ENOENT ? r : error_set_at(s, r, "open", directory(ns), name);
}

int root_file_read(struct store *s, const struct user_namespace *ns, const char *name, struct buf *to)
{
        _cleanup_(fd_close_p) int dir = -1;
        int r = folder_open_control_root(s, ns, &dir);
        return r < 0 ? r : read_at(s, ns, dir, name, to);
}

static int change(struct store *s, const struct user_namespace *ns, int dir, const struct perm *perm,
                  const char *name, size_t max, root_file_edit *edit, const void *arg)
{
        _cleanup_(buf_free) struct buf old = BUF_BOUNDED(max), text = BUF_BOUNDED(max);
        int r = read_at(s, ns, dir, name, &old);
        if (r == 0 || r == -ENOENT)
                r = edit(s, ns, r == 0 ? slice_make(old.n ? old.p : "", old.n) : SLICE_NULL, arg, &text);
        if (r <= 0)
                return r;
        r = text.error ? -ENOSPC
                       : perm_replace(dir, name, buf_slice(&text), perm,
                                      s->settings->mail_fsync != SETTINGS_FSYNC_NEVER);
        return r < 0 ? error_set_at(s, r, "write", directory(ns), name) : 0;
}

int root_file_change(struct store *s, const struct user_namespace *ns, const char *name, size_t max,
                     root_file_edit *edit, const void *arg)
{
        _cleanup_(fd_close_p) int dir = -1; /* open until the lock is released */
        _cleanup_(dotlock_release) struct dotlock lock = DOTLOCK_NONE;
        const struct lock_waiter waiter = user_waiter(s);
        struct perm perm;
        int r = folder_open_control_root(s, ns, &dir);
        if (r < 0)
                return r;
        r = perm_of(dir, &perm);
        if (r == 0)
                r = dotlock_acquire(dir, name, (int)perm.file, deadline_in_ms(USER_LOCK_WAIT_MS),
                                    USER_LOCK_STALE_MS, &waiter, &lock);
        if (r < 0) {
                _cleanup_(free_p) char *file = xasprintf("%s.lock", name);
                return error_set_at(s, r, r == -ETIMEDOUT ? "lock" : "open", directory(ns), file);
        }
        return change(s, ns, dir, &perm, name, max, edit, arg);
}
