#ifndef PRIV_CONNECTION_H
#define PRIV_CONNECTION_H

/* One connection's life: edge and monitor are forked apart, the monitor becomes the session. */

#include "priv/server.h"

struct listen_loop;

/* Serves one connection to its end: this process becomes the session, a child is the edge. The descriptors
 * are the client's. */
void connection_serve(struct server *s, int in_fd, int out_fd, const struct peer *peer);

/* The same from an accept loop, which goes on: edge and session are both its children, and only the edge's
 * memory has keys. */
void connection_fork(struct server *s, struct listen_loop *loop, int fd, const struct peer *peer);

/* For a caller who needs no login: the process's own user. */
void connection_preauth(struct server *s, int in_fd, int out_fd, const struct peer *peer);

#endif
