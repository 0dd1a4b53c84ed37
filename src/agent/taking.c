#include <string.h>

#include "agent/agent.h"

static int take_object(struct agent *agent, const struct feed_frame *frame,
                       void (*take)(struct mirror *, enum kind, const struct value *),
                       struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        const struct value *value = feed_value(arena, frame);

        /* Without it, a list would say that it is gone. */
        if (!value)
                return err_set(err, "what is no object stands for a %s",
                               api_kinds[frame->kind].kind);
        take(agent->mirror, frame->kind, value);
        return 0;
}

static int answer_metrics(struct agent *agent, const struct feed_frame *frame, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf text = {0};
        const struct refused *refused;
        const char *ignored;
        uint32_t number;

        if (!feed_text(arena, frame, &number, &ignored))
                return err_set(err, "a question without a number");
        struct agent_metrics *metrics = &agent->metrics;
        const struct cluster *cluster = mirror_cluster(agent->mirror);
        metrics->objects[KIND_NAMESPACE] = cluster->namespaces.n;
        metrics->objects[KIND_NODE] = cluster->nodes.n;
        metrics->objects[KIND_POD] = cluster->pods.n;
        metrics->objects[KIND_NETWORK_POLICY] = cluster->policies.n;
        memset(metrics->refused, 0, sizeof(metrics->refused));
        for (size_t n = mirror_refused(agent->mirror, &refused), i = 0; i < n; i++)
                metrics->refused[refused[i].kind]++;
        metrics->feeder_restarts = feeding_restarts(agent->feeding);
        metrics->feeder_pid = feeding_pid(agent->feeding);
        metrics_print(metrics, engine_counters(agent->engine, arena), &text);
        feeding_send_text(agent->feeding, FEED_METRICS, number, strbuf_text(&text));
        return 0;
}

/* The first list of every kind is awaited: until then what was installed stays. */
void say_what_is_awaited(struct agent *agent)
{
        _cleanup_strbuf_ struct strbuf why = {0};

        for (enum kind kind = 0; kind < OBJECT_KINDS; kind++)
                if (!agent->listed[kind])
                        strbuf_printf(&why, "%s%s", why.length ? ", " : "waiting for the list of ",
                                      api_kinds[kind].plural);
        if (why.length)
                due_set_state(agent, false, why.text);
}

static void note_changes(struct agent *agent)
{
        const struct refused *ignored;

        if (mirror_changes(agent->mirror)->n > 0 ||
            mirror_refused_freshly(agent->mirror, &ignored) > 0)
                due_note(agent);
}

static int take_list_end(struct agent *agent, enum kind kind, struct err *err)
{
        bool first = !agent->listed[kind];

        if (!mirror_end(agent->mirror, kind))
                return err_set(err, "the end of a list that has not begun");
        agent->listed[kind] = true;
        if (!first)
                return 0;
        say_what_is_awaited(agent);
        if (mirror_is_whole(agent->mirror)) /* also where there is nothing at all */
                due_note(agent);
        return 0;
}

static int take_counts(struct agent *agent, const struct feed_frame *frame, struct err *err)
{
        return feed_counts(frame, &agent->metrics.feeder) ? 0
                                                          : err_set(err, "counts that are none");
}

static int take(struct agent *agent, const struct feed_frame *frame, struct err *err)
{
        switch (frame->type) {
        case FEED_BEGIN:
                mirror_begin(agent->mirror, frame->kind);
                return 0;
        case FEED_ABORT:
                mirror_abort(agent->mirror, frame->kind);
                return 0;
        case FEED_OBJECT:
                return take_object(agent, frame, mirror_object, err);
        case FEED_DELETED:
                return take_object(agent, frame, mirror_deleted, err);
        case FEED_END:
                return take_list_end(agent, frame->kind, err);
        case FEED_COUNTS:
                return take_counts(agent, frame, err);
        case FEED_ASK:
                return answer_metrics(agent, frame, err);
        default:
                return err_set(err, "a frame that only the agent sends (%u)", frame->type);
        }
}

int take_frame(void *data, const struct feed_frame *frame, struct err *err)
{
        struct agent *agent = data;
        int r = take(agent, frame, err);

        note_changes(agent);
        return r;
}

void take_loss(void *data)
{
        struct agent *agent = data;

        metrics_feeder_ended(&agent->metrics);
        for (enum kind kind = 0; kind < OBJECT_KINDS; kind++)
                mirror_abort(agent->mirror, kind);
}

void take_successor(void *data)
{
        due_tell_state(data);
}

void take_mistake(void *data)
{
        struct agent *agent = data;

        agent->unconfigured = true;
        uv_stop(&agent->loop);
}

void take_question(void *data, struct control_answer *ret)
{
        const struct agent *agent = data;

        *ret = (struct control_answer){
            .node = agent->options->node,
            .backend = agent->backend,
            .own_node_egress = agent->options->own_node_egress,
            .deny = agent->options->deny == DENY_REJECT ? "reject" : "drop",
            .whole = mirror_is_whole(agent->mirror),
            .enforcing = agent->enforcing,
            .why = agent->enforcing ? NULL : agent->why,
            .cluster = mirror_cluster(agent->mirror),
        };
}
