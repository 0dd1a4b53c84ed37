#include "netlink/generation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink/netlink.h"

static void read_generation(const struct nlmsghdr *message, void *data)
{
        const struct nlattr *attr =
            netlink_attr(message, sizeof(struct nfgenmsg), NFTA_GEN_ID, sizeof(uint32_t));

        if (attr)
                *(uint32_t *)data = ntohl(mnl_attr_get_u32(attr));
}

int nftables_generation(uint32_t *ret, struct err *err)
{
        _cleanup_netlink_ struct netlink *netlink = netlink_open(NETLINK_NETFILTER, err);
        const uint16_t type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;

        *ret = 0;
        if (!netlink)
                return -1;
        mnl_nlmsg_put_extra_header(netlink_request(netlink, type, 0), sizeof(struct nfgenmsg));
        if (netlink_talk(netlink, read_generation, ret, err) == 0 || errno == EINVAL ||
            errno == EOPNOTSUPP || errno == EPERM)
                return 0;
        return err_wrap(err, "asking which rules nf_tables holds");
}
