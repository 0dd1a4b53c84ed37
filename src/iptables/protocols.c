#include "iptables/protocols.h"

#include <string.h>
#include <strings.h>

#include "base/vec.h"

static const char *const protocols[256] = {
    [1] = "icmp",        [2] = "igmp",
    [3] = "ggp",         [4] = "ipencap",
    [5] = "st",          [6] = "tcp",
    [8] = "egp",         [9] = "igp",
    [12] = "pup",        [17] = "udp",
    [20] = "hmp",        [22] = "xns-idp",
    [27] = "rdp",        [29] = "iso-tp4",
    [33] = "dccp",       [36] = "xtp",
    [37] = "ddp",        [38] = "idpr-cmtp",
    [41] = "ipv6",       [43] = "ipv6-route",
    [44] = "ipv6-frag",  [45] = "idrp",
    [46] = "rsvp",       [47] = "gre",
    [50] = "esp",        [51] = "ah",
    [57] = "skip",       [58] = "ipv6-icmp",
    [59] = "ipv6-nonxt", [60] = "ipv6-opts",
    [73] = "rspf",       [81] = "vmtp",
    [88] = "eigrp",      [89] = "ospf",
    [93] = "ax.25",      [94] = "ipip",
    [97] = "etherip",    [98] = "encap",
    [103] = "pim",       [108] = "ipcomp",
    [112] = "vrrp",      [115] = "l2tp",
    [124] = "isis",      [132] = "sctp",
    [133] = "fc",        [135] = "mobility-header",
    [136] = "udplite",   [137] = "mpls-in-ip",
    [138] = "manet",     [139] = "hip",
    [140] = "shim6",     [141] = "wesp",
    [142] = "rohc",      [143] = "ethernet",
};

/* Those that iptables itself knows are printed. Others have names where /etc/protocols is there,
 * which are read and printed as numbers. */
static const struct {
        uint8_t number;
        const char *name;
        bool printed;
} iptables_protocols[] = {
    {PROTOCOL_TCP, "tcp", true},
    {PROTOCOL_UDP, "udp", true},
    {PROTOCOL_SCTP, "sctp", true},
    {PROTOCOL_ICMP, "icmp", true},
    {PROTOCOL_ICMPV6, "ipv6-icmp", true},
    {PROTOCOL_ICMPV6, "icmpv6", false},
    {50, "esp", true},
    {51, "ah", true},
    {136, "udplite", true},
    {135, "ipv6-mh", true},
    {135, "mh", false},
    {135, "mobility-header", false},
    {33, "dccp", false},
    {47, "gre", false},
    {4, "ipencap", false},
    {2, "igmp", false},
};

struct icmp_name {
        uint8_t type, code;
        const char *name;
};

static const struct icmp_name icmp_names[] = {
    {0, 0, "echo-reply"},
    {3, 0, "network-unreachable"},
    {3, 1, "host-unreachable"},
    {3, 2, "protocol-unreachable"},
    {3, 3, "port-unreachable"},
    {3, 4, "fragmentation-needed"},
    {3, 5, "source-route-failed"},
    {3, 6, "network-unknown"},
    {3, 7, "host-unknown"},
    {3, 9, "network-prohibited"},
    {3, 10, "host-prohibited"},
    {3, 11, "TOS-network-unreachable"},
    {3, 12, "TOS-host-unreachable"},
    {3, 13, "communication-prohibited"},
    {3, 14, "host-precedence-violation"},
    {3, 15, "precedence-cutoff"},
    {4, 0, "source-quench"},
    {5, 0, "network-redirect"},
    {5, 1, "host-redirect"},
    {5, 2, "TOS-network-redirect"},
    {5, 3, "TOS-host-redirect"},
    {8, 0, "echo-request"},
    {9, 0, "router-advertisement"},
    {10, 0, "router-solicitation"},
    {11, 0, "ttl-zero-during-transit"},
    {11, 1, "ttl-zero-during-reassembly"},
    {12, 0, "ip-header-bad"},
    {12, 1, "required-option-missing"},
    {13, 0, "timestamp-request"},
    {14, 0, "timestamp-reply"},
    {17, 0, "address-mask-request"},
    {18, 0, "address-mask-reply"},
};

static const struct icmp_name icmpv6_names[] = {
    {1, 0, "no-route"},
    {1, 1, "communication-prohibited"},
    {1, 3, "address-unreachable"},
    {1, 4, "port-unreachable"},
    {2, 0, "packet-too-big"},
    {3, 0, "ttl-zero-during-transit"},
    {3, 1, "ttl-zero-during-reassembly"},
    {4, 0, "bad-header"},
    {4, 1, "unknown-header-type"},
    {4, 2, "unknown-option"},
    {128, 0, "echo-request"},
    {129, 0, "echo-reply"},
    {133, 0, "router-solicitation"},
    {134, 0, "router-advertisement"},
    {135, 0, "neighbour-solicitation"},
    {136, 0, "neighbour-advertisement"},
    {137, 0, "redirect"},
};

static const struct {
        const struct icmp_name *items;
        size_t n;
} icmp_of[FAMILIES] = {
    [FAMILY_IPV4] = {icmp_names, ARRAY_SIZE(icmp_names)},
    [FAMILY_IPV6] = {icmpv6_names, ARRAY_SIZE(icmpv6_names)},
};

const char *protocol_word(uint8_t protocol)
{
        return protocols[protocol];
}

bool protocol_of_word(struct span word, uint8_t *ret)
{
        for (unsigned i = 1; i < ARRAY_SIZE(protocols); i++)
                if (protocols[i] && span_is(word, protocols[i])) {
                        *ret = (uint8_t)i;
                        return true;
                }
        return false;
}

const char *iptables_protocol_word(uint32_t protocol)
{
        for (size_t i = 0; i < ARRAY_SIZE(iptables_protocols); i++)
                if (iptables_protocols[i].printed && iptables_protocols[i].number == protocol)
                        return iptables_protocols[i].name;
        return NULL;
}

uint8_t iptables_protocol_of(const char *word)
{
        for (size_t i = 0; i < ARRAY_SIZE(iptables_protocols); i++)
                if (strcasecmp(iptables_protocols[i].name, word) == 0)
                        return iptables_protocols[i].number;
        return 0;
}

const char *icmp_word(enum family family, uint16_t type_and_code)
{
        for (size_t i = 0; i < icmp_of[family].n; i++) {
                const struct icmp_name *name = &icmp_of[family].items[i];
                if ((name->type << 8 | name->code) == type_and_code)
                        return name->name;
        }
        return NULL;
}

bool icmp_of_word(enum family family, struct span word, uint16_t *ret)
{
        for (size_t i = 0; i < icmp_of[family].n; i++) {
                const struct icmp_name *name = &icmp_of[family].items[i];
                if (span_is(word, name->name)) {
                        *ret = (uint16_t)(name->type << 8 | name->code);
                        return true;
                }
        }
        return false;
}
