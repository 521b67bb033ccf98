#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/error.h"
#include "store/opened.h"

int mailbox_watch(struct mailbox *m, int *ret_fd)
{
        if (m->watch < 0) {
                _cleanup_(fd_close_p) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
                if (fd < 0)
                        return error_set(m->store, -errno, "inotify_init1", m->place.dir);
                int r = m->format->watch(m, fd);
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
