#include "fuzz.h"

#include <string.h>

#include "iptables/legacy_entries.h"

/* What a kernel says of a table of iptables-legacy, and the table: refused, or rules that are in
 * it, lead to chains that are in it, and are, with what else a table has, as many as it says. */

struct said {
        uint32_t family, valid_hooks, hook_entry[NF_INET_NUMHOOKS], underflow[NF_INET_NUMHOOKS];
        uint32_t n_entries;
};

static void check_rule(const struct legacy_rules *rules, const struct legacy_bytes *bytes,
                       const struct legacy_rule *rule)
{
        bool found = !rule->leads_to;

        must(rule->entry >= bytes->bytes && rule->target < rule->size);
        must(rule->entry + rule->size <= bytes->bytes + bytes->size);
        vec_foreach (const struct legacy_chain, chain, &rules->chains)
                found |= !chain->builtin && chain->name == rule->leads_to;
        must(found);
}

static void check(const struct legacy_rules *rules, const struct legacy_bytes *bytes)
{
        size_t n = 1; /* the end */

        vec_foreach (const struct legacy_chain, chain, &rules->chains) {
                must(*chain->name && strlen(chain->name) < 30);
                n += chain->n_rules + (chain->builtin ? 1 : 2);
                for (size_t i = 0; i < chain->n_rules; i++)
                        check_rule(rules, bytes, &chain->rules[i]);
        }
        must(n == bytes->n_entries);
        must(legacy_entries_of(rules).print != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct legacy_rules rules;
        struct said said;
        struct err err;

        if (size < sizeof(said))
                return 0;
        memcpy(&said, data, sizeof(said));
        struct legacy_bytes bytes = {
            .family = said.family & 1 ? FAMILY_IPV6 : FAMILY_IPV4,
            .valid_hooks = said.valid_hooks,
            .n_entries = said.n_entries,
            .bytes = arena_copy(arena, data + sizeof(said), size - sizeof(said)),
            .size = size - sizeof(said),
        };
        memcpy(bytes.hook_entry, said.hook_entry, sizeof(said.hook_entry));
        memcpy(bytes.underflow, said.underflow, sizeof(said.underflow));
        if (legacy_rules_parse(arena, &bytes, &rules, &err) == 0)
                check(&rules, &bytes);
        return 0;
}
