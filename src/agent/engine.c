#include "agent/engine.h"

#include <stdlib.h>
#include <string.h>

#include "agent/cutting.h"
#include "agent/lone_pod.h"
#include "base/clock.h"
#include "base/memory.h"
#include "compile/memo.h"
#include "iptables/keeper.h"
#include "netlink/conntrack.h"
#include "netlink/pod_bridges.h"

/* A sync is made of steps that may each fail; what the failed one was to do is still to be done at
 * the next, so it is noted before it is tried: that rules may not be what is wanted (stale), which
 * connections are to be asked (cutting), and that bridges are to be looked at. */

#define LOCK_SECONDS 2 /* to wait for iptables' lock, and for another penstock's */

struct engine {
        const struct agent_options *options;
        struct compile_options compile;
        struct agent_metrics *metrics;
        struct keeper *keeper;
        struct compile_memo *memo;
        struct lone_pod lone; /* since the last apply */
        struct cutting *cutting;
        struct barrier *barrier;
        bool stale; /* something has changed since the last apply, or it failed */
        bool bridges_due;
        bool drifted; /* others have changed something since the last apply */
};

struct engine *engine_new(const struct agent_options *options, enum flavour flavour,
                          struct agent_metrics *metrics, struct barrier *barrier)
{
        const struct apply_options apply = {.flavour = flavour, .wait_seconds = LOCK_SECONDS};
        struct keeper *keeper = keeper_new(&apply);
        struct engine *engine = memory_alloc(sizeof(*engine));

        *engine = (struct engine){
            .options = options,
            .compile = {.node = options->node,
                        .own_node_egress = options->own_node_egress,
                        .deny = options->deny},
            .metrics = metrics,
            .keeper = keeper,
            .memo = compile_memo_new(),
            .cutting = cutting_new(),
            .barrier = barrier,
            .stale = true,
            .bridges_due = true,
        };
        return engine;
}

void engine_free(struct engine *engine)
{
        keeper_free(engine->keeper);
        compile_memo_free(engine->memo);
        cutting_free(engine->cutting);
        free(engine);
}

static bool is_local_pod(const struct engine *engine, const struct object *object)
{
        return object && strcmp(object->pod.node, engine->options->node) == 0;
}

static void note_changes(struct engine *engine, const struct cluster *cluster,
                         const cluster_changes *changes)
{
        const bool concerned = compile_memo_change(engine->memo, cluster, changes);

        engine->stale |= concerned;
        if (concerned)
                lone_pod_add(&engine->lone, changes);
        touched_add(cutting_touched(engine->cutting), cluster, changes, engine->options->node);
        vec_foreach (const struct cluster_change, change, changes)
                engine->bridges_due |=
                    (change->kind == KIND_NETWORK_POLICY && concerned) ||
                    (change->kind == KIND_POD &&
                     (is_local_pod(engine, change->before) || is_local_pod(engine, change->after)));
}

static void count_pods(struct engine *engine)
{
        size_t local, isolated;

        compile_memo_pods(engine->memo, &local, &isolated);
        engine->metrics->local_pods = local;
        engine->metrics->isolated_pods = isolated;
}

static void count_ruleset(struct agent_metrics *metrics, const struct ruleset *ruleset)
{
        metrics->chains = metrics->rules = metrics->elements = 0;
        metrics->sets = ruleset->sets.n;
        vec_foreach (const struct table, table, &ruleset->tables) {
                vec_foreach (const struct chain, chain, &table->chains) {
                        metrics->chains += is_own_chain(chain->name);
                        metrics->rules += chain->rules.n;
                }
        }
        vec_foreach (const struct set, set, &ruleset->sets)
                metrics->elements += set->elements.n;
}

/* Of an apply, and of one that failed too: how far it came nobody remembers. Where all had to be
 * read, others may have had it open meanwhile, whatever it was found to be, and for anybody. */
static void note_shutting(struct engine *engine, bool has_read)
{
        cutting_shut(engine->cutting, has_read || keeper_may_have_shut(engine->keeper), has_read);
}

static int apply(struct engine *engine, const struct cluster *cluster, struct err *err)
{
        struct arena *arena = arena_new();
        struct apply_report report = {0};
        double began = clock_seconds();
        const struct ruleset *wanted =
            compile_again(arena, cluster, &engine->compile, engine->memo, err);

        if (!wanted) {
                arena_free(arena);
                return err_wrap(err, "compiling for node %s", engine->options->node);
        }
        histogram_add(&engine->metrics->parts[SYNC_COMPILE], clock_seconds() - began);
        count_pods(engine);
        count_ruleset(engine->metrics, wanted);
        const size_t readings = keeper_readings(engine->keeper);
        began = clock_seconds();
        int r = keeper_apply(engine->keeper, arena, wanted, lone_pod_is_all(&engine->lone), &report,
                             err);
        histogram_add(&engine->metrics->parts[SYNC_APPLY], clock_seconds() - began);
        note_shutting(engine, keeper_readings(engine->keeper) != readings);
        if (r < 0)
                return -1;
        engine->lone = (struct lone_pod){0};
        engine->metrics->repairs += engine->drifted && report.changed;
        engine->drifted = false;
        log_event(report.changed ? LOG_INFO : LOG_DEBUG, "applied",
                  log_number("chainsAdded", report.chains_added),
                  log_number("chainsChanged", report.chains_changed),
                  log_number("chainsRemoved", report.chains_removed),
                  log_number("setsAdded", report.sets_added),
                  log_number("setsRemoved", report.sets_removed),
                  log_number("elementsAdded", report.elements_added),
                  log_number("elementsRemoved", report.elements_removed),
                  log_number("milliseconds", (clock_seconds() - began) * 1e3));
        if (report.notes.length > 0)
                log_event(LOG_WARNING, "left as it is", log_text("why", report.notes.text));
        apply_report_done(&report);
        return 0;
}

/* What passes a bridge is not seen by any rule, so it is not enforced where this fails. */
static int filter_bridges(struct engine *engine, const struct cluster *cluster, struct err *err)
{
        struct bridge_report report = {0};

        if (!engine->bridges_due)
                return 0;
        if (pod_bridges_filter(cluster, engine->options->node, false, &report, err) < 0)
                return err_wrap(err, "the rules are in force, but do not protect all pods");
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                if (report.wanted[family])
                        log_event(LOG_INFO, "bridged packets now pass the rules",
                                  log_text("setting", bridge_setting(family)),
                                  log_text("bridge", report.bridge));
        engine->bridges_due = false;
        return 0;
}

static int ask(struct engine *engine, const struct cluster *cluster, const struct touched *touched,
               struct err *err)
{
        const bool to_node = engine->options->own_node_egress;
        struct conntrack_policies policies = {
            cluster, {.own_node_egress = to_node, .node = engine->options->node}};
        const struct conntrack_judge judge = {conntrack_keep_allowed, &policies, to_node};
        size_t cut = 0;
        int r = touched->everybody ? conntrack_cut(&judge, &cut, err)
                                   : conntrack_cut_of(&judge, touched->addresses.items,
                                                      touched->addresses.n, &cut, err);

        if (r < 0)
                return err_wrap(
                    err, "the rules are in force, but connections that they deny may live on");
        if (cut)
                log_event(LOG_INFO, "cut connections", log_number("connections", cut));
        engine->metrics->connections_cut += cut;
        return 0;
}

/* With the cluster's rules in force: those whose barrier is over first, so that one may begin for
 * those that have been gathered since. */
static int cut_connections(struct engine *engine, const struct cluster *cluster, struct err *err)
{
        const struct generation *asks = cutting_asks(engine->cutting);

        if (asks) {
                double since = asks->since;
                int r = ask(engine, cluster, &asks->touched, err);
                cutting_asked(engine->cutting, r == 0);
                histogram_add(&engine->metrics->parts[SYNC_CONNTRACK], clock_seconds() - since);
                if (r < 0)
                        return r;
        }
        if (cutting_begins(engine->cutting, clock_seconds()))
                barrier_begin(engine->barrier);
        return 0;
}

/* Two pods with one address, and the like. */
static void log_notes(const struct mirror *mirror)
{
        const char *const *notes;
        size_t n = mirror_notes(mirror, &notes);

        for (size_t i = 0; i < n; i++)
                log_event(LOG_WARNING, "of the cluster", log_text("note", notes[i]));
}

/* What has changed is noted here first and forgotten there: however long applying fails, what waits
 * does not grow. */
static const struct cluster *take_changes(struct engine *engine, struct mirror *mirror)
{
        note_changes(engine, mirror_cluster(mirror), mirror_changes(mirror));
        log_notes(mirror);
        mirror_settle(mirror);
        return mirror_cluster(mirror);
}

static int enforce(struct engine *engine, const struct cluster *cluster, struct err *err)
{
        if (engine->stale && apply(engine, cluster, err) < 0) {
                cutting_in_force(engine->cutting, false);
                return -1;
        }
        engine->stale = false;
        cutting_in_force(engine->cutting, true);
        return 0;
}

int engine_sync(struct engine *engine, struct mirror *mirror, struct err *err)
{
        const struct cluster *cluster = take_changes(engine, mirror);

        return enforce(engine, cluster, err) < 0 || cut_connections(engine, cluster, err) < 0 ||
                       filter_bridges(engine, cluster, err) < 0
                   ? -1
                   : 0;
}

int engine_cut(struct engine *engine, struct mirror *mirror, struct err *err)
{
        cutting_barrier_over(engine->cutting);
        return mirror_changes(mirror)->n > 0 ? 0
                                             : cut_connections(engine, mirror_cluster(mirror), err);
}

bool engine_owes(const struct engine *engine)
{
        return cutting_owes(engine->cutting);
}

int engine_descriptor(const struct engine *engine)
{
        return keeper_descriptor(engine->keeper);
}

static bool note_drift(struct engine *engine, bool drifted, const char *how)
{
        if (drifted && !engine->drifted)
                log_event(LOG_WARNING, "others have changed what penstock installed",
                          log_text("noticedBy", how));
        engine->drifted |= drifted;
        engine->stale |= drifted;
        return drifted;
}

bool engine_hears(struct engine *engine)
{
        return note_drift(engine, keeper_hears(engine->keeper), "notification");
}

bool engine_looks(struct engine *engine)
{
        return note_drift(engine, keeper_look(engine->keeper), "sizes of sets, rules of legacy");
}

bool engine_reads(struct engine *engine)
{
        struct err err;
        bool drifted = false;

        if (keeper_read(engine->keeper, &drifted, &err) < 0) {
                log_event(LOG_WARNING, "reading what is installed", log_text("why", err.text));
                engine->stale = true;
                return true;
        }
        engine->bridges_due = true;
        return note_drift(engine, drifted, "reading all");
}

struct ruleset *engine_counters(struct engine *engine, struct arena *arena)
{
        struct err err;
        struct ruleset *counters = keeper_counters(engine->keeper, arena, &err);

        if (!counters)
                log_event(LOG_WARNING, "reading counters", log_text("why", err.text));
        return counters;
}
