#ifndef PRIV_CONNECTION_H
#define PRIV_CONNECTION_H

/* One connection's life: edge and monitor are forked apart, the monitor becomes the session. */

#include "conf/conf.h"
#include "priv/protocol.h"
#include "wire/tls.h"

struct server {
        const struct protocol *protocol;
        const struct conf *conf;
        struct arena *arena;
        struct tls_context *tls_context; /* loaded once by an accept loop, else by the edge; may be NULL */
        bool preloaded;                  /* tls_context is as it should be */
};

/* Certificates and keys, and the shared ticket key. Logs what is wrong; TLS is then not offered. */
void server_load_tls(struct server *s);

/* Serves it to the end. The descriptors are the client's. */
void connection_serve(struct server *s, int in_fd, int out_fd, const struct peer *peer);

/* The same for a caller who needs no login: the process's own user. */
void connection_preauth(struct server *s, int in_fd, int out_fd, const struct peer *peer);

#endif
