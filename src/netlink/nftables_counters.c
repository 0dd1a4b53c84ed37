#include "netlink/nftables_counters.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

struct reading {
        void (*each)(const struct nftables_counted *rule, void *data);
        void *data;
};

static const char *text_of(const struct nlattr *attr)
{
        return attr && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 ? mnl_attr_get_str(attr)
                                                                         : NULL;
}

static uint64_t wide(const struct nlattr *attr)
{
        uint64_t value = 0;

        if (attr)
                memcpy(&value, mnl_attr_get_payload(attr), sizeof(value));
        return be64toh(value);
}

static void read_verdict(const struct nlattr *data, struct nftables_counted *ret)
{
        const struct nlattr *value = netlink_nested(data, NFTA_IMMEDIATE_DATA, 0);
        const struct nlattr *verdict = value ? netlink_nested(value, NFTA_DATA_VERDICT, 0) : NULL;

        if (verdict)
                ret->leads_to = text_of(netlink_nested(verdict, NFTA_VERDICT_CHAIN, 1));
}

static void read_expression(const struct nlattr *expression, struct nftables_counted *ret)
{
        const char *name = text_of(netlink_nested(expression, NFTA_EXPR_NAME, 1));
        const struct nlattr *data = netlink_nested(expression, NFTA_EXPR_DATA, 0);

        if (!name || !data)
                return;
        if (strcmp(name, "immediate") == 0) {
                read_verdict(data, ret);
        } else if (strcmp(name, "counter") == 0) {
                ret->counts = true;
                ret->packets = wide(netlink_nested(data, NFTA_COUNTER_PACKETS, 8));
                ret->bytes = wide(netlink_nested(data, NFTA_COUNTER_BYTES, 8));
        }
}

static struct nftables_counted read_rule(const struct nlmsghdr *message)
{
        const size_t header = sizeof(struct nfgenmsg);
        const struct nlattr *list = netlink_attr(message, header, NFTA_RULE_EXPRESSIONS, 0);
        struct nftables_counted rule = {
            .chain = text_of(netlink_attr(message, header, NFTA_RULE_CHAIN, 1))};

        for (const struct nlattr *expression = list ? netlink_next(list, NULL) : NULL; expression;
             expression = netlink_next(list, expression))
                read_expression(expression, &rule);
        return rule;
}

const char *nftables_leads_to(const struct nlmsghdr *message)
{
        return read_rule(message).leads_to;
}

static void give(const struct nlmsghdr *message, void *data)
{
        const struct reading *reading = data;
        const struct nftables_counted rule = read_rule(message);

        if (rule.chain)
                reading->each(&rule, reading->data);
}

int nftables_counters_read(struct netlink *netlink, uint8_t family, const char *table,
                           const char *chain,
                           void (*each)(const struct nftables_counted *rule, void *data),
                           void *data, struct err *err)
{
        struct reading reading = {each, data};
        struct nlmsghdr *request = netlink_request(
            netlink, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE), NLM_F_DUMP);
        struct nfgenmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

        header->nfgen_family = family;
        mnl_attr_put_strz(request, NFTA_RULE_TABLE, table);
        if (chain)
                mnl_attr_put_strz(request, NFTA_RULE_CHAIN, chain);
        if (netlink_talk(netlink, give, &reading, err) == 0 || errno == ENOENT)
                return 0;
        int error = errno;
        err_wrap(err, "asking what rules of nf_tables have counted");
        errno = error;
        return -1;
}
