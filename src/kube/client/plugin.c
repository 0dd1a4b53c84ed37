#include "kube/client/plugin.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "kube/client/plugin_answer.h"

/* A run is over when the program has ended and both its outputs are closed. */

struct plugin {
        uv_loop_t *loop;
        const struct kube_config *config;
        void (*changed)(void *data);
        void *data;
        enum { PLUGIN_NONE, PLUGIN_RUNNING, PLUGIN_HAS, PLUGIN_FAILED } state;
        struct arena *arena; /* of the answer */
        struct plugin_answer answer;
        struct err err;
        bool fresh; /* a run is just over: what it came to counts, whatever the clock says */
        uv_process_t process;
        uv_pipe_t output, errors;
        uv_timer_t timer;
        struct strbuf output_text, errors_text;
        unsigned open; /* handles of the run */
        bool has_ended, spawned;
        int64_t status;
        int signal;
        void (*closed)(void *data);
        void *closed_data;
};

static void plugin_free(struct plugin *plugin)
{
        arena_free(plugin->arena);
        strbuf_done(&plugin->output_text);
        strbuf_done(&plugin->errors_text);
        plugin->closed(plugin->closed_data);
        free(plugin);
}

static void fail(struct plugin *plugin)
{
        const struct kube_exec *exec = plugin->config->exec;
        const char *hint = exec->install_hint;
        struct err why = plugin->err;

        err_set(&plugin->err, "credential plugin %s: %s%s%s", exec->command, why.text,
                hint ? "\n" : "", hint ? hint : "");
        plugin->state = PLUGIN_FAILED;
}

/* The first line of what it had to say. */
static int refuse_ending(struct plugin *plugin)
{
        const char *text = strbuf_text(&plugin->errors_text);
        int line = (int)strcspn(text, "\n");

        if (plugin->signal)
                return err_set(&plugin->err, "was ended by signal %d%s%.*s", plugin->signal,
                               line ? ": " : "", line, text);
        return err_set(&plugin->err, "ended with status %lld%s%.*s", (long long)plugin->status,
                       line ? ": " : "", line, text);
}

static void run_is_over(struct plugin *plugin)
{
        const char *version = plugin->config->exec->api_version;
        int r;

        if (plugin->closed) {
                plugin_free(plugin);
                return;
        }
        arena_reset(plugin->arena);
        plugin->answer = (struct plugin_answer){0};
        if (!plugin->spawned)
                r = -1; /* err says why */
        else if (plugin->signal || plugin->status)
                r = refuse_ending(plugin);
        else
                r = plugin_answer_read(plugin->arena, &plugin->output_text, version,
                                       &plugin->answer, &plugin->err);
        if (r < 0)
                fail(plugin);
        else
                plugin->state = PLUGIN_HAS;
        plugin->fresh = true;
        plugin->changed(plugin->data);
        plugin->fresh = false;
}

static void on_closed(uv_handle_t *handle)
{
        struct plugin *plugin = handle->data;

        if (--plugin->open == 0)
                run_is_over(plugin);
}

static void close_handle(uv_handle_t *handle)
{
        if (!uv_is_closing(handle))
                uv_close(handle, on_closed);
}

static void on_ended(uv_process_t *process, int64_t status, int signal)
{
        struct plugin *plugin = process->data;

        plugin->status = status;
        plugin->signal = signal;
        plugin->has_ended = true;
        close_handle((uv_handle_t *)&plugin->timer);
        close_handle((uv_handle_t *)process);
}

static void on_timer(uv_timer_t *timer)
{
        struct plugin *plugin = timer->data;

        uv_process_kill(&plugin->process, SIGKILL);
        close_handle((uv_handle_t *)&plugin->output); /* others may hold its other end */
        close_handle((uv_handle_t *)&plugin->errors);
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *ret)
{
        static char room[4096]; /* what is read is taken at once */

        *ret = uv_buf_init(room, sizeof(room));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
        struct plugin *plugin = stream->data;
        struct strbuf *text =
            stream == (uv_stream_t *)&plugin->output ? &plugin->output_text : &plugin->errors_text;

        if (n < 0)
                close_handle((uv_handle_t *)stream);
        else if (text->length < PLUGIN_MAX_OUTPUT)
                strbuf_add_bytes(text, buf->base, (size_t)n);
}

/* "NAME=value" of ours go before those that are there. */
static char **make_environment(struct plugin *plugin, struct arena *arena, const char *info)
{
        const char *const *own = plugin->config->exec->environment;
        size_t n = 0, n_own = 0;

        while (environ[n])
                n++;
        while (own && own[n_own])
                n_own++;
        char **all = arena_new_array(arena, char *, n + n_own + 2);
        size_t at = 0;
        all[at++] = arena_printf(arena, "KUBERNETES_EXEC_INFO=%s", info);
        for (size_t i = 0; i < n_own; i++)
                all[at++] = arena_strdup(arena, own[i]);
        for (size_t i = 0; i < n; i++) {
                bool replaced = false;
                for (size_t j = 0; j < n_own + 1 && !replaced; j++)
                        replaced = strncmp(all[j], environ[i], strcspn(all[j], "=") + 1) == 0;
                if (!replaced)
                        all[at++] = environ[i];
        }
        return all;
}

static char **make_arguments(const struct kube_exec *exec, struct arena *arena)
{
        size_t n = 0;

        while (exec->arguments && exec->arguments[n])
                n++;
        char **all = arena_new_array(arena, char *, n + 2);
        all[0] = arena_strdup(arena, exec->command);
        for (size_t i = 0; i < n; i++)
                all[i + 1] = arena_strdup(arena, exec->arguments[i]);
        return all;
}

static void init_handles(struct plugin *plugin)
{
        uv_pipe_init(plugin->loop, &plugin->output, 0);
        uv_pipe_init(plugin->loop, &plugin->errors, 0);
        uv_timer_init(plugin->loop, &plugin->timer);
        plugin->output.data = plugin->errors.data = plugin->timer.data = plugin;
        plugin->process.data = plugin;
        plugin->open = 4;
        plugin->output_text.length = plugin->errors_text.length = 0;
        plugin->has_ended = false;
}

static int spawn(struct plugin *plugin, struct arena *arena)
{
        uv_stdio_container_t stdio[] = {
            {.flags = UV_IGNORE},
            {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
             .data.stream = (uv_stream_t *)&plugin->output},
            {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
             .data.stream = (uv_stream_t *)&plugin->errors},
        };
        _cleanup_strbuf_ struct strbuf info = {0};

        plugin_question_print(plugin->config, &info);
        const uv_process_options_t options = {
            .exit_cb = on_ended,
            .file = plugin->config->exec->command,
            .args = make_arguments(plugin->config->exec, arena),
            .env = make_environment(plugin, arena, info.text),
            .stdio = stdio,
            .stdio_count = 3,
        };
        return uv_spawn(plugin->loop, &plugin->process, &options);
}

static void run(struct plugin *plugin)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        int r;

        plugin->state = PLUGIN_RUNNING;
        init_handles(plugin);
        r = spawn(plugin, arena);
        plugin->spawned = r == 0;
        if (r < 0) {
                err_set(&plugin->err, "cannot be run: %s", uv_strerror(r));
                close_handle((uv_handle_t *)&plugin->process);
                close_handle((uv_handle_t *)&plugin->timer);
                close_handle((uv_handle_t *)&plugin->output);
                close_handle((uv_handle_t *)&plugin->errors);
                return;
        }
        uv_timer_start(&plugin->timer, on_timer, PLUGIN_SECONDS * 1000, 0);
        uv_read_start((uv_stream_t *)&plugin->output, on_room, on_read);
        uv_read_start((uv_stream_t *)&plugin->errors, on_room, on_read);
}

static bool has_expired(const struct plugin *plugin)
{
        return plugin->answer.expires && (int64_t)time(NULL) >= plugin->answer.expires;
}

bool plugin_ready(struct plugin *plugin)
{
        if (plugin->state == PLUGIN_RUNNING)
                return false;
        if (plugin->fresh || (plugin->state == PLUGIN_HAS && !has_expired(plugin)))
                return true;
        run(plugin);
        return false;
}

bool plugin_failed(const struct plugin *plugin, struct err *err)
{
        if (plugin->state != PLUGIN_FAILED)
                return false;
        err_set(err, "%s", plugin->err.text);
        return true;
}

void plugin_refused(struct plugin *plugin)
{
        if (plugin->state == PLUGIN_HAS)
                plugin->state = PLUGIN_NONE;
}

const char *plugin_token(const struct plugin *plugin)
{
        return plugin->answer.token;
}

const char *plugin_certificate(const struct plugin *plugin)
{
        return plugin->answer.certificate;
}

const char *plugin_key(const struct plugin *plugin)
{
        return plugin->answer.key;
}

struct plugin *plugin_new(uv_loop_t *loop, const struct kube_config *config,
                          void (*changed)(void *data), void *data)
{
        struct plugin *plugin = memory_alloc(sizeof(*plugin));

        plugin->loop = loop;
        plugin->config = config;
        plugin->changed = changed;
        plugin->data = data;
        plugin->arena = arena_new();
        return plugin;
}

void plugin_close(struct plugin *plugin, void (*closed)(void *data), void *data)
{
        plugin->closed = closed;
        plugin->closed_data = data;
        if (plugin->state != PLUGIN_RUNNING) {
                plugin_free(plugin);
                return;
        }
        if (plugin->spawned && !plugin->has_ended)
                uv_process_kill(&plugin->process, SIGKILL);
        close_handle((uv_handle_t *)&plugin->output);
        close_handle((uv_handle_t *)&plugin->errors);
}
