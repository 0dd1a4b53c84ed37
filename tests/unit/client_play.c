#include "client_play.h"

#include <stdio.h>
#include <stdlib.h>

void play_tell(struct play *play, const char *format, ...)
{
        va_list args;

        if (play->told.length)
                strbuf_add_char(&play->told, ' ');
        va_start(args, format);
        strbuf_vprintf(&play->told, format, args);
        va_end(args);
}

static void told_begin(void *data, enum kind kind)
{
        play_tell(data, "begin");
}

static const char *name_of(const struct value *object)
{
        return value_member_text(value_member(object, "metadata"), "name");
}

static void told_object(void *data, enum kind kind, const struct value *object)
{
        struct play *play = data;

        play_tell(play, "+%s", name_of(object));
        if (play->on_object)
                play->on_object(play);
}

static void told_deleted(void *data, enum kind kind, const struct value *object)
{
        play_tell(data, "-%s", name_of(object));
}

static void told_end(void *data, enum kind kind)
{
        play_tell(data, "end");
}

static void told_abort(void *data, enum kind kind)
{
        play_tell(data, "abort");
}

static void told_trouble(void *data, enum kind kind, enum client_trouble trouble, const char *why,
                         double seconds)
{
        static const char *const names[] = {"retrying", "forbidden", "gone"};

        struct play *play = data;

        play_tell(play, "[%s %s]", names[trouble], why);
        play->seconds = seconds;
        if (play->on_trouble)
                play->on_trouble(play);
}

static void told_connected(void *data, enum kind kind)
{
        play_tell(data, "connected");
}

static const struct kube_handler handler = {
    .begin = told_begin,
    .object = told_object,
    .deleted = told_deleted,
    .end = told_end,
    .abort = told_abort,
    .trouble = told_trouble,
    .connected = told_connected,
};

static void client_closed(void *data)
{
        struct play *play = data;

        api_server_close(play->server);
        uv_close((uv_handle_t *)&play->limit, NULL);
}

void play_stop(struct play *play)
{
        if (play->stopped)
                return;
        play->stopped = true;
        kube_client_close(play->client, client_closed, play);
}

static void on_limit(uv_timer_t *timer)
{
        play_tell(timer->data, "TOO-LONG");
        play_stop(timer->data);
}

static void answer(struct api_connection *connection, const struct step *step)
{
        switch (step->how) {
        case ANSWER:
                api_answer(connection, step->status ? step->status : 200,
                           step->headers ? step->headers : "", step->body);
                break;
        case STREAM:
        case STREAM_AND_CUT:
        case STREAM_AND_HANG:
                api_begin(connection);
                if (step->body && *step->body)
                        api_send(connection, step->body, strlen(step->body));
                if (step->how == STREAM)
                        api_end(connection);
                else if (step->how == STREAM_AND_CUT)
                        api_cut(connection);
                break;
        case CUT:
                api_cut(connection);
                break;
        case HANG:
        case STOP:
                break;
        }
}

static void on_request(void *data, struct api_connection *connection, const char *method,
                       const char *target)
{
        struct play *play = data;
        const struct step *step = &play->script->steps[play->at++];

        if (!step->expected || !strstr(target, step->expected)) {
                play_tell(play, "UNEXPECTED(%s)", target);
                play_stop(play);
        } else if (step->how == STOP) {
                play_stop(play);
        } else {
                answer(connection, step);
        }
}

void play_begin(struct play *play, const struct script *script)
{
        struct kube_client_options options = script->options;
        struct kube_handler told = handler;
        struct err err;

        *play = (struct play){.script = script};
        uv_loop_init(&play->loop);
        play->server = api_server_new(&play->loop, on_request, play);
        snprintf(play->url, sizeof(play->url), "http://127.0.0.1:%u",
                 api_server_port(play->server));
        play->config = (struct kube_config){.server = play->url, .source = "test"};
        told.data = play;
        if (options.max_delay_seconds == 0)
                options.max_delay_seconds = 0.01;
        options.streaming_lists = script->streaming;
        play->client = kube_client_new(&play->loop, &play->config, &options, &told, &err);
        assert_non_null(play->client);
        uv_timer_init(&play->loop, &play->limit);
        play->limit.data = play;
        uv_timer_start(&play->limit, on_limit, 5000, 0);
}

void play_end(struct play *play)
{
        const struct script *script = play->script;

        kube_client_watch(play->client, KIND_POD);
        uv_run(&play->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&play->loop), 0);
        if (strcmp(strbuf_text(&play->told), script->told) != 0)
                print_message("%s:\n  %s\n  was to be\n  %s\n", script->name,
                              strbuf_text(&play->told), script->told);
        assert_string_equal(strbuf_text(&play->told), script->told);
        strbuf_done(&play->told);
}

void play_script(const struct script *script)
{
        struct play play;

        play_begin(&play, script);
        play_end(&play);
}
