#include "agent/agent.h"

#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include "agent/single.h"
#include "daemon/sandbox.h"

/* The feeder is told that the agent is at work; silent for 10 s, it hangs. */
#define STATE_MS 3000
#define LOOK_MS  5000 /* what costs nearly nothing is compared */

static void hear(uv_poll_t *poll, int status, int events)
{
        struct agent *agent = poll->data;

        if (engine_hears(agent->engine))
                due_note(agent);
}

/* Ten times within the silence that a feeder is allowed, at least. */
static unsigned state_period(const struct agent_options *options)
{
        unsigned tenth = options->feeder_silence_seconds * 100;

        return tenth < STATE_MS ? tenth : STATE_MS;
}

static void state_tick(uv_timer_t *timer)
{
        struct agent *agent = timer->data;

        feeding_watch(agent->feeding, state_period(agent->options));
        due_tell_state(agent);
        due_tell_untold(agent);
}

static void look_tick(uv_timer_t *timer)
{
        struct agent *agent = timer->data;

        if (!agent->due && agent->enforcing && engine_looks(agent->engine))
                due_note(agent);
}

static void read_tick(uv_timer_t *timer)
{
        struct agent *agent = timer->data;

        if (!agent->due && agent->enforcing && engine_reads(agent->engine))
                due_note(agent);
}

static void change_level(struct agent *agent)
{
        enum log_level level = log_cycle_level();

        log_event(LOG_INFO, "log level changed", log_text("level", log_level_name(level)));
        feeding_send_text(agent->feeding, FEED_LEVEL, level, "");
}

static void take_signal(uv_signal_t *handle, int signal)
{
        struct agent *agent = handle->data;

        if (signal == SIGUSR1)
                change_level(agent);
        else
                uv_stop(&agent->loop);
}

static void start_timer(struct agent *agent, uv_timer_t *timer, uv_timer_cb tick, uint64_t period)
{
        uv_timer_init(&agent->loop, timer);
        timer->data = agent;
        uv_timer_start(timer, tick, period, period);
}

static void start_signals(struct agent *agent)
{
        static const int signals[] = {SIGTERM, SIGINT, SIGUSR1};

        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                uv_signal_init(&agent->loop, &agent->signals[i]);
                agent->signals[i].data = agent;
                uv_signal_start(&agent->signals[i], take_signal, signals[i]);
        }
}

static void start_handles(struct agent *agent)
{
        int kernel = engine_descriptor(agent->engine);

        due_start(agent);
        start_timer(agent, &agent->state_timer, state_tick, state_period(agent->options));
        start_timer(agent, &agent->look_timer, look_tick, LOOK_MS);
        start_timer(agent, &agent->read_timer, read_tick, agent->options->period_seconds * 1000ull);
        start_signals(agent);
        agent->hears_kernel = kernel >= 0;
        if (agent->hears_kernel) {
                uv_poll_init(&agent->loop, &agent->kernel, kernel);
                agent->kernel.data = agent;
                uv_poll_start(&agent->kernel, UV_READABLE, hear);
        }
}

/* All but the feeder's, which it closes itself. */
static void close_handles(struct agent *agent)
{
        uv_handle_t *handles[] = {
            (uv_handle_t *)&agent->check,       (uv_handle_t *)&agent->awake,
            (uv_handle_t *)&agent->state_timer, (uv_handle_t *)&agent->look_timer,
            (uv_handle_t *)&agent->read_timer,  (uv_handle_t *)&agent->retry_timer,
            (uv_handle_t *)&agent->signals[0],  (uv_handle_t *)&agent->signals[1],
            (uv_handle_t *)&agent->signals[2],  (uv_handle_t *)&agent->kernel,
        };

        for (size_t i = 0; i < ARRAY_SIZE(handles) - !agent->hears_kernel; i++)
                uv_close(handles[i], NULL);
}

static int work(struct agent *agent, struct err *err)
{
        const struct feeding_handler handler = {agent, take_frame, take_loss, take_successor,
                                                take_mistake};

        if (*agent->options->socket) {
                agent->control =
                    control_new(&agent->loop, agent->options->socket, take_question, agent, err);
                if (!agent->control)
                        return -1;
        }
        if (sandbox_agent(err) < 0)
                return -1;
        agent->feeding = feeding_new(&agent->loop, agent->options, &handler);
        start_handles(agent);
        say_what_is_awaited(agent);
        log_event(LOG_INFO, "started", log_text("version", PENSTOCK_VERSION),
                  log_text("node", agent->options->node), log_text("backend", agent->backend));
        uv_run(&agent->loop, UV_RUN_DEFAULT);
        due_end(agent);
        log_event(LOG_INFO, "stopped; what is installed stays");
        close_handles(agent);
        return agent->unconfigured ? err_set(err, "no API server to follow: its feeder says why")
                                   : 0;
}

static void end(struct agent *agent)
{
        if (agent->feeding)
                feeding_close(agent->feeding);
        if (agent->control)
                control_close(agent->control);
        barrier_close(&agent->barrier);
        uv_run(&agent->loop, UV_RUN_DEFAULT);
        if (agent->feeding)
                feeding_free(agent->feeding);
        engine_free(agent->engine);
        mirror_free(agent->mirror);
        traffic_free(agent->metrics.traffic);
        uv_loop_close(&agent->loop);
}

int agent_run(const struct agent_options *options, struct err *err)
{
        enum flavour flavour = options->flavour;
        struct agent agent = {.options = options};

        log_begin("agent", options->log_level, options->log_format);
        int single = single_hold(err);
        if (single < 0)
                return -1;
        signal(SIGPIPE, SIG_IGN);
        /* glibc would raise it to the size of what is freed, and keep what is below for ever. */
        mallopt(M_MMAP_THRESHOLD, 128 << 10);
        if (!options->has_flavour && flavour_detect(&flavour, err) < 0) {
                close(single);
                return -1;
        }
        uv_loop_init(&agent.loop);
        agent.backend = flavour_name(flavour);
        agent.metrics.traffic = traffic_new();
        agent.mirror = mirror_new();
        barrier_init(&agent.barrier, &agent.loop, due_barrier_over, &agent);
        agent.engine = engine_new(options, flavour, &agent.metrics, &agent.barrier);
        int r = work(&agent, err);
        end(&agent);
        close(single);
        return r;
}
