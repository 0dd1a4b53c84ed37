#include "cmd/deciding.h"

#include <inttypes.h>

#include "iptables/text.h"

struct deciding deciding_at(const char *backend, const struct table *table,
                            const struct chain *chain, const struct rule *rule)
{
        return (struct deciding){
            .backend = backend,
            .table = table,
            .chain = chain,
            .rule = rule,
            .number = rule ? (size_t)(rule - chain->rules.items) + 1 : 0,
        };
}

static const struct counters *counters_of(const struct deciding *deciding)
{
        return deciding->rule ? &deciding->rule->counters : &deciding->chain->counters;
}

static void add_rule(const struct deciding *deciding, struct strbuf *out)
{
        strbuf_printf(out, "-A %s", deciding->chain->name);
        iptables_print_rule(deciding->table->family, deciding->rule, out);
}

const char *deciding_text(struct arena *arena, const struct deciding *deciding)
{
        _cleanup_strbuf_ struct strbuf out = {0};
        const struct chain *chain = deciding->chain;

        if (!chain)
                return "no rule";
        if (deciding->backend)
                strbuf_printf(&out, "%s ", deciding->backend);
        strbuf_printf(&out, "%s %s", deciding->table->name, chain->name);
        if (deciding->rule) {
                strbuf_printf(&out, " %zu: ", deciding->number);
                add_rule(deciding, &out);
        } else if (chain->policy) {
                strbuf_printf(&out, ": its policy is %s", chain->policy);
        } else {
                strbuf_add(&out, ": its end");
        }
        if (deciding->counted)
                strbuf_printf(&out, " (%" PRIu64 " packets, %" PRIu64 " bytes)",
                              counters_of(deciding)->packets, counters_of(deciding)->bytes);
        return arena_strdup(arena, strbuf_text(&out));
}

void deciding_json(struct json_print *json, const char *key, const struct deciding *deciding)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        if (!deciding->chain) {
                json_text(json, key, NULL);
                return;
        }
        json_open(json, key, '{');
        json_text(json, "backend", deciding->backend);
        json_text(json, "family", family_name(deciding->table->family));
        json_text(json, "table", deciding->table->name);
        json_text(json, "chain", deciding->chain->name);
        if (deciding->rule) {
                add_rule(deciding, &text);
                json_number(json, "rule", deciding->number);
                json_text(json, "text", strbuf_text(&text));
        } else {
                json_text(json, "rule", NULL);
                json_text(json, "text", NULL);
        }
        json_text(json, "policy", deciding->rule ? NULL : deciding->chain->policy);
        if (deciding->counted) {
                json_number(json, "packets", counters_of(deciding)->packets);
                json_number(json, "bytes", counters_of(deciding)->bytes);
        }
        json_close(json, '}');
}
