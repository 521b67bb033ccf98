#ifndef CONF_NET_H
#define CONF_NET_H

/* Addresses and networks: "192.0.2.0/24", "2001:db8::/32", "127.0.0.1". An IPv4-mapped IPv6 address
 * (::ffff:192.0.2.1) is the IPv4 address it holds. */

#include "base/slice.h"
#include "conf/settings.h"

/* IPv4 as ::ffff:a.b.c.d. */
struct conf_ip {
        uint8_t bytes[16];
};
struct conf_net {
        struct conf_ip ip;
        unsigned bits; /* 0 to 128; an IPv4 network has 96 more than written */
};

/* 0 or -EINVAL. A scope (fe80::1%eth0) is ignored. */
int conf_ip_parse(struct slice s, struct conf_ip *ret);
int conf_net_parse(struct slice s, struct conf_net *ret);
bool conf_net_has(const struct conf_net *net, const struct conf_ip *ip);

/* Whether the address is in one of the networks. False for what is no address. */
bool conf_net_matches(const struct settings_list *networks, const char *ip);

#endif
