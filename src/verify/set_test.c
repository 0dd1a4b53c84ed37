#include "verify/set_test.h"

#include <string.h>

/* The kernel makes of the packet what an element of the set looks like and looks that up: in a set
 * of nets once for each prefix length that the set has. So does this, for all kinds but those with
 * interfaces and MACs. */

#define PROTOCOL_UDPLITE 136
#define PHYSDEV          "physdev:" /* in front of the name of a bridge's port */

/* What decided. */
enum found { FOUND_NOTHING, FOUND_MEMBER, FOUND_NOMATCH, FOUND_UNKNOWN };

struct question {
        const struct ruleset *sets;
        const struct match *match;
        const struct sim_packet *packet;
        bool return_nomatch;
        bool more; /* the match asks what the sets alone don't answer */
};

static enum truth test(const struct question *question, const struct set *set, bool listed);

/* Ends are counted from 1; 0 is none. */
struct layout {
        uint8_t dimensions;
        uint8_t address_end, port_end, second_end;
        bool any_family, tcp_and_udp_alone, mark;
        enum found (*find)(const struct question *question, const struct set *set);
};

static const struct layout *layout_of(enum set_type type);

static const struct ip *address_at(const struct question *question, uint8_t end)
{
        return question->match->set.ends[end - 1] == SET_SOURCE ? &question->packet->source
                                                                : &question->packet->destination;
}

static struct ip masked(const struct set *set, const struct ip *ip)
{
        struct ip cut = *ip;

        for (size_t i = 0; set->mask && i < sizeof(cut.bytes); i++)
                cut.bytes[i] &= set->mask->ip.bytes[i];
        return cut;
}

/* As ip_set_get_ip4_port() has it: a protocol without ports has port 0. False: no element can be
 * meant. */
static bool port_at(const struct question *question, const struct layout *layout, uint16_t *ret)
{
        const struct sim_packet *packet = question->packet;
        bool source = question->match->set.ends[layout->port_end - 1] == SET_SOURCE;

        *ret = 0;
        switch (packet->protocol) {
        case 0:
                return false;
        case PROTOCOL_SCTP:
        case PROTOCOL_UDPLITE:
                if (layout->tcp_and_udp_alone)
                        return false;
                __attribute__((fallthrough));
        case PROTOCOL_TCP:
        case PROTOCOL_UDP:
                *ret = source ? packet->source_port : packet->destination_port;
                return true;
        case PROTOCOL_ICMP:
        case PROTOCOL_ICMPV6:
                *ret = (uint16_t)(packet->icmp_type << 8 | packet->icmp_code);
                return !layout->tcp_and_udp_alone;
        default:
                return !layout->tcp_and_udp_alone;
        }
}

/* Prefix lengths to try in one dimension. */
struct lengths {
        const uint8_t *items;
        size_t n;
};

static struct lengths lengths_of(const struct set *set, unsigned dimension, enum family family)
{
        static const uint8_t whole[FAMILIES] = {32, 128};

        if (!set_type_has_nets(set->type, dimension))
                return (struct lengths){&whole[family], 1};
        return (struct lengths){set->lengths->items[dimension], set->lengths->n[dimension]};
}

/* Lookups of one key, whose nets are cut ever shorter: the first dimension's outside, the second's
 * within. The first that finds anything decides. */
static enum found find_longest(const struct set *set, struct set_element *key,
                               struct set_element_more *more, const struct ip *first,
                               const struct ip *second)
{
        const struct lengths firsts = lengths_of(set, 0, first->family);
        const struct lengths seconds = lengths_of(set, 1, first->family);

        for (size_t i = 0; i < firsts.n; i++) {
                key->prefix = prefix_of(first, firsts.items[i]);
                for (size_t j = 0; j < seconds.n; j++) {
                        if (second)
                                more->second = prefix_of(second, seconds.items[j]);
                        const struct set_element *found = set_find_key(set, key);
                        if (found)
                                return found->nomatch ? FOUND_NOMATCH : FOUND_MEMBER;
                }
        }
        return FOUND_NOTHING;
}

static enum found find_key(const struct question *question, const struct set *set)
{
        const struct layout *layout = layout_of(set->type);
        struct set_element key = {0};
        struct set_element_more more = {0};
        struct ip second;

        if (layout->port_end) {
                if (!port_at(question, layout, &key.port))
                        return FOUND_NOTHING;
                if (!layout->tcp_and_udp_alone)
                        key.protocol = question->packet->protocol;
        }
        if (layout->mark)
                more.mark = question->packet->mark & (set->mask ? set->mask->mark : UINT32_MAX);
        if (layout->second_end)
                second = masked(set, address_at(question, layout->second_end));
        if (layout->mark || layout->second_end)
                key.more = &more;
        if (!layout->address_end) {
                const struct set_element *found = set_find_key(set, &key);
                return found ? FOUND_MEMBER : FOUND_NOTHING;
        }
        struct ip first = masked(set, address_at(question, layout->address_end));
        return find_longest(set, &key, &more, &first, layout->second_end ? &second : NULL);
}

/* The elements of one prefix, whatever else they say. */
struct span {
        const struct set_element *items, *end;
};

static struct span elements_of(const struct set *set, const struct prefix *prefix)
{
        const struct set_element *items = set->elements.items, *end = items + set->elements.n;
        size_t n = set->elements.n, low = 0;

        while (n > 0) {
                size_t half = n / 2;
                if (prefix_compare(&items[low + half].prefix, prefix) < 0) {
                        low += half + 1;
                        n -= half + 1;
                } else {
                        n = half;
                }
        }
        struct span span = {items + low, items + low};
        while (span.end < end && prefix_equal(&span.end->prefix, prefix))
                span.end++;
        return span;
}

static bool is_physdev(const struct set_element *element)
{
        return strncmp(set_element_more(element)->interface, PHYSDEV, strlen(PHYSDEV)) == 0;
}

static bool interface_is(const struct set_element *element, const char *name)
{
        const struct set_element_more *more = set_element_more(element);

        return more->wildcard ? strncmp(more->interface, name, strlen(more->interface)) == 0
                              : strcmp(more->interface, name) == 0;
}

/* In one net; a physdev's name with what stands in front of it is no packet's. Where elements that
 * match disagree (a wildcard and what it takes in), the kernel takes the one that it stored first,
 * which nobody is told. */
static enum found find_interface(const struct span *span, const char *name)
{
        enum found found = FOUND_NOTHING;

        for (const struct set_element *element = span->items; element < span->end; element++) {
                if (!interface_is(element, name))
                        continue;
                enum found this = element->nomatch ? FOUND_NOMATCH : FOUND_MEMBER;
                if (found != FOUND_NOTHING && found != this)
                        return FOUND_UNKNOWN;
                found = this;
        }
        return found;
}

static bool all_physdev(const struct span *span)
{
        for (const struct set_element *element = span->items; element < span->end; element++)
                if (!is_physdev(element))
                        return false;
        return true;
}

/* The kernel ends its walk over the lengths at the first net that it meets, whether or not the
 * interface is the packet's. A match of iptables never asks for a bridge's port, so physdev
 * elements match nothing; but they end the walk, too, where they fall into the same hash bucket as
 * what is looked for, and that is chance. */
static enum found find_net_and_interface(const struct question *question, const struct set *set)
{
        const struct sim_packet *packet = question->packet;
        const char *name = question->match->set.ends[1] == SET_SOURCE ? packet->in_interface
                                                                      : packet->out_interface;
        const struct ip *ip = address_at(question, 1);
        const struct lengths lengths = lengths_of(set, 0, ip->family);
        bool by_chance = false;

        for (size_t i = 0; name[0] && i < lengths.n; i++) {
                struct prefix prefix = prefix_of(ip, lengths.items[i]);
                struct span span = elements_of(set, &prefix);
                if (span.items == span.end)
                        continue;
                if (all_physdev(&span)) {
                        by_chance = true;
                        continue;
                }
                enum found found = find_interface(&span, name);
                return found != FOUND_NOTHING && by_chance ? FOUND_UNKNOWN : found;
        }
        return FOUND_NOTHING;
}

static enum found find_address_and_mac(const struct question *question, const struct set *set)
{
        struct prefix prefix = prefix_host(address_at(question, 1));
        struct span span = elements_of(set, &prefix);

        return span.items == span.end ? FOUND_NOTHING : FOUND_UNKNOWN;
}

static enum found find_mac(const struct question *question, const struct set *set)
{
        return set->elements.n == 0 ? FOUND_NOTHING : FOUND_UNKNOWN;
}

static enum found find_in_list(const struct question *question, const struct set *set)
{
        enum found found = FOUND_NOTHING;

        vec_foreach (const struct set_element, element, &set->elements) {
                const struct set *member =
                    ruleset_set(question->sets, set_element_more(element)->member);
                enum truth truth = member ? test(question, member, true) : UNKNOWN;
                if (truth == YES)
                        return FOUND_MEMBER;
                if (truth == UNKNOWN)
                        found = FOUND_UNKNOWN;
        }
        return found;
}

static const struct layout layouts[] = {
    [SET_HASH_IP] = {1, .address_end = 1},
    [SET_HASH_NET] = {1, .address_end = 1},
    [SET_HASH_IP_PORT] = {2, .address_end = 1, .port_end = 2},
    [SET_HASH_IP_PORT_IP] = {3, .address_end = 1, .port_end = 2, .second_end = 3},
    [SET_HASH_IP_PORT_NET] = {3, .address_end = 1, .port_end = 2, .second_end = 3},
    [SET_HASH_IP_MARK] = {2, .address_end = 1, .mark = true},
    [SET_HASH_IP_MAC] = {2, .find = find_address_and_mac},
    [SET_HASH_MAC] = {1, .any_family = true, .find = find_mac},
    [SET_HASH_NET_PORT] = {2, .address_end = 1, .port_end = 2},
    [SET_HASH_NET_NET] = {2, .address_end = 1, .second_end = 2},
    [SET_HASH_NET_PORT_NET] = {3, .address_end = 1, .port_end = 2, .second_end = 3},
    [SET_HASH_NET_IFACE] = {2, .find = find_net_and_interface},
    [SET_BITMAP_IP] = {1, .address_end = 1},
    [SET_BITMAP_IP_MAC] = {2, .find = find_address_and_mac},
    [SET_BITMAP_PORT] = {1, .port_end = 1, .any_family = true, .tcp_and_udp_alone = true},
    [SET_LIST] = {1, .any_family = true, .find = find_in_list},
};

static const struct layout *layout_of(enum set_type type)
{
        return &layouts[type];
}

static enum truth truth_of(bool yes)
{
        return yes ? YES : NO;
}

/* --return-nomatch turns members and nomatches of nets round. Whatever else is asked of an element
 * (its counters) can make one that is there count as absent, and what the kernel finds then,
 * another net may hold. */
static enum truth answer(const struct question *question, const struct set *set, enum found found)
{
        bool nets = set_type_has_nets(set->type, 0) || set_type_has_nets(set->type, 1);

        if (found == FOUND_UNKNOWN || (question->more && found != FOUND_NOTHING))
                return UNKNOWN;
        return truth_of(found == (question->return_nomatch && nets ? FOUND_NOMATCH : FOUND_MEMBER));
}

/* listed: as a member of a list, which the kernel takes no other list for. */
static enum truth test(const struct question *question, const struct set *set, bool listed)
{
        if (set->type == SET_UNKNOWN || (set->type == SET_LIST && listed))
                return UNKNOWN;
        const struct layout *layout = layout_of(set->type);
        if (question->match->set.n_ends < layout->dimensions)
                return NO;
        if (!layout->any_family && set->family != question->packet->source.family)
                return NO;
        return answer(question, set, (layout->find ? layout->find : find_key)(question, set));
}

/* Does text begin with this option? What is behind it then, else NULL. */
static const char *skip_option(const char *text, const char *option)
{
        size_t length = strlen(option);

        if (strncmp(text, option, length) != 0 || (text[length] && text[length] != ' '))
                return NULL;
        return text + length + strspn(text + length, " ");
}

static void read_options(const char *text, struct question *question)
{
        while (!question->more && *text) {
                const char *next;
                if ((next = skip_option(text, "--return-nomatch")))
                        question->return_nomatch = true;
                else if (!(next = skip_option(text, "! --update-counters")) &&
                         !(next = skip_option(text, "! --update-subcounters")))
                        question->more = true;
                text = next;
        }
}

enum truth set_test(const struct ruleset *sets, const struct match *match,
                    const struct sim_packet *packet)
{
        struct question question = {.sets = sets, .match = match, .packet = packet};
        const struct set *set = ruleset_set(sets, match->set.name);

        if (!set)
                return UNKNOWN;
        if (match->set.options)
                read_options(match->set.options, &question);
        return test(&question, set, false);
}
