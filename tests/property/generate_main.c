#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate.h"

/* Writes a random cluster as manifests, for tests with real packets. */

static const char usage[] =
    "Usage: generate [--nodes N] [--namespaces N] [--pods N] [--policies N] [--any]\n"
    "                [--then SEED] SEED\n"
    "Prints a random cluster of at most so many objects, the same for the same arguments.\n"
    "Every pod runs and has addresses of its own, in its node's podCIDRs; with --any also pods\n"
    "that have ended, have no address, share one, or are of the host's network.\n"
    "With --then it is changed: the same nodes and pods have the labels, namespaces and policies\n"
    "of that other seed's cluster.\n";

struct arguments {
        struct shape shape;
        const char *seed, *then; /* then is NULL where it isn't given */
};

static bool parse_count(const char *text, unsigned *ret)
{
        char *end;
        unsigned long value = strtoul(text, &end, 10);

        if (!*text || *end || value == 0 || value > 200)
                return false;
        *ret = (unsigned)value;
        return true;
}

static bool parse_seed(const char *text, uint64_t *ret)
{
        char *end;

        *ret = strtoull(text, &end, 10);
        return *text && !*end;
}

static bool parse_arguments(int argc, char **argv, struct arguments *ret)
{
        static const struct option options[] = {
            {"nodes", required_argument, NULL, 'n'},
            {"namespaces", required_argument, NULL, 's'},
            {"pods", required_argument, NULL, 'p'},
            {"policies", required_argument, NULL, 'y'},
            {"any", no_argument, NULL, 'a'},
            {"then", required_argument, NULL, 't'},
            {0},
        };
        struct shape *shape = &ret->shape;
        unsigned *counts[256] = {['n'] = &shape->nodes,
                                 ['s'] = &shape->namespaces,
                                 ['p'] = &shape->pods,
                                 ['y'] = &shape->policies};

        for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
                if (option == 'a')
                        shape->lab = false;
                else if (option == 't')
                        ret->then = optarg;
                else if (option == '?' || !parse_count(optarg, counts[option]))
                        return false;
        }
        ret->seed = argv[optind];
        return optind == argc - 1;
}

static struct value *member(struct value *of, const char *key)
{
        struct value *value = of->first;

        while (value && strcmp(value->key, key) != 0)
                value = value->next;
        return value;
}

static bool is_kind(struct value *document, const char *kind)
{
        return strcmp(member(document, "kind")->text, kind) == 0;
}

static void remove_member(struct value *of, const char *key)
{
        for (struct value **at = &of->first; *at; at = &(*at)->next)
                if (strcmp((*at)->key, key) == 0) {
                        *at = (*at)->next;
                        return;
                }
}

/* A pod of that name has its labels now, or none. */
static void relabel(struct value *pod, const struct manifest *then)
{
        struct value *metadata = member(pod, "metadata"), *labels = NULL;

        vec_foreach (struct value *, document, &then->documents) {
                struct value *other = member(*document, "metadata");
                if (is_kind(*document, "Pod") &&
                    strcmp(member(other, "name")->text, member(metadata, "name")->text) == 0)
                        labels = member(other, "labels");
        }
        remove_member(metadata, "labels");
        if (!labels)
                return;
        labels->next = metadata->first; /* of the other tree, which is not printed */
        metadata->first = labels;
}

static void change(struct arena *arena, struct manifest *manifest, const struct manifest *then)
{
        struct manifest changed = {.style = manifest->style};

        vec_foreach (struct value *, document, &manifest->documents) {
                if (is_kind(*document, "Pod"))
                        relabel(*document, then);
                if (is_kind(*document, "Pod") || is_kind(*document, "Node"))
                        vec_push(arena, &changed.documents, *document);
        }
        vec_foreach (struct value *, document, &then->documents)
                if (!is_kind(*document, "Pod") && !is_kind(*document, "Node"))
                        vec_push(arena, &changed.documents, *document);
        *manifest = changed;
}

static bool generate(struct arena *arena, const struct shape *shape, const char *seed,
                     struct manifest *ret)
{
        uint64_t number;

        if (!parse_seed(seed, &number))
                return false;
        struct bytes bytes = bytes_of_seed(number);
        *ret = generate_cluster(arena, &bytes, shape);
        return true;
}

int main(int argc, char **argv)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf text = {0};
        struct arguments arguments = {.shape = SHAPE_LAB};
        struct manifest manifest, then;

        if (!parse_arguments(argc, argv, &arguments) ||
            !generate(arena, &arguments.shape, arguments.seed, &manifest) ||
            (arguments.then && !generate(arena, &arguments.shape, arguments.then, &then))) {
                fputs(usage, stderr);
                return 2;
        }
        if (arguments.then)
                change(arena, &manifest, &then);
        manifest_print(&manifest, &text);
        fputs(strbuf_text(&text), stdout);
        return 0;
}
