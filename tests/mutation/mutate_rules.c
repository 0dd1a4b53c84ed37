#include <string.h>

#include "mutate.h"

/* Faults in single rules and chains. Only what iptables itself would take: a port needs a rule that
 * names its protocol. */

static size_t position(const struct pick *pick)
{
        return (size_t)(pick->rule - pick->chain->rules.items);
}

static bool rule_deleted(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_rule(mutant, NULL, &pick))
                return false;
        done(mutant, &pick, "deleted");
        remove_rule(pick.chain, position(&pick));
        return true;
}

static bool has_company(const struct pick *pick)
{
        return pick->chain->rules.n > 1;
}

static bool rules_swapped(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_rule(mutant, has_company, &pick))
                return false;
        size_t with = draw(mutant, pick.chain->rules.n - 1);
        if (with >= position(&pick))
                with++;
        done(mutant, &pick, "swapped with rule %zu", with + 1);
        struct rule held = *pick.rule;
        *pick.rule = pick.chain->rules.items[with];
        pick.chain->rules.items[with] = held;
        return true;
}

static bool rule_duplicated(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_rule(mutant, NULL, &pick))
                return false;
        size_t at = draw(mutant, pick.chain->rules.n + 1);
        done(mutant, &pick, "also as rule %zu", at + 1);
        insert_rule(mutant, pick.chain, at, *pick.rule);
        return true;
}

static bool rule_moved(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_rule(mutant, NULL, &pick))
                return false;
        struct rule rule = *pick.rule;
        struct chain *to = &pick.table->chains.items[draw(mutant, pick.table->chains.n)];
        remove_rule(pick.chain, position(&pick));
        size_t at = draw(mutant, to->rules.n + 1);
        done(mutant, &pick, "moved to %s rule %zu", to->name, at + 1);
        insert_rule(mutant, to, at, rule);
        return true;
}

static bool is_port(const struct pick *pick)
{
        return pick->match->kind == MATCH_DESTINATION_PORT ||
               pick->match->kind == MATCH_DESTINATION_PORTS;
}

static bool port_changed(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_match(mutant, is_port, &pick))
                return false;
        size_t n = pick.match->ports.n, at = draw(mutant, n);
        struct port_range *items =
            arena_copy(mutant->arena, pick.match->ports.items, n * sizeof(*items));
        struct port_range old = items[at];
        int by = bytes_chance(mutant->bytes, 50) ? 1 : -1;
        unsigned which = draw(mutant, 3); /* both, the first, the last */
        if (which != 2)
                items[at].first = (uint16_t)(items[at].first + by);
        if (which != 1)
                items[at].last = (uint16_t)(items[at].last + by);
        if (items[at].first > items[at].last)
                return false;
        pick.match->ports.items = items;
        return done(mutant, &pick, "port %u:%u became %u:%u", old.first, old.last, items[at].first,
                    items[at].last);
}

static bool needs_ports(const struct rule *rule)
{
        vec_foreach (const struct match, match, &rule->matches)
                if (match->kind == MATCH_DESTINATION_PORT || match->kind == MATCH_DESTINATION_PORTS)
                        return true;
        return false;
}

static bool needs_protocol(const struct rule *rule)
{
        vec_foreach (const struct match, match, &rule->matches)
                if (match->kind == MATCH_TCP_FLAGS || match->kind == MATCH_SCTP_INIT ||
                    match->kind == MATCH_ICMP_TYPE)
                        return true;
        return rule->target.kind == TARGET_REJECT || needs_ports(rule);
}

static bool is_protocol(const struct pick *pick)
{
        return pick->match->kind == MATCH_PROTOCOL &&
               (needs_ports(pick->rule) || !needs_protocol(pick->rule));
}

static bool protocol_changed(struct mutant *mutant)
{
        static const uint32_t protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP};
        struct pick pick;

        if (!pick_match(mutant, is_protocol, &pick))
                return false;
        uint32_t old = pick.match->number;
        pick.match->number = protocols[draw(mutant, ARRAY_SIZE(protocols))];
        return old != pick.match->number &&
               done(mutant, &pick, "protocol %u became %u", old, pick.match->number);
}

static bool is_address(const struct pick *pick)
{
        return pick->match->kind == MATCH_SOURCE || pick->match->kind == MATCH_DESTINATION;
}

static bool prefix_length_changed(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_match(mutant, is_address, &pick))
                return false;
        struct prefix *prefix = &pick.match->prefix;
        uint8_t old = prefix->length;
        bool longer =
            old <= 1 || (old < family_bits(prefix->ip.family) && bytes_chance(mutant->bytes, 50));
        *prefix = prefix_of(&prefix->ip, (uint8_t)(longer ? old + 1 : old - 1));
        return done(mutant, &pick, "prefix length %u became %u", old, prefix->length);
}

static bool address_changed(struct mutant *mutant)
{
        char before[PREFIX_TEXT_SIZE], after[PREFIX_TEXT_SIZE];
        struct pick pick;

        if (!pick_match(mutant, is_address, &pick))
                return false;
        struct prefix *prefix = &pick.match->prefix;
        unsigned bit = family_bits(prefix->ip.family) - prefix->length;
        prefix_format(prefix, before);
        if (bit == 0)
                prefix->ip = ip_beside(prefix->ip, bytes_chance(mutant->bytes, 50));
        else if (prefix->length > 0) /* its sibling */
                prefix->ip.bytes[(prefix->length - 1) / 8] ^=
                    (uint8_t)(0x80 >> (prefix->length - 1) % 8);
        return done(mutant, &pick, "%s became %s", before, prefix_format(prefix, after));
}

static bool is_loose(const struct pick *pick)
{
        return pick->match->kind != MATCH_COMMENT &&
               (pick->match->kind != MATCH_PROTOCOL || !needs_protocol(pick->rule));
}

static bool match_dropped(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_match(mutant, is_loose, &pick))
                return false;
        size_t at = (size_t)(pick.match - pick.rule->matches.items);
        done(mutant, &pick, "match %zu dropped", at + 1);
        memmove(pick.match, pick.match + 1, (pick.rule->matches.n - at - 1) * sizeof(*pick.match));
        pick.rule->matches.n--;
        return true;
}

static bool match_inverted(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_match(mutant, is_loose, &pick))
                return false;
        pick.match->invert = !pick.match->invert;
        return done(mutant, &pick, "match %td inverted", pick.match - pick.rule->matches.items + 1);
}

static bool is_state(const struct pick *pick)
{
        return pick->match->kind == MATCH_CTSTATE;
}

static bool state_changed(struct mutant *mutant)
{
        static const enum ct_state states[] = {CT_INVALID, CT_NEW, CT_ESTABLISHED, CT_RELATED,
                                               CT_UNTRACKED};
        struct pick pick;

        if (!pick_match(mutant, is_state, &pick))
                return false;
        uint32_t state = states[draw(mutant, ARRAY_SIZE(states))];
        if (pick.match->flags == state)
                return false;
        pick.match->flags ^= state;
        return done(mutant, &pick, "state %u %s", state,
                    pick.match->flags & state ? "added" : "lost");
}

static bool is_flags(const struct pick *pick)
{
        return pick->match->kind == MATCH_TCP_FLAGS;
}

static bool tcp_flags_changed(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_match(mutant, is_flags, &pick))
                return false;
        uint8_t flag = (uint8_t)(1 << draw(mutant, 6));
        bool mask = bytes_chance(mutant->bytes, 50);
        if (mask)
                pick.match->tcp_flags.mask ^= flag;
        else
                pick.match->tcp_flags.set ^= flag;
        return done(mutant, &pick, "TCP flag %u changed in the %s", flag, mask ? "mask" : "set");
}

static bool is_link(const struct pick *pick)
{
        return pick->match->kind == MATCH_ICMP_TYPE || pick->match->kind == MATCH_HOP_LIMIT;
}

static bool link_changed(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_match(mutant, is_link, &pick))
                return false;
        if (pick.match->kind == MATCH_HOP_LIMIT) {
                pick.match->number = pick.match->number == 1 ? 255 : pick.match->number - 1;
                return done(mutant, &pick, "hop limit became %u", pick.match->number);
        }
        pick.match->icmp.type = (uint8_t)(pick.match->icmp.type + 1);
        return done(mutant, &pick, "ICMP type became %u", pick.match->icmp.type);
}

static bool is_plain_target(const struct pick *pick)
{
        return pick->rule->target.kind == TARGET_RETURN || pick->rule->target.kind == TARGET_DROP ||
               pick->rule->target.kind == TARGET_REJECT || pick->rule->target.kind == TARGET_NONE;
}

static bool target_changed(struct mutant *mutant)
{
        static const struct {
                enum target_kind kind;
                const char *name;
        } targets[] = {{TARGET_ACCEPT, "ACCEPT"},
                       {TARGET_DROP, "DROP"},
                       {TARGET_RETURN, "RETURN"},
                       {TARGET_NONE, "nothing"}};
        struct pick pick;

        if (!pick_rule(mutant, is_plain_target, &pick))
                return false;
        size_t i = draw(mutant, ARRAY_SIZE(targets));
        pick.rule->target = (struct target){.kind = targets[i].kind};
        return done(mutant, &pick, "target became %s", targets[i].name);
}

static bool is_jump(const struct pick *pick)
{
        return pick->rule->target.kind == TARGET_JUMP || pick->rule->target.kind == TARGET_GOTO;
}

static bool goto_and_jump_exchanged(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_rule(mutant, is_jump, &pick))
                return false;
        bool jump = pick.rule->target.kind == TARGET_JUMP;
        pick.rule->target.kind = jump ? TARGET_GOTO : TARGET_JUMP;
        return done(mutant, &pick, jump ? "jump became goto" : "goto became jump");
}

static bool is_user_chain(const struct chain *chain)
{
        return !chain->policy;
}

static bool jump_to_another(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_rule(mutant, is_jump, &pick))
                return false;
        const struct chain *to = &pick.table->chains.items[draw(mutant, pick.table->chains.n)];
        if (!is_user_chain(to) || strcmp(to->name, pick.rule->target.text) == 0)
                return false;
        done(mutant, &pick, "leads to %s instead of %s", to->name, pick.rule->target.text);
        pick.rule->target.text = to->name;
        return true;
}

static bool chain_emptied(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_rule(mutant, NULL, &pick))
                return false;
        done(mutant, &pick, "and all others of its chain deleted");
        pick.chain->rules.n = 0;
        return true;
}

static bool policy_changed(struct mutant *mutant)
{
        static const char *const builtin[] = {"INPUT", "FORWARD", "OUTPUT"};
        struct table *table = &mutant->ruleset->tables.items[draw(mutant, FAMILIES)];
        struct pick pick = {.table = table,
                            .chain =
                                table_chain(table, builtin[draw(mutant, ARRAY_SIZE(builtin))])};

        pick.chain->policy = "DROP";
        return done(mutant, &pick, "policy became DROP");
}

static bool counters_changed(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_rule(mutant, NULL, &pick))
                return false;
        pick.rule->counters = (struct counters){1 + draw(mutant, 1000), 1 + draw(mutant, 60000)};
        return done(mutant, &pick, "counted");
}

static bool is_comment(const struct pick *pick)
{
        return pick->match->kind == MATCH_COMMENT;
}

static bool comment_changed(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_match(mutant, is_comment, &pick))
                return false;
        pick.match->text = "penstock: default/another ingress[0]";
        return done(mutant, &pick, "another comment");
}

static bool matches_reordered(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_match(mutant, NULL, &pick) || pick.rule->matches.n < 2)
                return false;
        struct match *last = &pick.rule->matches.items[pick.rule->matches.n - 1], held = *last;
        *last = *pick.match;
        *pick.match = held;
        return done(mutant, &pick, "its matches in another order");
}

const struct mutation rule_mutations[] = {
    {"rule deleted", rule_deleted, false},
    {"rules swapped", rules_swapped, false},
    {"rule duplicated", rule_duplicated, false},
    {"rule moved to another chain", rule_moved, false},
    {"port off by one", port_changed, false},
    {"protocol changed", protocol_changed, false},
    {"prefix length off by one", prefix_length_changed, false},
    {"address beside", address_changed, false},
    {"match dropped", match_dropped, false},
    {"match inverted", match_inverted, false},
    {"state lost or added", state_changed, false},
    {"TCP flags changed", tcp_flags_changed, false},
    {"ICMP type or hop limit changed", link_changed, false},
    {"target changed", target_changed, false},
    {"goto and jump exchanged", goto_and_jump_exchanged, false},
    {"jump to another chain", jump_to_another, false},
    {"chain emptied", chain_emptied, false},
    {"chain's policy DROP", policy_changed, false},
    {"counters only", counters_changed, true},
    {"comment only", comment_changed, true},
    {"order of matches only", matches_reordered, true},
};
const size_t n_rule_mutations = ARRAY_SIZE(rule_mutations);
