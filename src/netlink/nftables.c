#include "netlink/nftables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/map.h"
#include "netlink/netlink.h"

struct reading {
        struct arena *arena;
        struct intern *intern;
        struct nftables held;
        struct map *by_name; /* of a chain → its position + 1 */
        size_t last;         /* the chain of the last rule: a dump gives them together */
};

static uint32_t number(const struct nlattr *outer, uint16_t type)
{
        const struct nlattr *attr = netlink_nested(outer, type, sizeof(uint32_t));

        return attr ? ntohl(mnl_attr_get_u32(attr)) : 0;
}

/* "" where it is no text. */
static const char *text_of(struct reading *reading, const struct nlattr *attr)
{
        const char *bytes = attr ? mnl_attr_get_payload(attr) : "";

        return intern_bytes(reading->intern, bytes,
                            attr ? strnlen(bytes, mnl_attr_get_payload_len(attr)) : 0);
}

static const char *top_text(struct reading *reading, const struct nlmsghdr *message, uint16_t type)
{
        return text_of(reading, netlink_attr(message, sizeof(struct nfgenmsg), type, 1));
}

static const char *nested_text(struct reading *reading, const struct nlattr *outer, uint16_t type)
{
        return text_of(reading, netlink_nested(outer, type, 1));
}

static const char *chain_key(struct reading *reading, uint8_t family, const char *table,
                             const char *chain)
{
        /* nf_tables' names have no slash that would be mistaken: a table's name is the shorter. */
        return arena_printf(reading->arena, "%u/%zu/%s/%s", family, strlen(table), table, chain);
}

static void read_table(const struct nlmsghdr *message, void *data)
{
        const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
        struct reading *reading = data;
        const struct nlattr *flags =
            netlink_attr(message, sizeof(*header), NFTA_TABLE_FLAGS, sizeof(uint32_t));
        struct nftables_table table = {
            .family = header->nfgen_family,
            .name = top_text(reading, message, NFTA_TABLE_NAME),
            .dormant = flags && (ntohl(mnl_attr_get_u32(flags)) & NFT_TABLE_F_DORMANT),
        };

        vec_push(reading->arena, &reading->held.tables, table);
}

static void read_chain(const struct nlmsghdr *message, void *data)
{
        const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
        struct reading *reading = data;
        const struct nlattr *hook =
            netlink_attr(message, sizeof(*header), NFTA_CHAIN_HOOK, sizeof(struct nlattr));
        const struct nlattr *policy =
            netlink_attr(message, sizeof(*header), NFTA_CHAIN_POLICY, sizeof(uint32_t));
        struct nftables_chain chain = {
            .family = header->nfgen_family,
            .table = top_text(reading, message, NFTA_CHAIN_TABLE),
            .name = top_text(reading, message, NFTA_CHAIN_NAME),
            .is_base = hook != NULL,
            .hook = hook ? number(hook, NFTA_HOOK_HOOKNUM) : 0,
            .policy = policy ? (int)ntohl(mnl_attr_get_u32(policy)) : NF_ACCEPT,
            .type = top_text(reading, message, NFTA_CHAIN_TYPE),
        };

        vec_push(reading->arena, &reading->held.chains, chain);
        map_put(reading->by_name, chain_key(reading, chain.family, chain.table, chain.name),
                (void *)(uintptr_t)reading->held.chains.n);
}

static void read_meta(const struct nlattr *data, struct nftables_part *ret)
{
        ret->key = number(data, NFTA_META_KEY);
        ret->sets = netlink_nested(data, NFTA_META_SREG, 0) != NULL;
}

static void read_payload(const struct nlattr *data, struct nftables_part *ret)
{
        ret->key = number(data, NFTA_PAYLOAD_BASE);
        ret->offset = number(data, NFTA_PAYLOAD_OFFSET);
        ret->sets = netlink_nested(data, NFTA_PAYLOAD_SREG, 0) != NULL;
}

/* False where it loads a value and gives no verdict. */
static bool read_immediate(struct reading *reading, const struct nlattr *data,
                           struct nftables_part *ret)
{
        const struct nlattr *value = netlink_nested(data, NFTA_IMMEDIATE_DATA, 0);
        const struct nlattr *verdict = value ? netlink_nested(value, NFTA_DATA_VERDICT, 0) : NULL;

        if (!verdict)
                return false;
        ret->name = "verdict";
        ret->verdict = (int)number(verdict, NFTA_VERDICT_CODE);
        if (netlink_nested(verdict, NFTA_VERDICT_CHAIN, 1))
                ret->chain = nested_text(reading, verdict, NFTA_VERDICT_CHAIN);
        return true;
}

static bool only_carries(const char *name)
{
        static const char *const names[] = {"bitwise", "cmp", "counter", "range"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(name, names[i]) == 0)
                        return true;
        return false;
}

static bool read_part(struct reading *reading, const struct nlattr *expression,
                      struct nftables_part *ret)
{
        const struct nlattr *data = netlink_nested(expression, NFTA_EXPR_DATA, 0);
        struct nftables_part part = {.name = nested_text(reading, expression, NFTA_EXPR_NAME)};

        if (only_carries(part.name))
                return false;
        if (data && strcmp(part.name, "meta") == 0)
                read_meta(data, &part);
        else if (data && strcmp(part.name, "payload") == 0)
                read_payload(data, &part);
        else if (data && strcmp(part.name, "match") == 0)
                part.extension = nested_text(reading, data, NFTA_MATCH_NAME);
        else if (data && strcmp(part.name, "target") == 0)
                part.extension = nested_text(reading, data, NFTA_TARGET_NAME);
        else if (data && strcmp(part.name, "immediate") == 0 &&
                 !read_immediate(reading, data, &part))
                return false;
        *ret = part;
        return true;
}

static struct nftables_chain *chain_of_rule(struct reading *reading, const struct nlmsghdr *message)
{
        const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
        const char *table = top_text(reading, message, NFTA_RULE_TABLE);
        const char *name = top_text(reading, message, NFTA_RULE_CHAIN);
        struct nftables_chain *chains = reading->held.chains.items;
        const struct nftables_chain *last = reading->last ? &chains[reading->last - 1] : NULL;

        /* Texts are interned: the same one is the same pointer. */
        if (!last || last->name != name || last->table != table ||
            last->family != header->nfgen_family)
                reading->last = (size_t)(uintptr_t)map_get(
                    reading->by_name, chain_key(reading, header->nfgen_family, table, name));
        return reading->last ? &chains[reading->last - 1] : NULL;
}

static void read_rule(const struct nlmsghdr *message, void *data)
{
        struct reading *reading = data;
        struct nftables_chain *chain = chain_of_rule(reading, message);
        const struct nlattr *list =
            netlink_attr(message, sizeof(struct nfgenmsg), NFTA_RULE_EXPRESSIONS, 0);
        struct nftables_rule rule = {0};
        struct nftables_part part;

        if (!chain) {
                reading->held.changed = true; /* made since the chains were read */
                return;
        }
        for (const struct nlattr *expression = list ? netlink_next(list, NULL) : NULL; expression;
             expression = netlink_next(list, expression))
                if (read_part(reading, expression, &part))
                        vec_push(reading->arena, &rule.parts, part);
        vec_push(reading->arena, &chain->rules, rule);
}

static int dump(uint16_t what, void (*each)(const struct nlmsghdr *, void *),
                struct reading *reading, struct err *err)
{
        _cleanup_netlink_ struct netlink *netlink = netlink_open(NETLINK_NETFILTER, err);

        if (!netlink)
                return -1;
        mnl_nlmsg_put_extra_header(
            netlink_request(netlink, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | what), NLM_F_DUMP),
            sizeof(struct nfgenmsg));
        if (netlink_talk(netlink, each, reading, err) == 0)
                return 0;
        if (errno == EINTR)
                reading->held.changed = true;
        /* No such subsystem: nobody has loaded it, or the kernel is built without. */
        if (errno == EINTR || errno == EINVAL || errno == EOPNOTSUPP)
                return 0;
        int error = errno;
        err_wrap(err, "asking which rules nf_tables holds");
        errno = error;
        return -1;
}

int nftables_read(struct arena *arena, struct nftables *ret, struct err *err)
{
        struct reading reading = {
            .arena = arena,
            .intern = intern_new(arena),
            .by_name = map_new(arena),
        };

        if (dump(NFT_MSG_GETTABLE, read_table, &reading, err) < 0 ||
            dump(NFT_MSG_GETCHAIN, read_chain, &reading, err) < 0 ||
            dump(NFT_MSG_GETRULE, read_rule, &reading, err) < 0)
                return -1;
        *ret = reading.held;
        return 0;
}
