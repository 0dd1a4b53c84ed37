#include "verify/sim_address.h"

#include <stdlib.h>
#include <string.h>

/* The two families differ in the kernel. Of IPv4 an address is of one type, and a match holds where
 * it is among the types asked for. Of IPv6 the looks of the address must fit each type that is
 * asked for, and the routes are only asked where LOCAL, ANYCAST or UNREACHABLE are. */

#define ANY_TYPE                                                                                   \
        (ADDRESS_BROADCAST | ADDRESS_MULTICAST | ADDRESS_UNICAST | ADDRESS_LOCAL |                 \
         ADDRESS_ANYCAST | ADDRESS_BLACKHOLE | ADDRESS_UNREACHABLE | ADDRESS_PROHIBIT)

static bool is_listed(const struct ip *list, size_t n, const struct ip *ip)
{
        return n > 0 && bsearch(ip, list, n, sizeof(*list), ip_compare_items);
}

static bool is_number4(const struct ip *ip, uint32_t number)
{
        const uint8_t *bytes = ip->bytes;

        return ((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
                bytes[3]) == number;
}

/* The types that an IPv4 address may be of. */
static uint32_t possible_types(const struct sim_node *node, const struct ip *ip)
{
        const bool loopback = ip->bytes[0] == 127;
        /* Broadcasts of lo, as most kernels have it. */
        const bool edge = is_number4(ip, 0x7f000000) || is_number4(ip, 0x7fffffff);
        uint32_t types = 0;

        if (is_number4(ip, 0) || is_number4(ip, 0xffffffff))
                return ADDRESS_BROADCAST;
        if (ip->bytes[0] >= 224 && ip->bytes[0] < 240)
                return ADDRESS_MULTICAST;
        if (ip->bytes[0] == 0) /* broadcasts as well, before 5.3 */
                return ADDRESS_BROADCAST | ADDRESS_UNICAST;
        if (!node || !node->known)
                return loopback ? ADDRESS_LOCAL | (edge ? ADDRESS_BROADCAST : 0)
                                : ANY_TYPE & ~ADDRESS_MULTICAST;
        if (is_listed(node->locals, node->n_locals, ip))
                types |= ADDRESS_LOCAL;
        if (is_listed(node->broadcasts, node->n_broadcasts, ip))
                types |= ADDRESS_BROADCAST;
        if (types)
                return types;
        return loopback ? ADDRESS_LOCAL : ADDRESS_UNICAST;
}

static enum truth is_of_type4(const struct sim_node *node, const struct ip *ip, uint32_t types,
                              bool limited)
{
        uint32_t possible = possible_types(node, ip);

        /* What another link's routes say does not count: there it is any host. */
        if (limited && possible & (ANY_TYPE & ~(ADDRESS_MULTICAST | ADDRESS_UNICAST)) &&
            !is_number4(ip, 0) && !is_number4(ip, 0xffffffff))
                possible |= ADDRESS_UNICAST;
        if (!(possible & types))
                return NO;
        return possible & ~types ? UNKNOWN : YES;
}

/* What the first bytes of an IPv6 address say. */
struct looks {
        bool multicast, unspecified, loopback, mapped;
};

static struct looks looks_of(const struct ip *ip)
{
        static const uint8_t zeros[15], mapped[12] = {[10] = 0xff, [11] = 0xff};
        bool small = memcmp(ip->bytes, zeros, sizeof(zeros)) == 0;

        return (struct looks){
            .multicast = ip->bytes[0] == 0xff,
            .unspecified = small && ip->bytes[15] == 0,
            .loopback = small && ip->bytes[15] == 1,
            .mapped = memcmp(ip->bytes, mapped, sizeof(mapped)) == 0,
        };
}

static enum truth is_of_type6(const struct sim_node *node, const struct ip *ip, uint32_t types,
                              bool limited)
{
        const uint32_t routed = ADDRESS_LOCAL | ADDRESS_ANYCAST | ADDRESS_UNREACHABLE;
        struct looks looks = looks_of(ip);

        if ((types & ADDRESS_MULTICAST && !looks.multicast) ||
            (types & ADDRESS_UNSPEC && !looks.unspecified) ||
            (types & ADDRESS_UNICAST && (looks.multicast || looks.unspecified)))
                return NO;
        if (looks.mapped || types & (ADDRESS_BROADCAST | ADDRESS_BLACKHOLE | ADDRESS_PROHIBIT))
                return UNKNOWN;
        if (!(types & routed))
                return YES;
        enum truth local = types & ADDRESS_LOCAL ? sim_address_is_local(node, ip) : NO;
        if (local == YES)
                return limited ? UNKNOWN : YES;
        return types & (ADDRESS_ANYCAST | ADDRESS_UNREACHABLE) ? UNKNOWN : local;
}

enum truth sim_address_is_of_type(const struct sim_node *node, const struct ip *ip, uint32_t types,
                                  bool limited)
{
        return ip->family == FAMILY_IPV4 ? is_of_type4(node, ip, types, limited)
                                         : is_of_type6(node, ip, types, limited);
}

enum truth sim_address_is_local(const struct sim_node *node, const struct ip *ip)
{
        if (ip->family == FAMILY_IPV4)
                return is_of_type4(node, ip, ADDRESS_LOCAL, false);
        struct looks looks = looks_of(ip);
        if (looks.loopback)
                return YES;
        if (looks.multicast || looks.unspecified)
                return NO;
        if (!node || !node->known)
                return UNKNOWN;
        return is_listed(node->locals, node->n_locals, ip) ? YES : NO;
}
