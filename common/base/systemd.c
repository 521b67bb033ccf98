#include "base/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/number.h"

static bool environment_number(const char *name, uint32_t *ret)
{
        return slice_to_u32(slice_of(getenv(name)), ret) == 0;
}

int systemd_listen_fds(void)
{
        uint32_t pid, n;
        if (!environment_number("LISTEN_PID", &pid) || pid != (uint32_t)getpid() ||
            !environment_number("LISTEN_FDS", &n) || n > SYSTEMD_LISTEN_MAX)
                return 0;
        for (int fd = SYSTEMD_LISTEN_START; fd < SYSTEMD_LISTEN_START + (int)n; fd++) {
                int flags = fcntl(fd, F_GETFD);
                if (flags >= 0)
                        (void)!fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
        }
        return (int)n;
}

struct slice systemd_listen_name(int number)
{
        struct slice names = slice_of(getenv("LISTEN_FDNAMES"));
        for (; number > 0; number--)
                names = slice_from(names, slice_find(names, ':') + 1);
        return slice_head(names, slice_find(names, ':'));
}

/* An abstract name begins with "@". False: it is no address of a local socket. */
static bool local_address(struct slice path, struct sockaddr_un *ret, socklen_t *ret_n)
{
        *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
        if (path.n < 2 || path.n >= sizeof(ret->sun_path) || (path.p[0] != '/' && path.p[0] != '@'))
                return false;
        memcpy(ret->sun_path, path.p, path.n);
        if (path.p[0] == '@')
                ret->sun_path[0] = '\0';
        *ret_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n);
        return true;
}

void systemd_notify(struct slice state)
{
        struct sockaddr_un to;
        socklen_t n;
        if (!local_address(slice_of(getenv("NOTIFY_SOCKET")), &to, &n))
                return;
        _cleanup_(fd_close_p) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0)
                (void)!sendto(fd, state.p, state.n, MSG_NOSIGNAL, (struct sockaddr *)&to, n);
}

int systemd_journal_open(void)
{
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        return fd < 0 ? -errno : fd;
}

/* Not connected: the journal may be started again at any time. */
void systemd_journal_send(int fd, struct iovec *fields, size_t n)
{
        struct sockaddr_un to;
        struct msghdr message = {.msg_name = &to, .msg_iov = fields, .msg_iovlen = n};
        if (local_address(SLICE(SYSTEMD_JOURNAL_SOCKET), &to, &message.msg_namelen))
                (void)!sendmsg(fd, &message, MSG_NOSIGNAL);
}
