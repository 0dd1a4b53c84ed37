#include "netlink/conntrack_entry.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "netlink/netlink.h"

static bool read_ip(const struct nlattr *tuple, uint8_t family, uint16_t type_ipv4,
                    uint16_t type_ipv6, struct ip *ret)
{
        const struct nlattr *ips = netlink_nested(tuple, CTA_TUPLE_IP, 0), *attr;
        struct ip ip = {.family = family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6};
        size_t size = family_bits(ip.family) / 8;

        attr = ips ? netlink_nested(ips, family == AF_INET ? type_ipv4 : type_ipv6, size) : NULL;
        if (!attr)
                return false;
        memcpy(ip.bytes, mnl_attr_get_payload(attr), size);
        *ret = ip;
        return true;
}

/* Other protocols have no ports that policies speak of: they are allowed where a rule allows the
 * peer without ports, and cut where none does any more. */
static bool read_protocol(const struct nlattr *reply, struct packet *packet)
{
        const struct nlattr *proto = netlink_nested(reply, CTA_TUPLE_PROTO, 0);
        const struct nlattr *number = proto ? netlink_nested(proto, CTA_PROTO_NUM, 1) : NULL;
        const struct nlattr *port;

        switch (number ? mnl_attr_get_u8(number) : PROTOCOL_ANY) {
        case PROTOCOL_ICMP:
        case PROTOCOL_ICMPV6:
                packet->protocol = PROTOCOL_ICMP;
                return true;
        case PROTOCOL_TCP:
        case PROTOCOL_UDP:
        case PROTOCOL_SCTP:
                packet->protocol = (enum protocol)mnl_attr_get_u8(number);
                port = netlink_nested(proto, CTA_PROTO_SRC_PORT, 2);
                if (!port)
                        return false;
                packet->port = ntohs(mnl_attr_get_u16(port));
                return true;
        case PROTOCOL_ANY:
                return false;
        default:
                packet->protocol = (enum protocol)mnl_attr_get_u8(number);
                return true;
        }
}

/* 0 where the protocol has none. */
static uint16_t read_source_port(const struct nlattr *original)
{
        const struct nlattr *proto = netlink_nested(original, CTA_TUPLE_PROTO, 0);
        const struct nlattr *port = proto ? netlink_nested(proto, CTA_PROTO_SRC_PORT, 2) : NULL;

        return port ? ntohs(mnl_attr_get_u16(port)) : 0;
}

static bool tcp_over(const struct nlmsghdr *message)
{
        const struct nlattr *info =
            netlink_attr(message, sizeof(struct nfgenmsg), CTA_PROTOINFO, 0);
        const struct nlattr *tcp = info ? netlink_nested(info, CTA_PROTOINFO_TCP, 0) : NULL;
        const struct nlattr *state = tcp ? netlink_nested(tcp, CTA_PROTOINFO_TCP_STATE, 1) : NULL;

        return state && (mnl_attr_get_u8(state) == TCP_CONNTRACK_TIME_WAIT ||
                         mnl_attr_get_u8(state) == TCP_CONNTRACK_CLOSE);
}

bool conntrack_read(const struct nlmsghdr *message, struct connection *ret)
{
        const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
        size_t size = sizeof(*header);
        const struct nlattr *original = netlink_attr(message, size, CTA_TUPLE_ORIG, 0);
        const struct nlattr *status = netlink_attr(message, size, CTA_STATUS, 4);
        struct connection connection = {
            .family = header->nfgen_family,
            .reply = netlink_attr(message, size, CTA_TUPLE_REPLY, 0),
            .id = netlink_attr(message, size, CTA_ID, 4),
            .zone = netlink_attr(message, size, CTA_ZONE, 2),
            .master = netlink_attr(message, size, CTA_TUPLE_MASTER, 0),
        };

        if (!original || !connection.reply || !connection.id ||
            !read_ip(original, connection.family, CTA_IP_V4_SRC, CTA_IP_V6_SRC,
                     &connection.packet.source) ||
            !read_ip(connection.reply, connection.family, CTA_IP_V4_SRC, CTA_IP_V6_SRC,
                     &connection.packet.destination) ||
            !read_protocol(connection.reply, &connection.packet))
                return false;
        connection.source_port = read_source_port(original);
        connection.answered = status && ntohl(mnl_attr_get_u32(status)) & IPS_SEEN_REPLY;
        connection.over = tcp_over(message);
        *ret = connection;
        return true;
}

static struct nlattr *copy_attr(struct arena *arena, const struct nlattr *attr)
{
        return attr ? arena_copy(arena, attr, attr->nla_len) : NULL;
}

struct connection conntrack_hold(struct arena *arena, const struct connection *connection)
{
        struct connection held = *connection;

        held.reply = copy_attr(arena, connection->reply);
        held.id = copy_attr(arena, connection->id);
        held.zone = copy_attr(arena, connection->zone);
        held.master = copy_attr(arena, connection->master);
        return held;
}
