#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/sandbox.h"

/* Runs a program as the agent runs the node's tools, or as its feeder runs a plugin: sandboxed
 * agent|feeder COMMAND ARGUMENT… */
int main(int argc, char **argv)
{
        struct err err;

        if (argc < 3)
                return 2;
        if ((strcmp(argv[1], "agent") == 0 ? sandbox_agent(&err) : sandbox_feeder(true, &err)) <
            0) {
                fprintf(stderr, "%s\n", err.text);
                return 2;
        }
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        return 2;
}
