#pragma once

#include <stdio.h>

#include "base/json_print.h"
#include "iptables/backend.h"
#include "rules/ruleset.h"

/* The place in a ruleset that decides about a packet. */
struct deciding {
        const char *backend; /* "iptables-nft"; NULL: of a file */
        const struct table *table;
        const struct chain *chain;
        const struct rule *rule; /* NULL: the chain's policy, or its end */
        size_t number;           /* of the rule, from 1; 0 where there is none */
        bool counted;            /* its counters are known, and wanted */
};

/* number is found where the rule is of the chain. */
struct deciding deciding_at(const char *backend, const struct table *table,
                            const struct chain *chain, const struct rule *rule);
/* "iptables-nft filter FORWARD 1: -A FORWARD -j ACCEPT", without newline; memory is the arena's. */
const char *deciding_text(struct arena *arena, const struct deciding *deciding);
/* {"backend": NAME|null, "family", "table", "chain", "rule": N|null, "text": RULE|null,
 *  "policy": "ACCEPT|DROP"|null, "packets": N, "bytes": N (where they are counted)}; null where
 * there is no chain. */
void deciding_json(struct json_print *json, const char *key, const struct deciding *deciding);
