#ifndef PRIV_LISTEN_H
#define PRIV_LISTEN_H

/* The accept loop: one initialised parent, one forked child a connection, limits, no privileges used on what
 * clients send. */

#include <sys/types.h>

#include "base/macro.h"
#include "priv/peer.h"

struct listener {
        int fd;
        bool implicit_tls;
};

struct listen_limits {
        uint32_t total;       /* connections at once */
        uint32_t per_source;  /* from one address; 0: no limit */
        int64_t idle_exit_ms; /* leave after so long without a connection; 0: never */
};

struct listen_loop;

/* What the loop asks of its owner. */
struct listen_owner {
        void *context;
        /* Called before accepting, at most once a second: re-read what changed; sets the limits. */
        void (*refresh)(void *context, struct listen_limits *limits);
        /* Starts the connection's processes with listen_fork() and returns; fd is closed in the parent
         * afterwards. */
        void (*serve)(void *context, struct listen_loop *loop, int fd, const struct peer *peer);
        /* In the parent: tells the client why it is not served; must not wait. */
        void (*refuse)(void *context, int fd, const struct peer *peer, const char *why);
};

/* For serve(): a child in which the listening sockets are closed and signals are as usual. the
 * edge's comes first; `counts`: the session's, with which the connection counts until both are gone. As
 * fork(). */
pid_t listen_fork(struct listen_loop *loop, const struct peer *peer, bool counts);

/* Runs until the quiet spell is over or SIGTERM/SIGINT; sessions that are running go on. 0 or -errno. */
int listen_run(const struct listener *listeners, size_t n, const struct listen_owner *owner);

#endif
