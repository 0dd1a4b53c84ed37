#include "fuzz.h"

#include <string.h>

#include "agent/config.h"

/* The agent's configuration: either there is a problem, with a place and a reason and nothing set,
 * or what is set is something that the agent can work with. JSON is YAML as well. */

static void check_problems(const struct problems *problems)
{
        must(problems->list.n > 0);
        vec_foreach (const struct problem, problem, &problems->list) {
                must(problem->place.file);
                must(problem->text && problem->text[0]);
                must(!strchr(problem->text, '\n'));
        }
}

static void check_options(const struct agent_options *options)
{
        struct listen_address address;

        must(!options->kubeconfig || *options->kubeconfig);
        must(!options->context || *options->context);
        must(!options->node || *options->node);
        must(!*options->socket || *options->socket == '/');
        must(!*options->metrics || listen_address_parse(options->metrics, &address));
        must(options->period_seconds >= 1 && options->period_seconds <= 86400);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);
        const struct agent_options before = agent_options_default();
        struct agent_options options = before;
        int r = agent_config_text(arena, (const char *)data, size, "fuzz", &options, &problems);

        if (r == 0) {
                must(problems.list.n == 0);
                check_options(&options);
        } else {
                check_problems(&problems);
                must(memcmp(&options, &before, sizeof(options)) == 0);
        }
        return 0;
}
