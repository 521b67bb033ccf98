#include "conf/net.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/number.h"

enum { MAPPED_BITS = 96 }; /* of ::ffff:0:0/96, in which IPv4 addresses are */

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

/* How many bits the written family has: 32 or 128. 0: no address. */
static unsigned parse_address(struct slice s, struct conf_ip *ret)
{
        char text[INET6_ADDRSTRLEN];
        s = slice_head(s, slice_find(s, '%'));
        if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
                return 0;
        memcpy(text, s.p, s.n);
        text[s.n] = '\0';
        struct conf_ip ip;
        if (inet_pton(AF_INET6, text, ip.bytes) == 1) {
                *ret = ip;
                return 128;
        }
        memcpy(ip.bytes, mapped_prefix, sizeof(mapped_prefix));
        if (inet_pton(AF_INET, text, ip.bytes + sizeof(mapped_prefix)) != 1)
                return 0;
        *ret = ip;
        return 32;
}

int conf_ip_parse(struct slice s, struct conf_ip *ret)
{
        return parse_address(s, ret) > 0 ? 0 : -EINVAL;
}

int conf_net_parse(struct slice s, struct conf_net *ret)
{
        size_t slash = slice_find(s, '/');
        struct slice address = slice_head(s, slash);
        if (address.n > 2 && address.p[0] == '[' && address.p[address.n - 1] == ']')
                address = slice_make(address.p + 1, address.n - 2);
        struct conf_net net;
        unsigned family = parse_address(address, &net.ip);
        uint32_t bits = family;
        if (family == 0 || (slash < s.n && slice_to_u32(slice_from(s, slash + 1), &bits) < 0) ||
            bits > family)
                return -EINVAL;
        net.bits = family == 32 ? bits + MAPPED_BITS : bits;
        *ret = net;
        return 0;
}

bool conf_net_has(const struct conf_net *net, const struct conf_ip *ip)
{
        /* an IPv6 network, even ::/0, does not mean IPv4 addresses */
        if (net->bits < MAPPED_BITS && memcmp(ip->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0)
                return false;
        size_t whole = net->bits / 8;
        if (memcmp(net->ip.bytes, ip->bytes, whole) != 0)
                return false;
        unsigned rest = net->bits % 8;
        if (rest == 0)
                return true;
        uint8_t mask = (uint8_t)(0xff << (8 - rest));
        return ((net->ip.bytes[whole] ^ ip->bytes[whole]) & mask) == 0;
}

bool conf_net_matches(const struct settings_list *networks, const char *ip)
{
        struct conf_ip address;
        struct conf_net net;
        if (!ip || conf_ip_parse(slice_of(ip), &address) < 0)
                return false;
        for (size_t i = 0; i < networks->count; i++)
                if (conf_net_parse(slice_of(networks->items[i]), &net) == 0 && conf_net_has(&net, &address))
                        return true;
        return false;
}
