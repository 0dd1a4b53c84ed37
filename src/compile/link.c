#include "compile/link.h"

static const char *const local_sets[FAMILIES] = {SET_PREFIX "local-4", SET_PREFIX "local-6"};

static const struct target deny = {.kind = TARGET_GOTO, .text = CHAIN_DENY};

void link_add_set(struct compiler *compiler, enum family family)
{
        struct set *local =
            ruleset_add_set(compiler->ruleset, local_sets[family], SET_HASH_IP, family);

        vec_foreach (const struct pod *, pod, &compiler->locals) {
                const struct ip *ip = pod_ip(*pod, family);
                if (!ip)
                        continue;
                struct set_element element = {.prefix = prefix_host(ip)};
                vec_push(compiler->arena, &local->elements, element);
        }
}

static void add_link_local(struct compiler *compiler, struct chain *chain, enum match_kind kind)
{
        struct match match = {
            .kind = kind,
            .prefix = {.ip = {.family = FAMILY_IPV6, .bytes = {0xfe, 0x80}}, .length = 10}};

        compiler_add_rule(compiler, chain, &match, 1, "penstock: link-local", deny);
}

static void add_many(struct compiler *compiler, struct chain *chain, enum family family)
{
        struct match matches[2] = {
            {.kind = MATCH_DESTINATION_TYPE,
             .address_type.types = ADDRESS_BROADCAST | ADDRESS_MULTICAST},
            match_set(local_sets[family], SET_SOURCE),
        };

        if (family == FAMILY_IPV6)
                matches[0] = (struct match){
                    .kind = MATCH_DESTINATION,
                    .prefix = {.ip = {.family = FAMILY_IPV6, .bytes = {0xff}}, .length = 8}};
        compiler_add_rule(compiler, chain, matches, ARRAY_SIZE(matches),
                          "penstock: to many at once", deny);
}

void link_add_sources(struct compiler *compiler, struct chain *chain, enum family family)
{
        if (family == FAMILY_IPV6)
                add_link_local(compiler, chain, MATCH_SOURCE);
}

void link_add_destinations(struct compiler *compiler, struct chain *chain, enum family family)
{
        if (family == FAMILY_IPV6)
                add_link_local(compiler, chain, MATCH_DESTINATION);
        add_many(compiler, chain, family);
}
