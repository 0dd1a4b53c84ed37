#include "iptables/installed.h"

#include <string.h>
#include <unistd.h>

#include "iptables/text.h"
#include "iptables/tool.h"
#include "netlink/generation.h"

#define MAX_RUNS (FLAVOURS * FAMILIES + 1)

/* What others change meanwhile is read again, so often: a node's busiest writer of rules changes
 * them every second, a reading takes a tenth of one. */
#define READING_ATTEMPTS 20

/* The saves under way. */
struct saves {
        struct tool_run runs[MAX_RUNS];
        struct ruleset *into[MAX_RUNS];
        enum family families[MAX_RUNS];
        enum flavour flavours[MAX_RUNS]; /* FLAVOURS: ipset's */
        size_t n;
};

bool is_own_chain(const char *name)
{
        return strncmp(name, CHAIN_PREFIX, strlen(CHAIN_PREFIX)) == 0;
}

bool is_own_set(const char *name)
{
        return strncmp(name, SET_PREFIX, strlen(SET_PREFIX)) == 0;
}

bool is_own_jump(const struct chain *chain, const struct rule *rule)
{
        return chain_is_builtin(chain->name) &&
               (rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO) &&
               is_own_chain(rule->target.text);
}

/* /proc/net/if_inet6 is there as soon as the kernel has IPv6, whatever addresses it has. */
static bool kernel_has_ipv6(void)
{
        return access("/proc/thread-self/net/dev", F_OK) < 0 ||
               access("/proc/thread-self/net/if_inet6", F_OK) == 0;
}

static void add_save(struct saves *saves, enum flavour flavour, enum family family,
                     struct ruleset *into)
{
        size_t i = saves->n++;

        saves->runs[i].argv[0] = flavour_tool(flavour, family, "save");
        saves->runs[i].argv[1] = "-c";
        saves->runs[i].argv[2] = "-t";
        saves->runs[i].argv[3] = "filter";
        saves->into[i] = into;
        saves->families[i] = family;
        saves->flavours[i] = flavour;
}

static void add_saves(struct saves *saves, struct installed *installed)
{
        for (enum flavour flavour = FLAVOUR_NFT; flavour <= FLAVOUR_LEGACY; flavour++)
                for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                        if (!installed->families[family] ||
                            (flavour == FLAVOUR_LEGACY && !legacy_has_table(family, "filter")))
                                continue;
                        add_save(saves, flavour, family, installed->rules[flavour]);
                }
        size_t i = saves->n++;
        saves->runs[i].argv[0] = "ipset";
        saves->runs[i].argv[1] = "save";
        saves->into[i] = installed->sets;
        saves->flavours[i] = FLAVOURS;
}

/* A kernel without nf_tables holds no rules of iptables-nft. */
static bool kernel_lacks_nft(const struct tool_run *run)
{
        static const char *const signs[] = {
            "Failed to initialize nft",
            "Could not fetch rule set generation id: Invalid argument",
        };

        for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
                if (strstr(strbuf_text(&run->messages), signs[i]))
                        return true;
        return false;
}

static int take_save(struct saves *saves, size_t i, enum flavour needed,
                     struct installed *installed, struct err *err)
{
        struct tool_run *run = &saves->runs[i];
        enum flavour flavour = saves->flavours[i];

        if (run->failure != TOOL_DONE && flavour != needed && flavour != FLAVOURS &&
            (run->failure == TOOL_MISSING || (flavour == FLAVOUR_NFT && kernel_lacks_nft(run)))) {
                installed->usable[flavour] = false;
                return 0;
        }
        if (run->failure != TOOL_DONE) {
                *err = run->err;
                return -1;
        }
        if (flavour != FLAVOURS && flavour != needed &&
            iptables_is_unreadable(strbuf_text(&run->output))) {
                installed->unreadable[flavour] = true;
                return 0;
        }
        int r = flavour == FLAVOURS ? ipset_parse(saves->into[i], strbuf_text(&run->output), err)
                                    : iptables_parse(saves->into[i], saves->families[i],
                                                     strbuf_text(&run->output), err);
        return r < 0 ? err_wrap(err, "reading what %s wrote", run->argv[0]) : 0;
}

static int read_once(struct arena *arena, enum flavour needed, struct installed *ret,
                     struct err *err)
{
        struct installed installed = {
            .rules = {ruleset_new(arena), ruleset_new(arena)},
            .sets = ruleset_new(arena),
            .usable = {true, true},
            .families = {true, kernel_has_ipv6()},
        };
        struct saves saves = {0};
        struct err ignored;
        int r = 0;

        add_saves(&saves, &installed);
        tool_run_all(saves.runs, saves.n, &ignored);
        for (size_t i = 0; i < saves.n && r == 0; i++)
                r = take_save(&saves, i, needed, &installed, err);
        tool_runs_done(saves.runs, saves.n);
        if (r == 0)
                *ret = installed;
        return r;
}

/* iptables-nft-save asks the kernel many times; where rules change between two answers it shows
 * chains twice, or those of one state with rules of another. */
int installed_read(struct arena *arena, enum flavour needed, struct installed *ret, struct err *err)
{
        uint32_t before, after;

        for (unsigned i = 0; i < READING_ATTEMPTS; i++) {
                if (nftables_generation(&before, err) < 0)
                        return -1;
                int r = read_once(arena, needed, ret, err);
                struct err why;
                if (nftables_generation(&after, &why) < 0) {
                        *err = why;
                        return -1;
                }
                if (before == after)
                        return r;
        }
        return err_set(err, "rules changed while they were read, %u times in a row",
                       READING_ATTEMPTS);
}
