#include "../unit/unit.h"

#include <inttypes.h>

#include "kube/copy.h"
#include "kube/equal.h"
#include "kube/load.h"
#include "kube/print.h"
#include "must_load.h"
#include "same.h"

/* Objects of random clusters written as manifests: reading them gives the same objects. */

#define CLUSTERS 200

static struct cluster *load(const char *text, size_t length)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);
        struct cluster *cluster = cluster_new();
        struct load_stats stats = {0};

        if (load_text(cluster, text, length, "printed", "other", &problems, &stats) < 0)
                fail_msg("%s\n%s", problems.list.items[0].text, text);
        return cluster;
}

static void print(const struct cluster *cluster, bool compact, struct strbuf *out)
{
        struct json_print json = {.out = out, .compact = compact};

        json_open(&json, NULL, '{');
        json_text(&json, "apiVersion", "v1");
        json_text(&json, "kind", "List");
        cluster_print(&json, "items", cluster);
        json_close(&json, '}');
}

static void check_whole(const struct cluster *cluster, bool compact)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        print(cluster, compact, &text);
        if (compact)
                assert_ptr_equal(strchr(text.text, '\n'), text.text + text.length - 1);
        _cleanup_cluster_ struct cluster *again = load(text.text, text.length);
        cluster_seal(again);
        _cleanup_arena_ struct arena *arena = arena_new();
        const char *difference = clusters_differ(arena, cluster, again);
        if (difference)
                fail_msg("%s", difference);
}

static void check_pod(const struct pod *pod)
{
        struct object object = object_of(KIND_POD, pod), again;
        _cleanup_strbuf_ struct strbuf text = {0};
        struct json_print json = {.out = &text};

        object_print(&json, NULL, &object);
        _cleanup_cluster_ struct cluster *cluster = load(text.text, text.length);
        assert_int_equal(cluster->pods.n, 1);
        again = object_of(KIND_POD, cluster->pods.items);
        object.pod.ips = object.pod.given;
        object.pod.given = (struct pod_ips){0};
        assert_true(object_equal(&object, &again));
}

static void what_is_printed_is_read_again(void **state)
{
        struct run_size size = run_size(CLUSTERS);

        print_message("PENSTOCK_SEED=%" PRIu64 ", %u clusters\n", size.seed, size.clusters);
        for (unsigned i = 0; i < size.clusters; i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                struct bytes bytes = world_bytes(size.seed, i);
                struct manifest manifest = world_generate(arena, &bytes, i);
                _cleanup_cluster_ struct cluster *cluster = world_must_load(arena, &manifest);

                check_whole(cluster, i % 2);
                vec_foreach (const struct pod, pod, &cluster->pods)
                        check_pod(pod);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_printed_is_read_again)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
