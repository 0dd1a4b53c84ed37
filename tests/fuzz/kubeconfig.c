#include "fuzz.h"

#include <string.h>

#include "kube/client/kubeconfig.h"
#include "kube/client/plugin_answer.h"

/* A kubeconfig, or what a credential plugin prints: a configuration, or an error in words. */

static void check_plugin(const uint8_t *data, size_t size)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf text = {0};
        struct plugin_answer answer;
        struct err err = {""};

        strbuf_add_bytes(&text, (const char *)data, size);
        if (plugin_answer_read(arena, &text, "client.authentication.k8s.io/v1", &answer, &err) < 0)
                must(*err.text);
        else
                must(answer.token || (answer.certificate && answer.key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct kubeconfig config = {.arena = arena, .files = "dir/fuzz"};
        struct kube_config ret = {0};
        struct err err = {""};

        check_plugin(data, size);
        if (kubeconfig_add_text(&config, "dir/fuzz", (const char *)data, size, &err) < 0) {
                must(*err.text);
                return 0;
        }
        vec_foreach (const struct kubeconfig_entry, context, &config.contexts) {
                *err.text = '\0';
                if (kubeconfig_use(&config, context->name, &ret, &err) < 0)
                        must(*err.text);
                else
                        must(ret.server && *ret.server && ret.namespace && ret.source);
        }
        kubeconfig_use(&config, NULL, &ret, &err);
        return 0;
}
