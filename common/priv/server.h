#ifndef PRIV_SERVER_H
#define PRIV_SERVER_H

/* What is the same for all connections of a server: settings, certificates, where its edges live. */

#include "conf/conf.h"
#include "priv/protocol.h"

struct tls_context;

struct server {
        const struct protocol *protocol;
        const struct conf *conf;  /* by server_take_settings(), with the next */
        struct settings settings; /* as they are before a connection is known */
        struct arena *arena;
        struct tls_context *tls_context; /* read once by an accept loop, else by the edge; may be NULL */
        bool without_tls;                /* the settings want none */
        bool preloaded;                  /* tls_context is as it should be */
        uid_t edge_uid;                  /* by server_prepare_edge() */
        gid_t edge_gid;
        const char *edge_root;
};

/* Takes what was loaded, for this protocol. 0 or -errno. */
int server_take_settings(struct server *s, const struct conf *conf);

/* Looks up default_login_user in /etc/passwd (65534, nobody, where it is missing) and makes the empty root
 * directory below base_dir: once, not for each connection. 0 or -errno, logged. */
int server_prepare_edge(struct server *s);

/* Reads the certificates and keys of these settings, and the shared ticket key. Logs what is wrong; TLS is
 * then not offered. */
void server_load_tls(struct server *s, const struct settings *settings);
/* Tries them in a child, so that no trace of a key stays in this process; drops (and logs) what cannot be
 * used. */
void server_check_tls(struct server *s);
/* The same here, in the process that is to use them; `all`: those of every name too. */
void server_try_tls(struct server *s, bool all);

#endif
