#ifndef WIRE_TLS_H
#define WIRE_TLS_H

/* TLS by GnuTLS: the server's credentials, and one session on a connection. Only the edge runs a session;
 * what it decrypts reaches mail through a relay (wire/relay.h). */

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "conf/settings.h"

struct conf;
struct tls_context;
struct tls_session;
struct conn;

/* Reads the files of certificates and keys: the settings' own and those of every local_name section (SNI).
 * They are only read: GnuTLS sees them in the process that makes a handshake, or in tls_context_check(). With
 * ssl = no, *ret is NULL. On error *ret_error (in the arena) says which file and why. The conf and the
 * settings must outlive the context. 0; -ENOENT when TLS is on but no certificate is configured (ssl_cert
 * empty) or a file is missing; -errno. */
int tls_context_load(const struct conf *conf, const struct settings *settings, struct arena *arena,
                     struct tls_context **ret, const char **ret_error);
void tls_context_free(struct tls_context **c); /* NULL is fine */

/* Whether chain and key are what they should be: of the default pair, or of all. Leaves traces of keys in
 * this process: for an edge, or a child that ends. 0 or -EINVAL. */
int tls_context_check(struct tls_context *c, bool all, struct arena *arena, const char **ret_error);

/* Leaves keys out of (or lets them into) the memory of children that are forked from now on. In a child that
 * they were kept from the context must not be used or freed. NULL is fine. */
void tls_context_hide(struct tls_context *c, bool from_children);

/* Takes the key for session tickets (RFC 5077, RFC 8446 section 2.2) from `dir`/ticket.key, which all
 * processes of this host share; makes a new one when there is none or it is older than a day. Does
 * nothing while the key it took is younger: a process that stays calls it now and then. Without a usable
 * directory tickets stay off. */
void tls_context_share_tickets(struct tls_context *c, const char *dir);

/* The handshake, on the connection's descriptors; what was read before it and is unread is thrown away. On
 * success the connection reads and writes through TLS. *ret_error: static or GnuTLS' text. 0; -ETIMEDOUT;
 * -EPROTO; -EPIPE. */
int tls_start(struct conn *c, struct tls_context *context, deadline_t deadline, const char **ret_error);

/* "TLSv1.3 with cipher AES-256-GCM (256/256 bits)", in the buffer. */
void tls_describe(const struct tls_session *s, struct buf *to);

/* For wire/conn.c. Bytes, 0 at the end, -EAGAIN, -EPIPE, -EPROTO. */
ssize_t tls_read(struct tls_session *s, void *to, size_t n);
ssize_t tls_write(struct tls_session *s, struct slice bytes);
bool tls_read_pending(const struct tls_session *s);
void tls_session_free(struct tls_session **s);

#endif
