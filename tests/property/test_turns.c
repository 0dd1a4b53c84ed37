#include "../unit/unit.h"

#include <inttypes.h>

#include "agent/lone_pod.h"
#include "compile/compile.h"
#include "iptables/overlap.h"
#include "iptables/text.h"
#include "kube/copy.h"
#include "must_load.h"
#include "packets.h"
#include "verify/simulate.h"

/* One pod of a random cluster changes, and the plan from one node's rules to the next has its rules
 * and sets take turns: after each line for the sets, and after the rules, what neither the rules
 * before nor those after let through is stopped, and what both do passes. So it is on the way back
 * from where a step has failed. */

#define CLUSTERS 400
#define STEPS    25
#define PACKETS  40 /* after each line */

struct run {
        struct arena *arena; /* of the step */
        struct bytes bytes;
        struct cluster *cluster;
        struct cluster *other; /* whose pods come */
        const char *node;
        unsigned number, step;
        unsigned turns[3], backs; /* plans by their turn, and of those undone */
        unsigned kept, stopped;   /* packets that had to be */
};

struct way {
        struct ruleset *before, *after;
        struct ruleset *rules; /* in force by now */
        bool own;              /* egress rules apply towards the node */
        bool may_fail;
        VEC(const char *) sets; /* as lines of what ipset save would say by now */
        struct packet_pool pool;
        struct ip ips[FAMILIES]; /* of the pod */
        bool has[FAMILIES];
};

static struct cluster *make(struct run *run, struct arena *arena)
{
        const struct manifest manifest = world_generate(arena, &run->bytes, run->number);

        return world_must_load(arena, &manifest);
}

static struct object pod_of(struct run *run, const struct cluster *cluster)
{
        size_t i = bytes_below(&run->bytes, (unsigned)cluster->pods.n);
        struct object object = object_of(KIND_POD, &cluster->pods.items[i]);

        object.pod.ips = object.pod.given;
        return object;
}

/* Comes from the other cluster, goes, or is labelled as another is. */
static void change(struct run *run, cluster_changes *changes)
{
        struct object pod = pod_of(run, run->cluster), other = pod_of(run, run->other);

        switch (bytes_below(&run->bytes, 3)) {
        case 0:
                cluster_put(run->cluster, &other, changes);
                return;
        case 1:
                if (run->cluster->pods.n > 1)
                        cluster_remove(run->cluster, KIND_POD, pod.meta.namespace, pod.meta.name,
                                       changes);
                return;
        default:
                pod.meta.labels = other.meta.labels;
                pod.pod.meta.labels = other.meta.labels;
                cluster_put(run->cluster, &pod, changes);
        }
}

static struct ruleset *compiled(struct run *run, const struct cluster *cluster, bool own)
{
        const struct compile_options options = {.node = run->node, .own_node_egress = own};
        struct err err;
        struct ruleset *ruleset = compile(run->arena, cluster, &options, &err);

        if (!ruleset)
                fail_msg("%s", err.text);
        return ruleset;
}

static void add_lines(struct run *run, struct way *way, const struct ruleset *ruleset)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        ipset_print(ruleset, &text);
        for (const char *line = strbuf_text(&text); *line; line = strchr(line, '\n') + 1)
                vec_push(run->arena, &way->sets,
                         arena_printf(run->arena, "%.*s", (int)strcspn(line, "\n"), line));
}

/* "del NAME ELEMENT" takes away what begins "add NAME ELEMENT", "destroy NAME" all of the set's. */
static bool takes(const char *line, const char *known)
{
        if (strncmp(line, "destroy ", 8) == 0) {
                size_t length = strlen(line + 8);
                const char *name = strchr(known, ' ') + 1;
                return strncmp(name, line + 8, length) == 0 &&
                       (name[length] == ' ' || name[length] == '\0');
        }
        size_t length = strlen(line + 4);
        return strncmp(known, "add ", 4) == 0 && strncmp(known + 4, line + 4, length) == 0 &&
               (known[4 + length] == ' ' || known[4 + length] == '\0');
}

static void take_line(struct run *run, struct way *way, const char *line)
{
        if (strncmp(line, "del ", 4) == 0 || strncmp(line, "destroy ", 8) == 0) {
                size_t kept = 0;
                for (size_t i = 0; i < way->sets.n; i++)
                        if (!takes(line, way->sets.items[i]))
                                way->sets.items[kept++] = way->sets.items[i];
                assert_true(kept < way->sets.n);
                way->sets.n = kept;
        } else {
                vec_push(run->arena, &way->sets, line);
        }
}

/* What a packet meets by now. */
static struct ruleset *in_force(struct run *run, const struct way *way)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        struct ruleset *ruleset = ruleset_new(run->arena);
        struct err err;

        vec_foreach (const char *const, line, &way->sets)
                strbuf_printf(&text, "%s\n", *line);
        if (ipset_parse(ruleset, strbuf_text(&text), &err) < 0)
                fail_msg("%s:\n%s", err.text, strbuf_text(&text));
        vec_foreach (const struct table, table, &way->rules->tables)
                vec_push(run->arena, &ruleset->tables, *table);
        ruleset_finish(ruleset);
        return ruleset;
}

static struct packet draw(struct run *run, const struct way *way)
{
        struct packet packet = packet_pool_draw(&way->pool, &run->bytes);
        enum family family = packet.source.family;
        struct ip *end = bytes_chance(&run->bytes, 50) ? &packet.source : &packet.destination;

        if (way->has[family] && bytes_chance(&run->bytes, 70))
                *end = way->ips[family];
        return packet;
}

/* Those of the node's own traffic have chains where egress applies to it, too. */
static enum sim_hook draw_hook(struct run *run, const struct way *way)
{
        if (!way->own || bytes_chance(&run->bytes, 60))
                return HOOK_FORWARD;
        return bytes_chance(&run->bytes, 60) ? HOOK_INPUT : HOOK_OUTPUT;
}

static void check(struct run *run, const struct way *way, const char *after_line)
{
        const struct ruleset *now = in_force(run, way);

        for (unsigned i = 0; i < PACKETS; i++) {
                const struct packet packet = draw(run, way);
                struct sim_packet sim = sim_packet_new(&packet.source, &packet.destination,
                                                       packet.protocol, packet.port);
                const enum sim_hook hook = draw_hook(run, way);
                enum outcome outcome;

                if (bytes_chance(&run->bytes, 20))
                        sim.tcp_flags = TCP_ACK;
                outcome = simulate_ruleset(way->before, hook, &sim).outcome;
                if (outcome != simulate_ruleset(way->after, hook, &sim).outcome)
                        continue;
                run->kept += outcome == OUTCOME_PASS;
                run->stopped += outcome == OUTCOME_DROP;
                if (simulate_ruleset(now, hook, &sim).outcome != outcome)
                        fail_msg("cluster %u, step %u: after \"%s\", %s%s is not judged as both "
                                 "before and after the change",
                                 run->number, run->step, after_line,
                                 packet_text(run->arena, &packet),
                                 sim.tcp_flags == TCP_ACK ? " midstream" : "");
        }
}

static struct plan plan_to(struct run *run, struct ruleset *sets, struct ruleset *rules,
                           const struct ruleset *to, enum sets_turn turn)
{
        const struct installed installed = {
            .rules = {rules, ruleset_new(run->arena)},
            .sets = sets,
            .usable = {true, true},
            .families = {true, true},
        };
        const struct wanted wanted = {.rules = {to}, .sets = to, .turn = turn};
        struct apply_report report = {0};
        struct plan plan;

        plan_make(&installed, &wanted, false, &report, &plan);
        apply_report_done(&report);
        return plan;
}

/* True where the way ends at that line. */
static bool walk_lines(struct run *run, struct way *way, const struct strbuf *text)
{
        for (const char *line = strbuf_text(text); *line; line = strchr(line, '\n') + 1) {
                const char *one = arena_printf(run->arena, "%.*s", (int)strcspn(line, "\n"), line);
                take_line(run, way, one);
                check(run, way, one);
                if (way->may_fail && bytes_chance(&run->bytes, 20))
                        return true;
        }
        return false;
}

/* True where something fails on the way: its last step may, and all before. */
static bool walk(struct run *run, struct way *way, const struct plan *plan, struct ruleset *to)
{
        if (walk_lines(run, way, &plan->before))
                return true;
        way->rules = to;
        check(run, way, "the rules");
        return walk_lines(run, way, &plan->after) || walk_lines(run, way, &plan->destroy);
}

static void walk_back(struct run *run, struct way *way, enum sets_turn turn)
{
        _cleanup_plan_ struct plan back =
            plan_to(run, in_force(run, way), way->rules, way->before, sets_turn_back(turn));

        run->backs++;
        way->may_fail = false;
        walk(run, way, &back, way->before);
}

static void take_turns(struct run *run, struct way *way)
{
        const struct installed installed = {.rules = {way->before, ruleset_new(run->arena)},
                                            .sets = way->before};
        const struct wanted wanted = {.rules = {way->after}, .sets = way->after};
        enum sets_turn turn = overlap_turn(run->arena, &installed, &wanted);

        run->turns[turn]++;
        if (turn == SETS_AROUND)
                return;
        _cleanup_plan_ struct plan plan = plan_to(run, way->before, way->before, way->after, turn);
        add_lines(run, way, way->before);
        way->rules = way->before;
        if (walk(run, way, &plan, way->after))
                walk_back(run, way, turn);
}

static void note_pod(struct way *way, const struct object *object)
{
        for (size_t i = 0; object && i < object->pod.given.n; i++) {
                const struct ip *ip = &object->pod.given.items[i];
                way->ips[ip->family] = *ip;
                way->has[ip->family] = true;
        }
}

static void step(struct run *run)
{
        _cleanup_cluster_ struct cluster *before = cluster_copy(run->cluster);
        bool own = bytes_chance(&run->bytes, 20);
        cluster_changes changes = {0};
        struct lone_pod lone = {0};
        struct way way = {.before = compiled(run, before, own),
                          .own = own,
                          .may_fail = bytes_chance(&run->bytes, 50)};

        change(run, &changes);
        lone_pod_add(&lone, &changes);
        if (!lone_pod_is_all(&lone))
                return;
        way.after = compiled(run, run->cluster, own);
        vec_foreach (const struct cluster_change, one, &changes) {
                note_pod(&way, one->before);
                note_pod(&way, one->after);
        }
        way.pool = packet_pool_of(run->arena, run->cluster);
        take_turns(run, &way);
}

static void no_packet_meets_half_a_change(void **state)
{
        struct run_size size = run_size(CLUSTERS);
        struct run run = {0};

        print_message("PENSTOCK_SEED=%" PRIu64 ", %u clusters\n", size.seed, size.clusters);
        for (unsigned i = 0; i < size.clusters; i++) {
                _cleanup_arena_ struct arena *arena = arena_new();

                run.bytes = world_bytes(size.seed, i);
                run.number = i;
                run.cluster = make(&run, arena);
                run.other = make(&run, arena);
                for (run.step = 0; run.step < STEPS; run.step++) {
                        run.node = bytes_chance(&run.bytes, 60) ? "node-1" : "node-2";
                        run.arena = arena_new();
                        if (run.cluster->pods.n > 0 && run.other->pods.n > 0)
                                step(&run);
                        arena_free(run.arena);
                }
                cluster_free(run.cluster);
                cluster_free(run.other);
        }
        print_message(
            "%u changes grew last, %u shrank first, %u did neither; %u were undone; %u packets "
            "that had to be stopped were, %u that had to pass did\n",
            run.turns[SETS_GROW_LAST], run.turns[SETS_SHRINK_FIRST], run.turns[SETS_AROUND],
            run.backs, run.stopped, run.kept);
        assert_true(run.turns[SETS_GROW_LAST] > 50 && run.turns[SETS_SHRINK_FIRST] > 50);
        assert_true(run.backs > 50);
        assert_true(run.stopped > 1000 && run.kept > 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(no_packet_meets_half_a_change)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
