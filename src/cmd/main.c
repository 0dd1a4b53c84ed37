#include <stdio.h>
#include <string.h>

#include "base/vec.h"
#include "cmd/command.h"

static const struct command commands[] = {
    {"render", "print what would be installed on a node", cmd_render},
    {"apply", "make a node's rules equal to the policies", cmd_apply},
    {"list", "show what is installed, with counters", cmd_list},
    {"explain", "say whether a connection is allowed, and why", cmd_explain},
    {"verify", "prove that the kernel enforces the policies, or show a packet", cmd_verify},
    {"diff", "say which connections a change opens and closes", cmd_diff},
    {"agent", "keep a node's rules equal to a cluster's policies", cmd_agent},
    {"lab", "pods of manifests as network namespaces, and real packets between them", cmd_lab},
    {"cleanup", "remove every trace of penstock", cmd_cleanup},
};

static void print_help(FILE *out)
{
        fputs("Usage: penstock COMMAND [OPTIONS]\n\n"
              "Enforces Kubernetes NetworkPolicy with this node's own firewall.\n\nCommands:\n",
              out);
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                fprintf(out, "  %-8s  %s\n", commands[i].name, commands[i].summary);
        fputs("\nExit status: 0 done, allowed or equal, 1 denied or different, 2 bad usage or bad\n"
              "input (nothing was changed), 3 could not be decided or carried out.\n"
              "`penstock COMMAND --help` says more, as does man penstock.\n",
              out);
}

/* What stands on a full disk or a closed pipe is not done: a lost line is trouble, too. */
static int finish(int status)
{
        if (fflush(stdout) == 0 && !ferror(stdout))
                return status;
        perror("penstock: writing to standard output");
        return EXIT_TROUBLE;
}

int main(int argc, char **argv)
{
        const char *name = argc > 1 ? argv[1] : "";

        if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
                print_help(stdout);
                return finish(EXIT_YES);
        }
        if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
                puts("penstock " PENSTOCK_VERSION);
                return finish(EXIT_YES);
        }
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                if (strcmp(commands[i].name, name) == 0)
                        return finish(commands[i].run(argc - 1, argv + 1));
        if (*name)
                fprintf(stderr, "penstock: %s: no such command\n\n", name);
        print_help(stderr);
        return EXIT_USAGE;
}
