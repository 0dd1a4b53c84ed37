#include "iptables/installed.h"

#include <string.h>

#include "iptables/saves.h"
#include "iptables/text.h"

bool leads_to_own(const struct rule *rule)
{
        return (rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO) &&
               is_own_chain(rule->target.text);
}

bool is_own_jump(const struct chain *chain, const struct rule *rule)
{
        return chain_is_builtin(chain->name) && leads_to_own(rule);
}

/* needed: must be usable, and shows all that it has. */
static int take_save(const struct saves *saves, size_t i, enum flavour needed,
                     struct installed *installed, struct err *err)
{
        const struct tool_run *run = &saves->runs[i];
        enum flavour flavour = saves->flavours[i];
        bool optional = flavour != needed && flavour != FLAVOURS;

        if (optional && save_is_absent(saves, i)) {
                installed->usable[flavour] = false;
                return 0;
        }
        if (run->failure != TOOL_DONE) {
                *err = run->err;
                return -1;
        }
        if (optional && iptables_is_unreadable(strbuf_text(&run->output))) {
                installed->unreadable[flavour] = true;
                return 0;
        }
        int r = flavour == FLAVOURS ? ipset_parse(installed->sets, strbuf_text(&run->output), err)
                                    : iptables_parse(installed->rules[flavour], saves->families[i],
                                                     strbuf_text(&run->output), err);
        return r < 0 ? err_wrap(err, "reading what %s wrote", run->argv[0]) : 0;
}

struct reading {
        struct arena *arena;
        enum flavour needed;
        struct installed *ret;
};

static int read_once(void *data, struct err *err)
{
        const struct reading *reading = data;
        struct arena *arena = reading->arena;
        _cleanup_saves_ struct saves saves = {0};
        struct installed installed = {
            .rules = {ruleset_new(arena), ruleset_new(arena)},
            .sets = ruleset_new(arena),
            .usable = {true, true},
        };

        saves_run("filter", &saves);
        memcpy(installed.families, saves.has_family, sizeof(installed.families));
        for (size_t i = 0; i < saves.n; i++)
                if (take_save(&saves, i, reading->needed, &installed, err) < 0)
                        return -1;
        ruleset_finish(installed.sets);
        *reading->ret = installed;
        return 0;
}

int installed_read(struct arena *arena, enum flavour needed, struct installed *ret, struct err *err)
{
        struct reading reading = {arena, needed, ret};

        return read_settled(read_once, &reading, err);
}
