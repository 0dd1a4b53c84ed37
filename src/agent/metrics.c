#include "agent/metrics.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/exposition.h"
#include "agent/process.h"
#include "base/vec.h"
#include "compile/shortcut.h"

/* A metric that is one number, or one for each kind of object, is a row. */

static const struct row {
        const char *name, *type, *help;
        size_t at; /* a uint64_t of struct agent_metrics, or the first of OBJECT_KINDS */
} single[] =
    {
#define AT(field) offsetof(struct agent_metrics, field)
        {"penstock_drift_repairs_total", "counter", "Changes by others that were put right.",
         AT(repairs)},
        {"penstock_connections_cut_total", "counter",
         "Established connections that a change no longer allowed.", AT(connections_cut)},
        {"penstock_local_pods", "gauge", "Pods of this node that policies could isolate.",
         AT(local_pods)},
        {"penstock_isolated_pods", "gauge", "Of these, those that policies isolate.",
         AT(isolated_pods)},
        {"penstock_chains", "gauge", "Chains that are wanted, of both families.", AT(chains)},
        {"penstock_rules", "gauge", "Rules that are wanted, of both families.", AT(rules)},
        {"penstock_sets", "gauge", "IP sets that are wanted.", AT(sets)},
        {"penstock_set_elements", "gauge", "Elements of these sets.", AT(elements)},
        {"penstock_feeder_restarts_total", "counter",
         "Times the process that watches the API server was started again.", AT(feeder_restarts)},
},
  by_kind[] = {
      {"penstock_objects", "gauge", "Objects of the cluster that are known.", AT(objects)},
      {"penstock_refused_objects", "gauge",
       "Of these, those that are not valid and taken as strictly as can be.", AT(refused)},
};

/* Of the feeder: the one that runs and those before it. */
static const struct row of_feeders[] = {
#undef AT
#define AT(field) offsetof(struct feed_counts, field)
    {"penstock_api_lists_total", "counter", "Lists asked of the API server.", AT(lists)},
    {"penstock_api_watches_total", "counter", "Watches asked of the API server.", AT(watches)},
    {"penstock_api_events_total", "counter", "Events that watches brought.", AT(events)},
    {"penstock_api_errors_total", "counter", "Requests that failed or were refused.", AT(errors)},
    {"penstock_api_watches_expired_total", "counter",
     "Watches that could not be resumed, so that all was listed again.", AT(gone)},
#undef AT
};

/* Upper bounds are 1 ms × 2^i; the last bucket has none. */
static double bound_of(size_t bucket)
{
        return 0.001 * (double)(1u << bucket);
}

void histogram_add(struct histogram *histogram, double seconds)
{
        size_t bucket = 0;

        while (bucket < HISTOGRAM_BUCKETS - 1 && seconds > bound_of(bucket))
                bucket++;
        histogram->counts[bucket]++;
        histogram->n++;
        histogram->sum += seconds;
}

static void print_histogram(struct strbuf *out, const char *name, const char *part,
                            const struct histogram *histogram)
{
        _cleanup_strbuf_ struct strbuf sample = {0};
        uint64_t n = 0;

        strbuf_printf(&sample, "%s_bucket", name);
        for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
                char bound[32] = "+Inf";
                if (i < HISTOGRAM_BUCKETS - 1)
                        snprintf(bound, sizeof(bound), "%g", bound_of(i));
                n += histogram->counts[i];
                exposition_whole(out, sample.text, labels({"part", part}, {"le", bound}), n);
        }
        sample.length = 0;
        strbuf_printf(&sample, "%s_sum", name);
        exposition_real(out, sample.text, labels({"part", part}), histogram->sum);
        sample.length = 0;
        strbuf_printf(&sample, "%s_count", name);
        exposition_whole(out, sample.text, labels({"part", part}), n);
}

static void print_syncs(const struct agent_metrics *metrics, struct strbuf *out)
{
        static const char *const results[SYNC_RESULTS] = {
            [SYNC_DONE] = "done", [SYNC_FAILED] = "failed"};
        static const char *const parts[SYNC_PARTS] = {
            [SYNC_COMPILE] = "compile", [SYNC_APPLY] = "apply", [SYNC_CONNTRACK] = "conntrack"};
        const char *name = "penstock_sync_duration_seconds";

        exposition_family(out, name, "histogram",
                          "From the first event of a change until the kernel enforces it.");
        print_histogram(out, name, NULL, &metrics->sync);
        name = "penstock_sync_part_duration_seconds";
        exposition_family(out, name, "histogram",
                          "What a change's time was spent on; conntrack: what it took after that.");
        for (size_t i = 0; i < SYNC_PARTS; i++)
                print_histogram(out, name, parts[i], &metrics->parts[i]);
        name = "penstock_syncs_total";
        exposition_family(out, name, "counter", "Attempts to bring the kernel to what is wanted.");
        for (size_t i = 0; i < SYNC_RESULTS; i++)
                exposition_whole(out, name, labels({"result", results[i]}), metrics->syncs[i]);
}

static const uint64_t *numbers_at(const void *base, size_t at)
{
        return (const uint64_t *)(const void *)((const char *)base + at);
}

static void print_rows(const struct agent_metrics *metrics, struct strbuf *out)
{
        for (size_t i = 0; i < ARRAY_SIZE(single); i++) {
                exposition_family(out, single[i].name, single[i].type, single[i].help);
                exposition_whole(out, single[i].name, labels(), *numbers_at(metrics, single[i].at));
        }
        for (size_t i = 0; i < ARRAY_SIZE(by_kind); i++) {
                const uint64_t *numbers = numbers_at(metrics, by_kind[i].at);
                exposition_family(out, by_kind[i].name, by_kind[i].type, by_kind[i].help);
                for (size_t kind = 0; kind < OBJECT_KINDS; kind++)
                        exposition_whole(out, by_kind[i].name,
                                         labels({"kind", api_kinds[kind].kind}), numbers[kind]);
        }
}

static void print_connected(const struct agent_metrics *metrics, struct strbuf *out)
{
        const char *name = "penstock_api_connected";

        exposition_family(out, name, "gauge", "Whether the watch of a kind stands.");
        for (size_t kind = 0; kind < OBJECT_KINDS; kind++)
                exposition_whole(out, name, labels({"kind", api_kinds[kind].kind}),
                                 metrics->feeder.connected[kind]);
}

static void print_feeder(const struct agent_metrics *metrics, struct strbuf *out)
{
        const struct feed_counts *now = &metrics->feeder, *before = &metrics->feeders;

        for (size_t i = 0; i < ARRAY_SIZE(of_feeders); i++) {
                const struct row *row = &of_feeders[i];
                exposition_family(out, row->name, row->type, row->help);
                for (size_t kind = 0; kind < OBJECT_KINDS; kind++)
                        exposition_whole(out, row->name, labels({"kind", api_kinds[kind].kind}),
                                         numbers_at(now, row->at)[kind] +
                                             numbers_at(before, row->at)[kind]);
        }
        print_connected(metrics, out);
        const char *name = "penstock_api_received_bytes_total";
        exposition_family(out, name, "counter", "Bytes received from the API server.");
        exposition_whole(out, name, labels(), now->bytes + before->bytes);
        name = "penstock_events_lost_total";
        exposition_family(out, name, "counter",
                          "Events about refused objects that could not be posted.");
        exposition_whole(out, name, labels(), now->reports_lost + before->reports_lost);
}

void metrics_feeder_ended(struct agent_metrics *metrics)
{
        struct feed_counts *sum = &metrics->feeders, *last = &metrics->feeder;

        for (size_t i = 0; i < OBJECT_KINDS; i++) {
                sum->lists[i] += last->lists[i];
                sum->watches[i] += last->watches[i];
                sum->events[i] += last->events[i];
                sum->errors[i] += last->errors[i];
                sum->gone[i] += last->gone[i];
        }
        sum->bytes += last->bytes;
        sum->reports_lost += last->reports_lost;
        *last = (struct feed_counts){0};
}

void metrics_print(const struct agent_metrics *metrics, struct ruleset *installed,
                   struct strbuf *out)
{
        const struct process_named processes[] = {{"agent", getpid()},
                                                  {"feeder", metrics->feeder_pid}};
        const char *name = "penstock_build_info";

        exposition_family(out, name, "gauge", "The version that runs; always 1.");
        exposition_whole(out, name, labels({"version", PENSTOCK_VERSION}), 1);
        name = "penstock_enforcing";
        exposition_family(out, name, "gauge",
                          "Whether what the kernel holds is what the cluster wants.");
        exposition_whole(out, name, labels(), metrics->state.enforcing);
        print_syncs(metrics, out);
        print_rows(metrics, out);
        print_feeder(metrics, out);
        if (installed) {
                shortcut_spread(installed);
                traffic_print(metrics->traffic, installed, out);
        }
        processes_print(out, processes, ARRAY_SIZE(processes));
}
