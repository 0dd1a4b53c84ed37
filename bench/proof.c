/* What a proof costs, in parts.
 *
 * Usage: proof CLUSTER NODE RULES-IPV4 RULES-IPV6 SETS
 *
 * The cluster is a manifest, the others are what iptables-save, ip6tables-save and ipset save
 * printed. Prints "PARSING CLASSES PROOF LOADED PEAK": seconds, then KiB of memory at most, when
 * the manifest was read and in the end. Exits with 1 where the rules do not enforce the policies.
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/strbuf.h"
#include "iptables/text.h"
#include "load.h"
#include "verify/prove.h"

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Of this program alone: what getrusage() says begins with what its parent had. */
static long peak(void)
{
        char line[256];
        long kilobytes = 0;
        FILE *status = fopen("/proc/self/status", "re");

        while (status && fgets(line, sizeof(line), status))
                if (sscanf(line, "VmHWM: %ld kB", &kilobytes) == 1)
                        break;
        if (status)
                fclose(status);
        return kilobytes;
}

static void read_file(const char *path, struct strbuf *text)
{
        char piece[65536];
        FILE *file = fopen(path, "re");
        size_t n;

        if (!file)
                err(2, "%s", path);
        while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
                strbuf_add_bytes(text, piece, n);
        fclose(file);
}

static struct ruleset *parse(struct arena *arena, char **paths)
{
        struct ruleset *ruleset = ruleset_new(arena);
        struct err error;

        for (int i = 0; i < 3; i++) {
                _cleanup_strbuf_ struct strbuf text = {0};
                read_file(paths[i], &text);
                int r = i < 2 ? iptables_parse(ruleset, (enum family)i, strbuf_text(&text), &error)
                              : ipset_parse(ruleset, strbuf_text(&text), &error);
                if (r < 0)
                        errx(2, "%s: %s", paths[i], error.text);
        }
        ruleset_finish(ruleset);
        return ruleset;
}

int main(int argc, char **argv)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct proof proof;
        struct err error;

        if (argc != 6)
                errx(2, "usage: proof CLUSTER NODE RULES-IPV4 RULES-IPV6 SETS");
        _cleanup_cluster_ struct cluster *cluster = load(argv[1]);
        long loaded_peak = peak();
        double loaded = now();
        struct ruleset *ruleset = parse(arena, argv + 3);
        double parsed = now();
        const struct prove_options options = {.node = argv[2]};
        const struct enforced enforced = enforced_of(ruleset);
        if (prove(arena, cluster, &enforced, &options, &proof, &error) < 0)
                errx(2, "%s", error.text);
        printf("%.6f %.6f %.6f %ld %ld\n", parsed - loaded, proof.seconds_classes,
               proof.seconds_proof, loaded_peak, peak());
        fprintf(stderr, "%zu pods, %zu + %zu classes, %zu + %zu features, %zu checks\n", proof.pods,
                proof.classes[0], proof.classes[1], proof.features[0], proof.features[1],
                proof.checks);
        return proof.equal ? EXIT_SUCCESS : EXIT_FAILURE;
}
