#include "iptables/legacy_rules.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <string.h>

#include "base/map.h"

/* Where the two families differ. */
static const struct layout {
        size_t header; /* its size */
        size_t packet; /* of what it says about a packet, at its beginning */
        size_t target_offset, next_offset, comefrom, counters;
} layouts[FAMILIES] = {
    [FAMILY_IPV4] = {sizeof(struct ipt_entry), sizeof(struct ipt_ip),
                     offsetof(struct ipt_entry, target_offset),
                     offsetof(struct ipt_entry, next_offset), offsetof(struct ipt_entry, comefrom),
                     offsetof(struct ipt_entry, counters)},
    [FAMILY_IPV6] = {sizeof(struct ip6t_entry), sizeof(struct ip6t_ip6),
                     offsetof(struct ip6t_entry, target_offset),
                     offsetof(struct ip6t_entry, next_offset),
                     offsetof(struct ip6t_entry, comefrom), offsetof(struct ip6t_entry, counters)},
};

static const char *const builtin_names[NF_INET_NUMHOOKS] = {[NF_INET_PRE_ROUTING] = "PREROUTING",
                                                            [NF_INET_LOCAL_IN] = "INPUT",
                                                            [NF_INET_FORWARD] = "FORWARD",
                                                            [NF_INET_LOCAL_OUT] = "OUTPUT",
                                                            [NF_INET_POST_ROUTING] = "POSTROUTING"};

#define NO_HOOK NF_INET_NUMHOOKS

struct entry {
        size_t at;
        uint16_t target, size, target_size;
        const char *target_name;
};

struct parse {
        struct arena *arena;
        const struct legacy_bytes *from;
        const struct layout *layout;
        struct legacy_rules chains;
        VEC(struct legacy_rule) rules; /* of all chains */
        VEC(size_t) firsts;            /* by chain: which of them is its first */
        unsigned hook;                 /* of the chain that is open */
        uint32_t hooks_seen;
        bool open, ended;
};

static uint16_t short_at(const uint8_t *bytes)
{
        uint16_t value;

        memcpy(&value, bytes, sizeof(value));
        return value;
}

static int32_t verdict_of(const uint8_t *entry, size_t target)
{
        int32_t verdict;

        memcpy(&verdict, entry + target + offsetof(struct xt_standard_target, verdict),
               sizeof(verdict));
        return verdict;
}

static bool ends_inside(const uint8_t *text, size_t size)
{
        return memchr(text, '\0', size) != NULL;
}

static int wrong(struct err *err, size_t at, const char *what)
{
        return err_set(err, "the entry at byte %zu %s", at, what);
}

/* Its sizes, each held to what is around it before it is used. */
static int read_sizes(const struct parse *parse, size_t at, struct entry *ret, struct err *err)
{
        const struct layout *layout = parse->layout;
        const uint8_t *bytes = parse->from->bytes + at;
        const size_t left = parse->from->size - at;

        if (left < layout->header)
                return wrong(err, at, "is cut off in its header");
        ret->at = at;
        ret->target = short_at(bytes + layout->target_offset);
        ret->size = short_at(bytes + layout->next_offset);
        if (ret->size > left)
                return wrong(err, at, "is longer than the table");
        if (ret->size % __alignof__(struct _xt_align) != 0)
                return wrong(err, at, "leaves the next one unaligned");
        if (ret->target < layout->header)
                return wrong(err, at, "has a target in its header");
        if (ret->target + sizeof(struct xt_entry_target) > ret->size)
                return wrong(err, at, "has no room for its target");
        return 0;
}

static size_t least_target(const char *name)
{
        return strcmp(name, XT_STANDARD_TARGET) == 0 ? sizeof(struct xt_standard_target)
               : strcmp(name, XT_ERROR_TARGET) == 0  ? sizeof(struct xt_error_target)
                                                     : sizeof(struct xt_entry_target);
}

static int read_entry(const struct parse *parse, size_t at, struct entry *ret, struct err *err)
{
        if (read_sizes(parse, at, ret, err) < 0)
                return -1;
        const uint8_t *target = parse->from->bytes + at + ret->target;
        const uint8_t *name = target + offsetof(struct xt_entry_target, u.user.name);

        ret->target_size = short_at(target + offsetof(struct xt_entry_target, u.target_size));
        ret->target_name = (const char *)name;
        if (!ends_inside(name, XT_EXTENSION_MAXNAMELEN))
                return wrong(err, at, "has a target whose name does not end");
        if (ret->target_size < least_target(ret->target_name) ||
            ret->target_size > ret->size - ret->target)
                return wrong(err, at, "has a target of a wrong size");
        return 0;
}

static unsigned hook_at(const struct legacy_bytes *from, size_t at)
{
        for (unsigned hook = 0; hook < NF_INET_NUMHOOKS; hook++)
                if (from->valid_hooks & 1u << hook && from->hook_entry[hook] == at)
                        return hook;
        return NO_HOOK;
}

static void open_chain(struct parse *parse, const char *name, size_t begins, unsigned hook)
{
        const struct legacy_chain chain = {
            .name = name, .builtin = hook != NO_HOOK, .begins = (uint32_t)begins};

        vec_push(parse->arena, &parse->chains.chains, chain);
        vec_push(parse->arena, &parse->firsts, parse->rules.n);
        parse->open = true;
        parse->hook = hook;
        if (hook != NO_HOOK)
                parse->hooks_seen |= 1u << hook;
}

/* Takes every packet, and has a verdict. */
static bool ends_a_chain(const struct parse *parse, const struct legacy_rule *rule)
{
        static const uint8_t any[sizeof(struct ip6t_ip6)];

        if (rule->target != parse->layout->header ||
            memcmp(rule->entry, any, parse->layout->packet) != 0)
                return false;
        if (parse->hook == NO_HOOK)
                return rule->verdict == XT_RETURN;
        return rule->entry - parse->from->bytes == parse->from->underflow[parse->hook] &&
               (rule->verdict == -NF_ACCEPT - 1 || rule->verdict == -NF_DROP - 1);
}

/* Its last entry is no rule. */
static int close_chain(struct parse *parse, size_t at, struct err *err)
{
        if (!parse->open)
                return 0;
        const size_t n = parse->chains.chains.n, first = parse->firsts.items[n - 1];
        if (parse->rules.n == first ||
            !ends_a_chain(parse, &parse->rules.items[parse->rules.n - 1]))
                return wrong(err, at, "begins where a chain has not ended");
        parse->rules.n--;
        parse->chains.chains.items[n - 1].n_rules = parse->rules.n - first;
        parse->open = false;
        return 0;
}

static int take_head(struct parse *parse, const struct entry *entry, struct err *err)
{
        const uint8_t *name = parse->from->bytes + entry->at + entry->target +
                              offsetof(struct xt_error_target, errorname);

        if (close_chain(parse, entry->at, err) < 0)
                return -1;
        if (entry->at + entry->size == parse->from->size) {
                parse->ended = true;
                return 0;
        }
        if (!ends_inside(name, XT_FUNCTION_MAXNAMELEN) || *name == '\0')
                return wrong(err, entry->at, "has no name for the chain that begins there");
        open_chain(parse, (const char *)name, entry->at + entry->size, NO_HOOK);
        return 0;
}

static bool is_verdict(int32_t verdict)
{
        return verdict == -NF_ACCEPT - 1 || verdict == -NF_DROP - 1 || verdict == -NF_QUEUE - 1 ||
               verdict == XT_RETURN;
}

/* Where it leads is found when all chains are. Until then a jump's verdict is a place. */
static int take_rule(struct parse *parse, const struct entry *entry, struct err *err)
{
        const uint8_t *bytes = parse->from->bytes + entry->at;
        struct legacy_rule rule = {.family = parse->from->family,
                                   .entry = bytes,
                                   .target = entry->target,
                                   .size = entry->size};
        struct xt_counters counters;

        memcpy(&counters, bytes + parse->layout->counters, sizeof(counters));
        rule.counters = (struct counters){counters.pcnt, counters.bcnt};
        if (strcmp(entry->target_name, XT_STANDARD_TARGET) == 0) {
                rule.verdict = verdict_of(bytes, entry->target);
                if (rule.verdict <= 0 && !is_verdict(rule.verdict))
                        return wrong(err, entry->at, "has a verdict that there is not");
                if (rule.verdict > 0 && (size_t)rule.verdict == entry->at + entry->size)
                        rule.verdict = 0;
        }
        vec_push(parse->arena, &parse->rules, rule);
        return 0;
}

static int take_entry(struct parse *parse, const struct entry *entry, struct err *err)
{
        const unsigned hook = hook_at(parse->from, entry->at);

        if (strcmp(entry->target_name, XT_ERROR_TARGET) == 0)
                return take_head(parse, entry, err);
        if (hook != NO_HOOK) {
                if (close_chain(parse, entry->at, err) < 0)
                        return -1;
                open_chain(parse, builtin_names[hook], entry->at, hook);
        }
        if (!parse->open)
                return wrong(err, entry->at, "is in no chain");
        return take_rule(parse, entry, err);
}

static int by_begin(const void *key, const void *item)
{
        const struct legacy_chain *chain = item;
        const uint32_t begins = *(const uint32_t *)key;

        return begins < chain->begins ? -1 : begins > chain->begins;
}

static int find_leads(struct parse *parse, struct err *err)
{
        vec_foreach (struct legacy_rule, rule, &parse->rules) {
                const uint32_t begins = (uint32_t)rule->verdict;
                if (rule->verdict <= 0)
                        continue;
                const struct legacy_chain *chain =
                    vec_find(&parse->chains.chains, &begins, by_begin);
                if (!chain || chain->builtin)
                        return wrong(err, (size_t)(rule->entry - parse->from->bytes),
                                     "leads to no chain");
                rule->leads_to = chain->name;
        }
        return 0;
}

static int finish(struct parse *parse, size_t n_entries, struct err *err)
{
        size_t at = 0;

        if (!parse->ended)
                return err_set(err, "the table does not end");
        if (n_entries != parse->from->n_entries)
                return err_set(err, "the table has %zu entries, not %u", n_entries,
                               parse->from->n_entries);
        if (parse->hooks_seen != parse->from->valid_hooks)
                return err_set(err, "a built-in chain is missing");
        if (find_leads(parse, err) < 0)
                return -1;
        vec_foreach (struct legacy_chain, chain, &parse->chains.chains) {
                chain->rules = parse->rules.items + at;
                at += chain->n_rules;
        }
        return 0;
}

int legacy_rules_parse(struct arena *arena, const struct legacy_bytes *bytes,
                       struct legacy_rules *ret, struct err *err)
{
        struct parse parse = {.arena = arena, .from = bytes, .layout = &layouts[bytes->family]};
        struct entry entry = {0};
        size_t n_entries = 0;

        for (size_t at = 0; at < bytes->size; at += entry.size, n_entries++)
                if (read_entry(&parse, at, &entry, err) < 0 || take_entry(&parse, &entry, err) < 0)
                        return -1;
        if (finish(&parse, n_entries, err) < 0)
                return -1;
        *ret = parse.chains;
        return 0;
}

/* comefrom is the kernel's note of which built-in chains lead here, and changes with others'. */
uint64_t legacy_rule_print(const struct legacy_rule *rule)
{
        const struct layout *layout = &layouts[rule->family];
        const uint8_t *target = rule->entry + rule->target;
        const bool standard = target[offsetof(struct xt_entry_target, u.user.name)] == '\0';
        const size_t target_size =
            standard ? sizeof(struct xt_entry_target) : (size_t)(rule->size - rule->target);
        const uint64_t parts[] = {
            map_hash(rule->entry, layout->comefrom),
            map_hash(rule->entry + layout->header, rule->target - layout->header),
            map_hash(target, target_size),
            rule->leads_to ? map_hash(rule->leads_to, strlen(rule->leads_to))
                           : (uint64_t)rule->verdict,
        };

        return map_hash(parts, sizeof(parts));
}
