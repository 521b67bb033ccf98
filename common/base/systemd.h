#ifndef BASE_SYSTEMD_H
#define BASE_SYSTEMD_H

/* What systemd and a service say to each other: sd_listen_fds(3), sd_notify(3), and the journal's native
 * protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL). They are a few lines each; libsystemd would have
 * every connection's processes map seven libraries for them. */

#include <sys/uio.h>

#include "base/slice.h"

#define SYSTEMD_JOURNAL_SOCKET "/run/systemd/journal/socket"

enum {
        SYSTEMD_LISTEN_START = 3, /* the first descriptor that is passed */
        SYSTEMD_LISTEN_MAX = 1024 /* more are not believed in; nobody has so many sockets for one service */
};

/* How many descriptors were passed to this process; they are closed on exec from now on. */
int systemd_listen_fds(void);
/* FileDescriptorName= of one of them (from 0); empty when none was given. Points into the environment. */
struct slice systemd_listen_name(int number);

/* Tells the service manager, if there is one that wants to know: "READY=1". */
void systemd_notify(struct slice state);

/* A descriptor to send entries with, or -errno. */
int systemd_journal_open(void);
/* One entry: fields "KEY=value\n" without another LF. What cannot be sent is lost. */
void systemd_journal_send(int fd, struct iovec *fields, size_t n);

#endif
