#include <stdio.h>

#include "cmd/command.h"
#include "cmd/saved.h"
#include "cmd/snapshot.h"
#include "iptables/text.h"

static const struct usage usage = {
    .synopsis = "render -f PATH… [--node NODE] [--part sets|ipv4|ipv6]\n"
                "       penstock render --rules FILE… --sets FILE… [-o text|json]",
    .description = "Prints what apply would install on a node that has nothing of penstock's yet: "
                   "the sets for\n"
                   "`ipset restore`, the rules for `iptables-restore --noflush` and\n"
                   "`ip6tables-restore --noflush`. Reads the manifests only; changes nothing.\n"
                   "With --rules and --sets: prints what was read from what the tools saved, to "
                   "the byte, in\nthe order given; as json it also says what is not understood.",
    .options = OPTION_FILES | OPTION_NAMESPACE | OPTION_NODE | OPTION_DENY | OPTION_PART |
               OPTION_OWN_NODE_EGRESS | OPTION_VERBOSE | OPTION_RULES | OPTION_SETS | OPTION_OUTPUT,
    .files_or_saved = true,
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

static int render_saved(const char *command, const struct options *options)
{
        _cleanup_strbuf_ struct strbuf out = {0};
        int status;

        if (options->n_files > 0)
                return fail(command, EXIT_USAGE, "either -f, or --rules and --sets");
        if (options->part != PART_ALL)
                return fail(command, EXIT_USAGE, "--part is for -f");
        status = options->output == OUTPUT_JSON ? saved_print_json(command, options, &out)
                                                : saved_print(command, options, &out);
        if (status == EXIT_YES)
                fwrite(strbuf_text(&out), 1, out.length, stdout);
        return status;
}

int cmd_render(int argc, char **argv)
{
        _cleanup_snapshot_ struct snapshot snapshot = {0};
        _cleanup_strbuf_ struct strbuf out = {0};
        struct options options;
        int status = options_parse(argc, argv, &usage, &options);

        if (status != PARSED)
                return status;
        if (options.n_saved > 0)
                return render_saved(argv[0], &options);
        if (options.output == OUTPUT_JSON)
                return fail(argv[0], EXIT_USAGE, "-o json is for --rules and --sets");
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
