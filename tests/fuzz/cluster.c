#include "fuzz.h"

#include "every_node.h"
#include "generate.h"
#include "packets.h"
#include "world.h"

/* The property tests' random clusters, made of the fuzzer's bytes instead of a seed's: the
 * reference and the compiled rulesets of all nodes say the same of every packet. */

#define PACKETS 64 /* at most; the last is of zeros */

static void report(const struct manifest *manifest, const struct packet *packet, bool allowed)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf text = {0};

        manifest_print(manifest, &text);
        fprintf(stderr, "%s\npacket %s: the reference says %s, the rulesets do not\n",
                strbuf_text(&text), packet_text(arena, packet), allowed ? "allowed" : "denied");
        abort();
}

static void hold(struct arena *arena, const struct manifest *manifest,
                 const struct cluster *cluster, struct bytes *bytes)
{
        const struct packet_pool pool = packet_pool_of(arena, cluster);
        const struct every_node *every[2];
        bool more = true;
        struct err err;

        for (int own = 0; own < 2; own++) {
                every[own] = every_node_compile(arena, cluster, own, DENY_DROP, &err);
                must(every[own]);
        }
        for (unsigned n = 0; n < PACKETS && more; n++) {
                struct packet packet = packet_pool_draw(&pool, bytes);

                more = bytes->n > 0;
                for (int own = 0; own < 2; own++) {
                        const struct policy_options options = {.own_node_egress = own};
                        bool allowed = policy_allows(cluster, &options, &packet);

                        if (every_node_judge(every[own], &packet) !=
                            (allowed ? OUTCOME_PASS : OUTCOME_DROP))
                                report(manifest, &packet, allowed);
                }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct bytes bytes = bytes_of(data, size);
        const char *problem = NULL;

        if (size == 0) /* no bytes at all would be a seed's */
                return 0;
        struct manifest manifest = generate_cluster(arena, &bytes, &SHAPE_DEFAULT);
        _cleanup_cluster_ struct cluster *cluster = world_load(arena, &manifest, &problem);
        if (!cluster)
                fprintf(stderr, "a valid manifest is refused: %s\n", problem);
        must(cluster);
        hold(arena, &manifest, cluster, &bytes);
        return 0;
}
