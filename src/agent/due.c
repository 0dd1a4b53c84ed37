#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "base/clock.h"

#define RETRY_MS  100 /* after a failure; doubled from one to the next */
#define RETRY_MAX 10000

void due_tell_state(struct agent *agent)
{
        struct feed_state *state = &agent->metrics.state;

        *state = (struct feed_state){.live = true, .enforcing = agent->enforcing};
        snprintf(state->why, sizeof(state->why), "%s", agent->enforcing ? "" : agent->why);
        feeding_send(agent->feeding, FEED_STATE, state, sizeof(*state));
}

void due_set_state(struct agent *agent, bool enforcing, const char *why)
{
        if (agent->enforcing == enforcing && (enforcing || strcmp(agent->why, why) == 0))
                return;
        agent->enforcing = enforcing;
        snprintf(agent->why, sizeof(agent->why), "%s", why);
        due_tell_state(agent);
}

static void stay_awake(uv_idle_t *idle)
{
}

static void wake(struct agent *agent)
{
        uv_idle_start(&agent->awake, stay_awake);
}

void due_note(struct agent *agent)
{
        if (agent->due)
                return;
        agent->due = true;
        agent->since = clock_seconds();
        if (!agent->waiting)
                wake(agent);
}

void due_barrier_over(void *data)
{
        struct agent *agent = data;

        agent->over = true;
        wake(agent);
}

static void tell(struct agent *agent, const struct refused *refused)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        log_event(LOG_WARNING, "an object is not accepted",
                  log_text("kind", api_kinds[refused->kind].kind),
                  log_text("namespace", refused->namespace), log_text("name", refused->name),
                  log_text("why", refused->why));
        strbuf_printf(&text, "%s\n", report_namespace(refused));
        report_refused(refused, (int64_t)time(NULL), &text);
        feeding_send_text(agent->feeding, FEED_REPORT, 0, text.text);
}

void due_tell_untold(struct agent *agent)
{
        size_t untold = report_budget_untold(&agent->reports, clock_seconds());

        if (untold > 0)
                log_event(LOG_WARNING, "more objects are not accepted",
                          log_number("objects", untold));
}

static void report(struct agent *agent)
{
        const struct refused *refused;
        size_t n = mirror_refused_freshly(agent->mirror, &refused);

        for (size_t i = 0; i < n; i++)
                if (report_budget_take(&agent->reports, clock_seconds()))
                        tell(agent, &refused[i]);
        due_tell_untold(agent);
}

static void retry(uv_timer_t *timer)
{
        struct agent *agent = timer->data;

        agent->waiting = false;
        if (agent->due)
                wake(agent);
}

static void failed(struct agent *agent, const char *why)
{
        log_event(LOG_ERROR, "enforcing failed; it is tried again", log_text("why", why),
                  log_number("seconds", (double)agent->delay / 1e3));
        agent->metrics.syncs[SYNC_FAILED]++;
        due_set_state(agent, false, why);
        agent->waiting = true;
        uv_timer_start(&agent->retry_timer, retry, agent->delay, 0);
        agent->delay = agent->delay * 2 < RETRY_MAX ? agent->delay * 2 : RETRY_MAX;
}

/* Connections that wait for being cut do not change what it says, but for those that it owes. */
static void succeeded(struct agent *agent)
{
        if (agent->due || engine_owes(agent->engine))
                return;
        if (!agent->enforcing)
                log_event(LOG_INFO, "enforcing",
                          log_number("seconds", clock_seconds() - agent->since));
        due_set_state(agent, true, "");
}

static void enforce(struct agent *agent)
{
        struct err err;

        report(agent);
        if (engine_sync(agent->engine, agent->mirror, &err) < 0) {
                failed(agent, err.text);
                return;
        }
        histogram_add(&agent->metrics.sync, clock_seconds() - agent->since);
        agent->metrics.syncs[SYNC_DONE]++;
        agent->due = false;
        agent->delay = RETRY_MS;
        succeeded(agent);
}

static void cut(struct agent *agent)
{
        struct err err;

        agent->over = false;
        if (engine_cut(agent->engine, agent->mirror, &err) == 0) {
                succeeded(agent);
                return;
        }
        failed(agent, err.text);
        due_note(agent);
}

static void work_off(uv_check_t *check)
{
        struct agent *agent = check->data;

        uv_idle_stop(&agent->awake);
        if (agent->due && !agent->waiting && mirror_is_whole(agent->mirror))
                enforce(agent);
        if (agent->over)
                cut(agent);
}

void due_start(struct agent *agent)
{
        agent->delay = RETRY_MS;
        uv_check_init(&agent->loop, &agent->check);
        uv_idle_init(&agent->loop, &agent->awake);
        uv_timer_init(&agent->loop, &agent->retry_timer);
        agent->check.data = agent->retry_timer.data = agent;
        uv_check_start(&agent->check, work_off);
}

/* What is shut is cut before the agent ends: the next one may be long in coming. */
void due_end(struct agent *agent)
{
        struct err err;

        while (barrier_end(&agent->barrier))
                if (engine_cut(agent->engine, agent->mirror, &err) < 0)
                        log_event(LOG_ERROR, "cutting connections", log_text("why", err.text));
}
