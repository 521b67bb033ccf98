#include "wire/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "wire/conn.h"
#include "wire/tls_context.h"

struct tls_session {
        gnutls_session_t gnutls;
        int in_fd, out_fd;
};

static ssize_t pull(gnutls_transport_ptr_t p, void *to, size_t n)
{
        return read(((struct tls_session *)p)->in_fd, to, n);
}

static ssize_t push(gnutls_transport_ptr_t p, const void *from, size_t n)
{
        return write(((struct tls_session *)p)->out_fd, from, n);
}

static int pull_timeout(gnutls_transport_ptr_t p, unsigned ms)
{
        struct pollfd f = {.fd = ((struct tls_session *)p)->in_fd, .events = POLLIN};
        return poll(&f, 1, (int)ms);
}

/* The certificate follows the name that the client asks for (RFC 6066 section 3): the first local_name that
 * matches, else the default. A name nobody configured is no error. */
static int choose_by_name(gnutls_session_t session)
{
        struct tls_context *c = gnutls_session_get_ptr(session);
        char name[256];
        size_t n = sizeof(name);
        unsigned type;
        if (gnutls_server_name_get(session, name, &n, &type, 0) != 0 || type != GNUTLS_NAME_DNS)
                return 0;
        gnutls_certificate_credentials_t by_name = tls_context_credentials_for(c, slice_of(name));
        return by_name ? gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, by_name) : 0;
}

void tls_session_free(struct tls_session **s)
{
        if (!*s)
                return;
        gnutls_bye((*s)->gnutls, GNUTLS_SHUT_WR);
        gnutls_deinit((*s)->gnutls);
        free(*s);
        *s = NULL;
}

static int session_new(struct tls_context *context, int in_fd, int out_fd, struct tls_session **ret,
                       const char **ret_error)
{
        struct tls_session *s = xcalloc(1, sizeof(*s));
        s->in_fd = in_fd;
        s->out_fd = out_fd;
        if (gnutls_init(&s->gnutls, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) != 0) {
                free(s);
                return -ENOMEM;
        }
        gnutls_session_set_ptr(s->gnutls, context);
        gnutls_transport_set_ptr(s->gnutls, s);
        gnutls_transport_set_pull_function(s->gnutls, pull);
        gnutls_transport_set_push_function(s->gnutls, push);
        gnutls_transport_set_pull_timeout_function(s->gnutls, pull_timeout);
        gnutls_handshake_set_post_client_hello_function(s->gnutls, choose_by_name);
        int g = tls_context_apply(context, s->gnutls);
        if (g < 0) {
                gnutls_deinit(s->gnutls);
                free(s);
                *ret_error = gnutls_strerror(g);
                return -EPROTO;
        }
        *ret = s;
        return 0;
}

static int wait_for_transport(struct tls_session *s, deadline_t deadline)
{
        bool writes = gnutls_record_get_direction(s->gnutls) == 1;
        struct pollfd f = {.fd = writes ? s->out_fd : s->in_fd, .events = writes ? POLLOUT : POLLIN};
        int r = poll(&f, 1, deadline_left(deadline));
        if (r == 0)
                return -ETIMEDOUT;
        return r < 0 && errno != EINTR ? -errno : 0;
}

int tls_start(struct conn *c, struct tls_context *context, deadline_t deadline, const char **ret_error)
{
        int r = conn_flush(c);
        if (r < 0)
                return r;
        conn_discard(c);
        struct tls_session *s = NULL;
        r = session_new(context, c->in_fd, c->out_fd, &s, ret_error);
        if (r < 0)
                return r;
        for (;;) {
                int g = gnutls_handshake(s->gnutls);
                if (g == GNUTLS_E_SUCCESS)
                        break;
                if (g == GNUTLS_E_AGAIN || g == GNUTLS_E_INTERRUPTED)
                        r = wait_for_transport(s, deadline);
                else if (gnutls_error_is_fatal(g))
                        r = g == GNUTLS_E_PREMATURE_TERMINATION ? -EPIPE : -EPROTO;
                if (r == 0 && deadline_left(deadline) == 0)
                        r = -ETIMEDOUT; /* however much the client sends */
                if (r < 0) {
                        *ret_error = r == -ETIMEDOUT ? "the client did not finish the handshake"
                                                     : gnutls_strerror(g);
                        if (r == -EPROTO)
                                gnutls_alert_send_appropriate(s->gnutls, g);
                        gnutls_deinit(s->gnutls);
                        free(s);
                        return r;
                }
        }
        c->tls = s;
        return 0;
}

void tls_describe(const struct tls_session *s, struct buf *to)
{
        gnutls_protocol_t v = gnutls_protocol_get_version(s->gnutls);
        gnutls_cipher_algorithm_t cipher = gnutls_cipher_get(s->gnutls);
        size_t bits = gnutls_cipher_get_key_size(cipher) * 8;
        buf_printf(to, "%s with cipher %s (%zu/%zu bits)", gnutls_protocol_get_name(v),
                   gnutls_cipher_get_name(cipher), bits, bits);
}

static ssize_t result_of(ssize_t r)
{
        if (r >= 0)
                return r;
        switch (r) {
        case GNUTLS_E_AGAIN:
        case GNUTLS_E_INTERRUPTED:
        case GNUTLS_E_WARNING_ALERT_RECEIVED:
        case GNUTLS_E_REHANDSHAKE: /* never granted: nothing we serve needs one */
                return -EAGAIN;
        case GNUTLS_E_PREMATURE_TERMINATION: /* many clients close without close_notify */
                return 0;
        case GNUTLS_E_PUSH_ERROR:
        case GNUTLS_E_PULL_ERROR:
                return -EPIPE;
        default:
                return -EPROTO;
        }
}

ssize_t tls_read(struct tls_session *s, void *to, size_t n)
{
        return result_of(gnutls_record_recv(s->gnutls, to, n));
}

ssize_t tls_write(struct tls_session *s, struct slice bytes)
{
        return result_of(gnutls_record_send(s->gnutls, bytes.p, bytes.n));
}

bool tls_read_pending(const struct tls_session *s)
{
        return gnutls_record_check_pending(s->gnutls) > 0;
}
