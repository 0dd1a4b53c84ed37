#include "netlink/local.h"

#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink/netlink.h"

struct reading {
        struct arena *arena;
        struct local_addresses addresses;
        bool whole; /* no net is local but 127.0.0.0/8 */
};

static void read_address(const struct nlmsghdr *message, void *data)
{
        const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
        struct reading *reading = data;
        size_t size = header->ifa_family == AF_INET ? 4 : 16;
        /* With a peer, IFA_ADDRESS is the peer's; IPv6 without one has no IFA_LOCAL. */
        const struct nlattr *attr = netlink_attr(message, sizeof(*header), IFA_LOCAL, size);
        struct ip ip = {.family = header->ifa_family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6};

        if (!attr)
                attr = netlink_attr(message, sizeof(*header), IFA_ADDRESS, size);
        if (!attr || (header->ifa_family != AF_INET && header->ifa_family != AF_INET6))
                return;
        memcpy(ip.bytes, mnl_attr_get_payload(attr), size);
        vec_push(reading->arena, &reading->addresses.list, ip);
}

int local_addresses_read(struct arena *arena, struct local_addresses *ret, struct err *err)
{
        _cleanup_netlink_ struct netlink *netlink = netlink_open(NETLINK_ROUTE, err);
        struct reading reading = {.arena = arena};
        struct nlmsghdr *request;

        if (!netlink)
                return -1;
        request = netlink_request(netlink, RTM_GETADDR, NLM_F_DUMP);
        mnl_nlmsg_put_extra_header(request, sizeof(struct ifaddrmsg));
        if (netlink_talk(netlink, read_address, &reading, err) < 0)
                return err_wrap(err, "reading this namespace's addresses");
        vec_sort(&reading.addresses.list, ip_compare_items);
        *ret = reading.addresses;
        return 0;
}

bool local_addresses_contain(const struct local_addresses *addresses, const struct ip *ip)
{
        return vec_find(&addresses->list, ip, ip_compare_items);
}

static void read_route(const struct nlmsghdr *message, void *data)
{
        const struct rtmsg *header = mnl_nlmsg_get_payload(message);
        struct reading *reading = data;
        bool ipv4 = header->rtm_family == AF_INET;
        size_t size = ipv4 ? 4 : 16;
        const struct nlattr *attr = netlink_attr(message, sizeof(*header), RTA_DST, size);
        struct ip ip = {.family = ipv4 ? FAMILY_IPV4 : FAMILY_IPV6};

        if (header->rtm_family != AF_INET && header->rtm_family != AF_INET6)
                return;
        if (attr)
                memcpy(ip.bytes, mnl_attr_get_payload(attr), size);
        if (attr && header->rtm_type == RTN_BROADCAST && header->rtm_dst_len == size * 8)
                vec_push(reading->arena, &reading->addresses.list, ip);
        if (header->rtm_type == RTN_LOCAL && header->rtm_dst_len < size * 8 &&
            !(ipv4 && ip.bytes[0] == 127))
                reading->whole = false;
}

int local_broadcasts_read(struct arena *arena, struct local_addresses *ret, bool *ret_whole,
                          struct err *err)
{
        _cleanup_netlink_ struct netlink *netlink = netlink_open(NETLINK_ROUTE, err);
        struct reading reading = {.arena = arena, .whole = true};

        if (!netlink)
                return -1;
        mnl_nlmsg_put_extra_header(netlink_request(netlink, RTM_GETROUTE, NLM_F_DUMP),
                                   sizeof(struct rtmsg));
        if (netlink_talk(netlink, read_route, &reading, err) < 0)
                return err_wrap(err, "reading this namespace's routes");
        vec_sort(&reading.addresses.list, ip_compare_items);
        *ret = reading.addresses;
        *ret_whole = reading.whole;
        return 0;
}
