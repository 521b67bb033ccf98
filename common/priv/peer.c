#include "priv/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/base64.h"
#include "base/random.h"

enum { SESSION_ID_BYTES = 12 };

static void make_session_id(char *to, size_t size)
{
        unsigned char raw[SESSION_ID_BYTES];
        random_bytes(raw, sizeof(raw));
        _cleanup_(buf_free) struct buf b = {0};
        base64_encode(&b, slice_make(raw, sizeof(raw)));
        snprintf(to, size, "%s", buf_cstr(&b));
}

static bool describe(const struct sockaddr_storage *a, char *ip, size_t size, uint16_t *port)
{
        if (a->ss_family == AF_INET) {
                const struct sockaddr_in *in = (const void *)a;
                *port = ntohs(in->sin_port);
                return inet_ntop(AF_INET, &in->sin_addr, ip, (socklen_t)size) != NULL;
        }
        if (a->ss_family == AF_INET6) {
                const struct sockaddr_in6 *in = (const void *)a;
                *port = ntohs(in->sin6_port);
                if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr))
                        return inet_ntop(AF_INET, in->sin6_addr.s6_addr + 12, ip, (socklen_t)size) != NULL;
                return inet_ntop(AF_INET6, &in->sin6_addr, ip, (socklen_t)size) != NULL;
        }
        return false;
}

static void name_source(const struct sockaddr_storage *a, struct peer *p)
{
        const struct sockaddr_in6 *in = (const void *)a;
        struct in6_addr network = in->sin6_addr;
        char text[INET6_ADDRSTRLEN];
        memset(network.s6_addr + 8, 0, 8);
        if (a->ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&in->sin6_addr) &&
            inet_ntop(AF_INET6, &network, text, sizeof(text)))
                snprintf(p->source, sizeof(p->source), "%s/64", text);
        else
                memcpy(p->source, p->remote_ip, sizeof(p->source));
}

int peer_of(int fd, struct peer *ret)
{
        struct peer p = {.is_socket = false};
        make_session_id(p.session_id, sizeof(p.session_id));
        struct sockaddr_storage a = {0};
        socklen_t n = sizeof(a);
        if (getsockname(fd, (struct sockaddr *)&a, &n) < 0) {
                if (errno != ENOTSOCK)
                        return -errno;
        } else if (describe(&a, p.local_ip, sizeof(p.local_ip), &p.local_port)) {
                n = sizeof(a);
                if (getpeername(fd, (struct sockaddr *)&a, &n) < 0)
                        return -errno;
                p.is_socket = describe(&a, p.remote_ip, sizeof(p.remote_ip), &p.remote_port);
                name_source(&a, &p);
                /* answers are written in pieces as large as they can be; the last one must not wait for the
                 * client's acknowledgement of the one before */
                int on = 1;
                (void)!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        }
        *ret = p;
        return 0;
}
