#include "store/mbox_tree.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "store/error.h"

bool mbox_tree_is_apart(const struct folder_place *f)
{
        const struct location *l = &f->ns->location;
        return !f->inbox && l->control && strcmp(l->control, l->root) != 0;
}

int mbox_tree_lock(struct store *s, const struct folder_place *f, bool alone, int *ret_fd)
{
        _cleanup_(fd_close_p) int fd = -1;
        const struct lock_waiter waiter = user_waiter(s);
        int r = folder_open_control_root(s, f->ns, &fd);
        if (r < 0)
                return r;
        r = dirlock_acquire(fd, !alone, deadline_in_ms(s->settings->mbox_lock_timeout), &waiter);
        if (r == -ETIMEDOUT)
                return error_text(s, r, "mailbox \"%s\": %s", f->name,
                                  alone ? "folders are being changed" : "folders are being renamed");
        *ret_fd = TAKE_FD(fd);
        return 0;
}
