#include "netlink/ipset_sizes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink/netlink.h"

struct reading {
        struct arena *arena;
        struct ipset_sizes sizes;
};

static void read_set(const struct nlmsghdr *message, void *data)
{
        const size_t header = sizeof(struct nfgenmsg);
        const struct nlattr *name = netlink_attr(message, header, IPSET_ATTR_SETNAME, 1);
        const struct nlattr *inner = netlink_attr(message, header, IPSET_ATTR_DATA, 0);
        const struct nlattr *elements =
            inner ? netlink_nested(inner, IPSET_ATTR_ELEMENTS, sizeof(uint32_t)) : NULL;
        struct reading *reading = data;
        struct ipset_size size = {
            .counted = elements != NULL,
            .elements = elements ? ntohl(mnl_attr_get_u32(elements)) : 0,
        };

        if (!name)
                return;
        size.name =
            arena_strndup(reading->arena, mnl_attr_get_payload(name),
                          strnlen(mnl_attr_get_payload(name), mnl_attr_get_payload_len(name)));
        vec_push(reading->arena, &reading->sizes.list, size);
}

int ipset_sizes_read(struct arena *arena, struct ipset_sizes *ret, struct err *err)
{
        _cleanup_netlink_ struct netlink *netlink = netlink_open(NETLINK_NETFILTER, err);
        struct reading reading = {.arena = arena};

        if (!netlink)
                return -1;
        struct nlmsghdr *request =
            netlink_request(netlink, NFNL_SUBSYS_IPSET << 8 | IPSET_CMD_LIST, NLM_F_DUMP);
        struct nfgenmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
        header->nfgen_family = AF_INET;
        mnl_attr_put_u8(request, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL_MIN);
        mnl_attr_put_u32(request, IPSET_ATTR_FLAGS, htonl(IPSET_FLAG_LIST_HEADER));
        if (netlink_talk(netlink, read_set, &reading, err) < 0 && errno != EINVAL &&
            errno != EOPNOTSUPP)
                return err_wrap(err, "asking which sets there are");
        *ret = reading.sizes;
        return 0;
}
