#include <stdio.h>

#include "agent/metrics.h"
#include "iptables/apply.h"

/* The agent's metrics of what is installed in this network namespace; all that only an agent could
 * count is made up. For tests/system/test_metrics.py. */
int main(void)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf out = {0};
        struct agent_metrics metrics = {.traffic = traffic_new(),
                                        .syncs = {3, 1},
                                        .objects = {1, 2, 3, 4},
                                        .feeder = {.lists = {1, 1, 1, 1}, .bytes = 12345}};
        struct err err;
        enum flavour flavour;

        histogram_add(&metrics.sync, 0.0035);
        histogram_add(&metrics.sync, 100);
        struct ruleset *installed = NULL;
        if (flavour_detect(&flavour, &err) == 0)
                installed = iptables_read(arena, flavour, &err);
        if (!installed) {
                fprintf(stderr, "%s\n", err.text);
                return 1;
        }
        metrics_print(&metrics, installed, &out);
        fputs(out.text, stdout);
        traffic_free(metrics.traffic);
        return 0;
}
