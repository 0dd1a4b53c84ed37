#include "netlink/route.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "netlink/netlink.h"

static void read_link(const struct nlmsghdr *message, void *data)
{
        const struct nlattr *link = netlink_attr(message, sizeof(struct rtmsg), RTA_OIF, 4);

        *(uint32_t *)data = link ? mnl_attr_get_u32(link) : 0;
}

const char *route_link(struct arena *arena, const struct ip *ip)
{
        struct err why;
        _cleanup_netlink_ struct netlink *netlink = netlink_open(NETLINK_ROUTE, &why);
        char name[IF_NAMESIZE];
        uint32_t index = 0;

        if (!netlink)
                return NULL;
        struct nlmsghdr *request = netlink_request(netlink, RTM_GETROUTE, 0);
        struct rtmsg *route = mnl_nlmsg_put_extra_header(request, sizeof(*route));
        route->rtm_family = ip->family == FAMILY_IPV4 ? AF_INET : AF_INET6;
        route->rtm_dst_len = (uint8_t)family_bits(ip->family);
        mnl_attr_put(request, RTA_DST, family_bits(ip->family) / 8, ip->bytes);
        if (netlink_talk(netlink, read_link, &index, &why) < 0 || !if_indextoname(index, name))
                return NULL;
        return arena_strdup(arena, name);
}
