#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kube/client/client.h"

/* What the client tells its handler, a line for each call, for tests with servers of their own:
 *
 *     follow KUBECONFIG KIND… [--context NAME] [--streaming] [--idle S] [--connect S] [--delay S]
 *            [--distrust S] [--page N] [--quiet] [--once] [--post PATH JSON]
 *
 * KUBECONFIG "pod" is a pod's service account. Ends on SIGTERM, or with --once when each kind was
 * listed; then prints what was counted. */

struct follow {
        uv_loop_t loop;
        struct kube_client *client;
        uv_signal_t end;
        bool quiet, once;
        size_t kinds, listed, objects;
        double began;
};

static void say(const struct follow *follow, enum kind kind, const char *what, const char *more)
{
        printf("%s %s%s%s\n", api_kinds[kind].plural, what, *more ? " " : "", more);
        fflush(stdout);
}

static void say_object(struct follow *follow, enum kind kind, const char *what,
                       const struct value *object)
{
        const struct value *meta = value_member(object, "metadata");
        char name[512];

        follow->objects++;
        snprintf(name, sizeof(name), "%s/%s@%s", value_member_text(meta, "namespace"),
                 value_member_text(meta, "name"), value_member_text(meta, "resourceVersion"));
        if (!follow->quiet)
                say(follow, kind, what, name);
}

static void on_closed(void *data)
{
        struct follow *follow = data;

        uv_close((uv_handle_t *)&follow->end, NULL);
}

static void stop(struct follow *follow)
{
        const struct kube_counts *counts = kube_client_counts(follow->client);

        printf("%zu objects, %zu lists of pods, %zu bytes, %zu posts lost, %.3f s\n",
               follow->objects, (size_t)counts->lists[KIND_POD], (size_t)counts->bytes,
               (size_t)counts->posts_failed, clock_seconds() - follow->began);
        fflush(stdout);
        kube_client_close(follow->client, on_closed, follow);
}

static void on_signal(uv_signal_t *signal, int number)
{
        stop(signal->data);
}

static void begin(void *data, enum kind kind)
{
        say(data, kind, "begin", "");
}

static void object(void *data, enum kind kind, const struct value *value)
{
        say_object(data, kind, "+", value);
}

static void deleted(void *data, enum kind kind, const struct value *value)
{
        say_object(data, kind, "-", value);
}

static void end(void *data, enum kind kind)
{
        struct follow *follow = data;

        say(data, kind, "end", "");
        if (follow->once && ++follow->listed == follow->kinds)
                stop(follow);
}

static void give_up(void *data, enum kind kind)
{
        say(data, kind, "abort", "");
}

static void trouble(void *data, enum kind kind, enum client_trouble trouble, const char *why,
                    double seconds)
{
        static const char *const names[] = {"retrying", "forbidden", "gone"};

        say(data, kind, names[trouble], why);
}

static void connected(void *data, enum kind kind)
{
        say(data, kind, "connected", "");
}

struct arguments {
        const char *kubeconfig, *context, *path, *json;
        bool kinds[OBJECT_KINDS];
        struct kube_client_options options;
};

static void read_arguments(char **argv, struct follow *follow, struct arguments *ret)
{
        ret->kubeconfig = *++argv;
        while (*++argv) {
                if (strcmp(*argv, "--context") == 0)
                        ret->context = *++argv;
                else if (strcmp(*argv, "--streaming") == 0)
                        ret->options.streaming_lists = true;
                else if (strcmp(*argv, "--idle") == 0)
                        ret->options.idle_seconds = atof(*++argv);
                else if (strcmp(*argv, "--connect") == 0)
                        ret->options.connect_seconds = atof(*++argv);
                else if (strcmp(*argv, "--delay") == 0)
                        ret->options.max_delay_seconds = atof(*++argv);
                else if (strcmp(*argv, "--distrust") == 0)
                        ret->options.distrust_seconds = atof(*++argv);
                else if (strcmp(*argv, "--page") == 0)
                        ret->options.page = strtoul(*++argv, NULL, 10);
                else if (strcmp(*argv, "--quiet") == 0)
                        follow->quiet = true;
                else if (strcmp(*argv, "--once") == 0)
                        follow->once = true;
                else if (strcmp(*argv, "--post") == 0) {
                        ret->path = *++argv;
                        ret->json = *++argv;
                }
                for (enum kind kind = 0; kind < OBJECT_KINDS; kind++)
                        if (strcmp(api_kinds[kind].plural, *argv) == 0) {
                                ret->kinds[kind] = true;
                                follow->kinds++;
                        }
        }
}

int main(int argc, char **argv)
{
        struct follow follow = {.began = clock_seconds()};
        struct arguments arguments = {0};
        struct arena *arena = arena_new();
        const struct kube_handler handler = {&follow, begin,   object,  deleted,
                                             end,     give_up, trouble, connected};
        struct kube_config config;
        struct err err;

        read_arguments(argv, &follow, &arguments);
        uv_loop_init(&follow.loop);
        bool pod = strcmp(arguments.kubeconfig, "pod") == 0;
        if ((pod ? kube_config_in_cluster(arena, &config, &err)
                 : kube_config_load(arena, arguments.kubeconfig, arguments.context, &config,
                                    &err)) < 0 ||
            !(follow.client =
                  kube_client_new(&follow.loop, &config, &arguments.options, &handler, &err))) {
                fprintf(stderr, "%s\n", err.text);
                uv_loop_close(&follow.loop);
                arena_free(arena);
                return 3;
        }
        uv_signal_init(&follow.loop, &follow.end);
        follow.end.data = &follow;
        uv_signal_start(&follow.end, on_signal, SIGTERM);
        for (enum kind kind = 0; kind < OBJECT_KINDS; kind++)
                if (arguments.kinds[kind])
                        kube_client_watch(follow.client, kind);
        if (arguments.path)
                kube_client_post(follow.client, arguments.path, arguments.json);
        uv_run(&follow.loop, UV_RUN_DEFAULT);
        uv_loop_close(&follow.loop);
        arena_free(arena);
        return 0;
}
