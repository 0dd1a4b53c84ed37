#include "iptables/backend.h"

#include <stdio.h>
#include <string.h>

#include "base/vec.h"
#include "iptables/tool.h"
#include "rules/ruleset.h"

const char *flavour_name(enum flavour flavour)
{
        return flavour_tool(flavour, FAMILY_IPV4, "");
}

bool flavour_parse(const char *name, enum flavour *ret)
{
        for (enum flavour flavour = FLAVOUR_NFT; flavour <= FLAVOUR_LEGACY; flavour++) {
                const char *whole = flavour_name(flavour);
                if (strcmp(name, whole) != 0 && strcmp(name, whole + strlen("iptables-")) != 0)
                        continue;
                *ret = flavour;
                return true;
        }
        return false;
}

const char *flavour_tool(enum flavour flavour, enum family family, const char *tool)
{
        static const struct {
                const char *tool;
                const char *names[FLAVOURS][FAMILIES];
        } tools[] = {
            {"", {{"iptables-nft", "ip6tables-nft"}, {"iptables-legacy", "ip6tables-legacy"}}},
            {"save",
             {{"iptables-nft-save", "ip6tables-nft-save"},
              {"iptables-legacy-save", "ip6tables-legacy-save"}}},
            {"restore",
             {{"iptables-nft-restore", "ip6tables-nft-restore"},
              {"iptables-legacy-restore", "ip6tables-legacy-restore"}}},
        };

        for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
                if (strcmp(tool, tools[i].tool) == 0)
                        return tools[i].names[flavour][family];
        return NULL;
}

bool legacy_has_table(enum family family, const char *table)
{
        static const char *const paths[FAMILIES] = {"/proc/thread-self/net/ip_tables_names",
                                                    "/proc/thread-self/net/ip6_tables_names"};
        char line[64];
        bool found = false;
        FILE *file = fopen(paths[family], "re");

        if (!file)
                return false;
        while (!found && fgets(line, sizeof(line), file)) {
                line[strcspn(line, "\n")] = '\0';
                found = !table || strcmp(line, table) == 0;
        }
        fclose(file);
        return found;
}

/* What speaks for a flavour, the strongest first. */
struct evidence {
        bool installed;
        bool own;  /* chains of penstock's */
        bool hint; /* of kubelet's */
        size_t rules;
};

static bool begins(const char *line, const char *text)
{
        return strncmp(line, text, strlen(text)) == 0;
}

static void weigh(const char *save, struct evidence *evidence)
{
        static const char *const hints[] = {":KUBE-IPTABLES-HINT ", ":KUBE-KUBELET-CANARY "};
        bool mangle = false;

        for (const char *line = save; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (*line == '*')
                        mangle = begins(line, "*mangle\n");
                for (size_t i = 0; mangle && i < ARRAY_SIZE(hints); i++)
                        evidence->hint |= begins(line, hints[i]);
                evidence->own |= begins(line, ":" CHAIN_PREFIX);
                evidence->rules += begins(line, "-A ");
                if (!*line)
                        break;
        }
}

/* Not being shown what is there (a right is missing, a tool was killed) says nothing of whether it
 * is much; only a kernel without nf_tables is told by its tool's refusal. */
static bool hides_rules(const struct tool_run *run, enum flavour flavour, enum family family)
{
        return run->failure == TOOL_UNKNOWN ||
               (run->failure == TOOL_REFUSED && flavour == FLAVOUR_LEGACY &&
                legacy_has_table(family, NULL));
}

/* Legacy's tables are not loaded by looking at them: a save without -t shows those that are there.
 */
static int gather(struct evidence evidence[FLAVOURS], struct err *err)
{
        struct tool_run runs[FLAVOURS * FAMILIES] = {0};
        int r = 0;

        for (unsigned i = 0; i < ARRAY_SIZE(runs); i++)
                runs[i].argv[0] = flavour_tool(i / FAMILIES, i % FAMILIES, "save");
        tool_run_all(runs, ARRAY_SIZE(runs), err);
        for (unsigned i = 0; i < ARRAY_SIZE(runs); i++) {
                struct evidence *of = &evidence[i / FAMILIES];
                of->installed |= runs[i].failure != TOOL_MISSING;
                weigh(strbuf_text(&runs[i].output), of);
                if (r == 0 && hides_rules(&runs[i], i / FAMILIES, i % FAMILIES))
                        r = err_set(err, "which iptables holds the node's rules can't be seen: %s",
                                    runs[i].err.text);
        }
        if (!evidence[FLAVOUR_NFT].installed && !evidence[FLAVOUR_LEGACY].installed)
                r = err_set(err, "no usable iptables: neither %s nor %s is in PATH",
                            runs[0].argv[0], runs[FAMILIES].argv[0]);
        tool_runs_done(runs, ARRAY_SIZE(runs));
        return r;
}

/* What plain `iptables` says of itself: "iptables v1.8.9 (nf_tables)". */
static bool plain_flavour(enum flavour *ret)
{
        struct tool_run run = {.argv = {"iptables", "-V"}};
        struct err err;
        bool known = tool_run_all(&run, 1, &err) == 0;

        if (known)
                *ret =
                    strstr(strbuf_text(&run.output), "(nf_tables)") ? FLAVOUR_NFT : FLAVOUR_LEGACY;
        tool_runs_done(&run, 1);
        return known;
}

static enum flavour stronger(const struct evidence *nft, const struct evidence *legacy,
                             enum flavour otherwise)
{
        if (nft->installed != legacy->installed)
                return nft->installed ? FLAVOUR_NFT : FLAVOUR_LEGACY;
        if (nft->own != legacy->own)
                return nft->own ? FLAVOUR_NFT : FLAVOUR_LEGACY;
        if (nft->hint != legacy->hint)
                return nft->hint ? FLAVOUR_NFT : FLAVOUR_LEGACY;
        if (nft->rules != legacy->rules)
                return nft->rules > legacy->rules ? FLAVOUR_NFT : FLAVOUR_LEGACY;
        return otherwise;
}

int flavour_detect(enum flavour *ret, struct err *err)
{
        struct evidence evidence[FLAVOURS] = {0};
        enum flavour plain = FLAVOUR_NFT;
        bool known = plain_flavour(&plain);

        /* Nothing of legacy's is here: no need to read every rule to find out who has more. */
        if (known && plain == FLAVOUR_NFT && !legacy_has_table(FAMILY_IPV4, NULL) &&
            !legacy_has_table(FAMILY_IPV6, NULL)) {
                *ret = FLAVOUR_NFT;
                return 0;
        }
        if (gather(evidence, err) < 0)
                return -1;
        *ret = stronger(&evidence[FLAVOUR_NFT], &evidence[FLAVOUR_LEGACY], plain);
        return 0;
}
