#include "cmd/verdict_print.h"

#include <stdio.h>

static void print_policy(const struct network_policy *policy)
{
        printf("%s/%s", policy->meta.namespace, policy->meta.name);
}

static void print_place(const struct network_policy *policy)
{
        printf("   %s:%u\n", policy->meta.place.file, policy->meta.place.line);
}

void verdict_print_side(const struct side *side, enum direction direction, const char *name)
{
        printf("  %-7s of %s: ", direction_name(direction), name);
        if (side->exempt) {
                printf("always allowed (%s)\n", side->exempt);
                return;
        }
        if (!side->isolated) {
                puts("allowed, no policy isolates it");
                return;
        }
        puts(side->allowed ? "allowed by" : "denied, no rule allows it of");
        for (size_t i = 0; side->allowed && i < side->allowed_by.n; i++) {
                const struct policy_rule_ref *ref = &side->allowed_by.items[i];
                fputs("    ", stdout);
                print_policy(ref->policy);
                printf(" %s[%zu]", direction_name(ref->direction), ref->rule);
                print_place(ref->policy);
        }
        for (size_t i = 0; !side->allowed && i < side->policies.n; i++) {
                fputs("    ", stdout);
                print_policy(side->policies.items[i]);
                print_place(side->policies.items[i]);
        }
}

static void json_policy(struct json_print *json, const char *key,
                        const struct network_policy *policy)
{
        _cleanup_strbuf_ struct strbuf name = {0};

        strbuf_printf(&name, "%s/%s", policy->meta.namespace, policy->meta.name);
        json_text(json, key, strbuf_text(&name));
}

static void json_side(struct json_print *json, const char *key, const struct side *side)
{
        json_open(json, key, '{');
        json_bool(json, "isolated", side->isolated);
        json_text(json, "exempt", side->exempt);
        json_open(json, "allowedBy", '[');
        vec_foreach (const struct policy_rule_ref, ref, &side->allowed_by) {
                json_open(json, NULL, '{');
                json_policy(json, "policy", ref->policy);
                json_number(json, "rule", ref->rule);
                json_close(json, '}');
        }
        json_close(json, ']');
        json_open(json, "policies", '[');
        vec_foreach (const struct network_policy *, policy, &side->policies)
                json_policy(json, NULL, *policy);
        json_close(json, ']');
        json_close(json, '}');
}

void verdict_json(struct json_print *json, const struct verdict *verdict)
{
        json_side(json, "egress", &verdict->sides[DIRECTION_EGRESS]);
        json_side(json, "ingress", &verdict->sides[DIRECTION_INGRESS]);
}
