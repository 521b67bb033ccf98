/* inotify descriptors: of a folder that IDLE waits for, and those of a change that wants to know of other
 * changes (touch.c). Closing one waits until no processor looks at its watches any more, much longer than a
 * change takes: so those of changes are kept. */

#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/error.h"
#include "store/opened.h"

int watch_take(struct store *s)
{
        if (s->queues_n)
                return s->queues[--s->queues_n];
        int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

static void drain(int fd)
{
        char events[4096];
        while (read(fd, events, sizeof(events)) > 0)
                ;
}

void watch_give(struct store *s, int *fd, const int *watches, size_t n)
{
        if (*fd < 0)
                return;
        for (size_t i = 0; i < n; i++)
                if (watches[i] >= 0)
                        inotify_rm_watch(*fd, watches[i]);
        drain(*fd);
        if (s->queues_n < STORE_QUEUES_MAX)
                s->queues[s->queues_n++] = TAKE_FD(*fd);
        else
                fd_close_p(fd);
}

void store_rest(struct store *s)
{
        while (s->queues_n)
                fd_close_p(&s->queues[--s->queues_n]);
}

int mailbox_watch(struct mailbox *m, int *ret_fd)
{
        if (m->watch < 0) {
                _cleanup_(fd_close_p) int fd = watch_take(m->store);
                if (fd < 0)
                        return error_set(m->store, fd, "inotify_init1", m->place.dir);
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
        if (m->watch >= 0)
                drain(m->watch);
}
