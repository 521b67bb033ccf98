#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/error.h"
#include "store/maildir.h"

static int add_watch(struct mailbox *m, int fd, const char *name)
{
        _cleanup_(free_p) char *path = xasprintf("%s/%s", m->place.dir, name);
        uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
                        IN_ONLYDIR | IN_DONT_FOLLOW;
        if (inotify_add_watch(fd, path, mask) >= 0)
                return 0;
        return error_set(m->store, -errno, "inotify_add_watch", path);
}

int mailbox_watch(struct mailbox *m, int *ret_fd)
{
        if (m->watch < 0) {
                _cleanup_(fd_close_p) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
                if (fd < 0)
                        return error_set(m->store, -errno, "inotify_init1", m->place.dir);
                int r = add_watch(m, fd, "new");
                if (r == 0)
                        r = add_watch(m, fd, "cur");
                if (r < 0)
                        return r;
                m->watch = TAKE_FD(fd);
        }
        *ret_fd = m->watch;
        return 0;
}

void watch_drain(struct mailbox *m)
{
        /* what happened does not matter, the directories tell */
        char events[4096];
        while (m->watch >= 0 && read(m->watch, events, sizeof(events)) > 0)
                ;
}
