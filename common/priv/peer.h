#ifndef PRIV_PEER_H
#define PRIV_PEER_H

#include <stdint.h>

#include "base/macro.h"

/* Who is at the other end of the connection; every role has it. */
struct peer {
        char session_id[24];
        char remote_ip[64], local_ip[64]; /* "" for a pipe; IPv4 in its own form, never IPv4-mapped */
        char source[64]; /* whom limits count: remote_ip, or its network of 64 bits ("2001:db8::/64"), for one
                            host has that many addresses */
        uint16_t remote_port, local_port;
        bool is_socket; /* a TCP connection; anything else is local */
        bool implicit_tls;
};

/* Describes the connection on fd, which sends without delay from now on, and makes its session id. 0 or
 * -errno; what is no socket is fine. */
int peer_of(int fd, struct peer *ret);

#endif
