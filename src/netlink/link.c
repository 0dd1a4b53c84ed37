#include "netlink/link.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

static unsigned char kernel_family(const struct ip *ip)
{
        return ip->family == FAMILY_IPV6 ? AF_INET6 : AF_INET;
}

static void put_ip(struct nlmsghdr *request, uint16_t type, const struct ip *ip)
{
        mnl_attr_put(request, type, family_bits(ip->family) / 8, ip->bytes);
}

static void put_end(struct nlmsghdr *request, const struct link_end *end)
{
        struct ifinfomsg *info = mnl_nlmsg_put_extra_header(request, sizeof(*info));

        info->ifi_index = end->index;
        mnl_attr_put_strz(request, IFLA_IFNAME, end->name);
        mnl_attr_put(request, IFLA_ADDRESS, sizeof(end->mac), end->mac);
        mnl_attr_put_u32(request, IFLA_NET_NS_FD, (uint32_t)end->netns);
}

int link_add_pair(struct netlink *netlink, const struct link_end *end, const struct link_end *peer,
                  struct err *err)
{
        struct nlmsghdr *request = netlink_request(netlink, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);

        put_end(request, end);
        struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
        mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
        struct nlattr *data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
        struct nlattr *other = mnl_attr_nest_start(request, VETH_INFO_PEER);
        put_end(request, peer);
        mnl_attr_nest_end(request, other);
        mnl_attr_nest_end(request, data);
        mnl_attr_nest_end(request, info);
        if (netlink_talk(netlink, NULL, NULL, err) < 0)
                return err_wrap(err, "making the veth pair %s, %s", end->name, peer->name);
        return 0;
}

int link_up(struct netlink *netlink, int index, struct err *err)
{
        struct nlmsghdr *request = netlink_request(netlink, RTM_NEWLINK, 0);
        struct ifinfomsg *info = mnl_nlmsg_put_extra_header(request, sizeof(*info));

        info->ifi_index = index;
        info->ifi_flags = info->ifi_change = IFF_UP;
        if (netlink_talk(netlink, NULL, NULL, err) < 0)
                return err_wrap(err, "setting link %d up", index);
        return 0;
}

int link_add_address(struct netlink *netlink, int index, const struct ip *ip, struct err *err)
{
        struct nlmsghdr *request =
            netlink_request(netlink, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
        struct ifaddrmsg *address = mnl_nlmsg_put_extra_header(request, sizeof(*address));
        char text[IP_TEXT_SIZE];

        address->ifa_family = kernel_family(ip);
        address->ifa_prefixlen = (unsigned char)family_bits(ip->family);
        address->ifa_flags = IFA_F_NODAD;
        address->ifa_index = (uint32_t)index;
        put_ip(request, IFA_LOCAL, ip);
        put_ip(request, IFA_ADDRESS, ip);
        if (netlink_talk(netlink, NULL, NULL, err) < 0)
                return err_wrap(err, "adding address %s to link %d", ip_format(ip, text), index);
        return 0;
}

int link_add_route(struct netlink *netlink, int index, const struct prefix *prefix,
                   const struct ip *gateway, const struct ip *source, struct err *err)
{
        struct nlmsghdr *request =
            netlink_request(netlink, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
        struct rtmsg *route = mnl_nlmsg_put_extra_header(request, sizeof(*route));
        char text[PREFIX_TEXT_SIZE];

        route->rtm_family = kernel_family(&prefix->ip);
        route->rtm_dst_len = prefix->length;
        route->rtm_table = RT_TABLE_MAIN;
        route->rtm_protocol = RTPROT_STATIC;
        route->rtm_scope = RT_SCOPE_UNIVERSE;
        route->rtm_type = RTN_UNICAST;
        route->rtm_flags = RTNH_F_ONLINK;
        put_ip(request, RTA_DST, &prefix->ip);
        put_ip(request, RTA_GATEWAY, gateway);
        mnl_attr_put_u32(request, RTA_OIF, (uint32_t)index);
        if (source)
                put_ip(request, RTA_PREFSRC, source);
        if (netlink_talk(netlink, NULL, NULL, err) < 0)
                return err_wrap(err, "adding a route to %s on link %d", prefix_format(prefix, text),
                                index);
        return 0;
}

int link_add_neighbour(struct netlink *netlink, int index, const struct ip *ip,
                       const uint8_t mac[6], struct err *err)
{
        struct nlmsghdr *request =
            netlink_request(netlink, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
        struct ndmsg *neighbour = mnl_nlmsg_put_extra_header(request, sizeof(*neighbour));
        char text[IP_TEXT_SIZE];

        neighbour->ndm_family = kernel_family(ip);
        neighbour->ndm_ifindex = index;
        neighbour->ndm_state = NUD_PERMANENT;
        put_ip(request, NDA_DST, ip);
        mnl_attr_put(request, NDA_LLADDR, 6, mac);
        if (netlink_talk(netlink, NULL, NULL, err) < 0)
                return err_wrap(err, "adding neighbour %s to link %d", ip_format(ip, text), index);
        return 0;
}
