#include <stdio.h>

#include "cmd/command.h"
#include "cmd/snapshot.h"
#include "iptables/text.h"

static const struct usage usage = {
    .synopsis = "render -f PATH… [--node NODE] [--part sets|ipv4|ipv6]",
    .description = "Prints what apply would install on a node that has nothing of penstock's yet: "
                   "the sets for\n"
                   "`ipset restore`, the rules for `iptables-restore --noflush` and\n"
                   "`ip6tables-restore --noflush`. Reads the manifests only; changes nothing.",
    .options = OPTION_FILES | OPTION_NAMESPACE | OPTION_NODE | OPTION_DENY | OPTION_PART |
               OPTION_OWN_NODE_EGRESS | OPTION_VERBOSE,
};

/* In the order in which they must be installed: rules refer to sets. */
static const struct {
        enum part part;
        const char *tool;
} parts[] = {
    {PART_SETS, "ipset restore"},
    {PART_IPV4, "iptables-restore --noflush"},
    {PART_IPV6, "ip6tables-restore --noflush"},
};

static void print_part(const struct ruleset *ruleset, enum part part, struct strbuf *out)
{
        if (part == PART_SETS)
                ipset_print(ruleset, out);
        else
                iptables_print(ruleset, part == PART_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6, false, out);
}

int cmd_render(int argc, char **argv)
{
        _cleanup_snapshot_ struct snapshot snapshot = {0};
        _cleanup_strbuf_ struct strbuf out = {0};
        struct options options;
        int status = options_parse(argc, argv, &usage, &options);

        if (status != PARSED)
                return status;
        status = snapshot_make(argv[0], &options, &snapshot);
        if (status != EXIT_YES)
                return status;
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                if (options.part != PART_ALL && options.part != parts[i].part)
                        continue;
                strbuf_printf(&out, "# node %s: for %s\n", snapshot.node, parts[i].tool);
                print_part(snapshot.ruleset, parts[i].part, &out);
        }
        fwrite(strbuf_text(&out), 1, out.length, stdout);
        return EXIT_YES;
}
