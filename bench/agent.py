"""Agent: a node of a real cluster, from start to enforcing, from event to kernel, and what it takes while nothing happens.

A control plane as in tests/system, clusters of fat.py's shape written through its API, 250 pods on the agent's node.
Start is held against `curl` that fetches the same four lists, one after the other. Events are timed from when a watch
of the bench's own is told (arrivals.c) to when somebody who is not the agent sees the kernel changed (moment.c).
"""

import contextlib
import os
import time
from statistics import median

import figures
import penstock
import plot
import world
from latency import BURST, BURSTS, LOCAL_PODS, PODS, POLICIES, Latency

SIZES = ((2000, 1000), (10000, 5000))
EVENTS, QUICK_EVENTS = 100, 20
IDLE, QUICK_IDLE = 30, 5  # seconds
MEGABYTE = 1e6


def percentile(values, part):
    """The lowest that this part of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(part * 100) // 100) - 1)]


def starts(kernel, runs):
    """Interleaved: from an empty kernel, curl, with rules installed, curl with all lists at once."""
    found = {name: [] for name in ("empty", "curl", "installed", "parallel")}

    def started():
        measured = kernel.start()
        kernel.stop()
        return measured

    kernel.curl()  # curl and the agent into the page cache
    started()
    for _ in range(runs):
        kernel.empty()
        found["empty"].append(started())
        found["curl"].append(kernel.curl())
        found["installed"].append(started())
        found["parallel"].append(kernel.curl("--parallel"))
    return {name: {"seconds": [wall for wall, _ in all_runs], "processor": [used for _, used in all_runs]}
            for name, all_runs in found.items()}


def weight(kernel):
    return [world.memory(pid) for pid in kernel.processes()]


def rest(kernel, seconds):
    """Processor seconds of both while nothing happens."""
    time.sleep(1)
    before = [world.processor_seconds(pid) for pid in kernel.processes()]
    time.sleep(seconds)
    return sum(world.processor_seconds(pid) for pid in kernel.processes()) - sum(before)


def measure(cluster, flavour, runs, events, idle):
    with contextlib.closing(cluster.on(flavour)) as kernel:
        case = {"flavour": flavour, "start": starts(kernel, runs)}
        kernel.empty()
        kernel.start()
        case["memory at start"] = weight(kernel)
        with contextlib.closing(Latency(kernel, cluster)) as latency:
            case["latency"] = latency.run(events)
        case["memory"], case["idle"] = weight(kernel), rest(kernel, idle)
        return case


def run(build, directory, quick, runs, say):
    sizes, flavours = (SIZES[:1], penstock.FLAVOURS[:1]) if quick else (SIZES, penstock.FLAVOURS)
    events, idle = (QUICK_EVENTS, QUICK_IDLE) if quick else (EVENTS, IDLE)
    result = {"events": events, "idle": idle, "cases": []}
    with open(os.path.join(directory, "agent.log"), "w", encoding="utf-8") as log, contextlib.redirect_stdout(log):
        world.load(build)
        for pods, policies in sizes:
            say(f"agent: writing a cluster of {pods:,} pods and {policies:,} policies through an API server")
            with contextlib.closing(world.World(build, pods, policies)) as cluster:
                for flavour in flavours:
                    say(f"agent: {pods:,} pods, {flavour}: {runs} starts, {events} events of each kind, {idle} s of rest")
                    case = measure(cluster, flavour, runs, events, idle)
                    result["cases"].append({"pods": pods, "policies": policies, "bytes": sum(cluster.sizes.values()),
                                            **case})
    result["goals"] = [goal for case in result["cases"] if case["pods"] == sizes[-1][0] for goal in find_goals(case)]
    return result


def milliseconds(case, kinds, part):
    return 1000 * percentile([seconds for kind in kinds for seconds in case["latency"][kind]], part)


def total(processes, what):
    return sum(process[what] for process in processes) / MEGABYTE


def find_goals(case):
    curl = case["start"]["curl"]["seconds"]
    name = f"agent, {case['pods']:,} pods, {case['flavour']}"
    found = [figures.goal(f"{name}, start {what} ÷ curl", figures.ratios(case["start"][key]["seconds"], curl), 2.0)
             for key, what in (("empty", "from empty"), ("installed", "with rules there"))]
    for what, kinds, part, limit in (("pod, p50", PODS + LOCAL_PODS, 0.5, 10), ("pod, p99", PODS + LOCAL_PODS, 0.99, 50),
                                     ("local pod, p50", LOCAL_PODS, 0.5, 10), ("local pod, p99", LOCAL_PODS, 0.99, 50),
                                     ("policy, p99", POLICIES, 0.99, 100)):
        found.append(figures.goal(f"{name}, {what}, ms", [milliseconds(case, kinds, part)], limit))
    found.append(figures.goal(f"{name}, peak MB", [total(case["memory"], "peak")], 40))
    return found


def start_table(result):
    rows = []
    for case in result["cases"]:
        start = case["start"]
        curl = start["curl"]["seconds"]
        rows.append([f"{case['pods']:,}", case["flavour"],
                     *(f"{median(start[name]['seconds']):.2f}" for name in ("empty", "installed", "curl", "parallel")),
                     *(figures.spread_text(figures.ratios(start[name]["seconds"], curl)) for name in ("empty", "installed")),
                     *(f"{median(start[name]['processor']):.2f}" for name in ("empty", "installed", "curl"))])
    return figures.table(["pods", "", "empty", "there", "curl", "at once", "empty ÷ curl", "there ÷ curl", "CPU", "CPU",
                          "CPU"], rows)


def latency_table(cases):
    rows = [[kind, *(f"{milliseconds(case, [kind], part):.1f}" for case in cases for part in (0.5, 0.99))]
            for kind in PODS + LOCAL_PODS + POLICIES + BURSTS]
    return figures.table([f"{cases[0]['pods']:,} pods",
                          *(f"{case['flavour']} {part}" for case in cases for part in ("p50", "p99"))], rows)


def memory_table(result):
    rows = [[f"{case['pods']:,}", case["flavour"], *(f"{process['resident'] / MEGABYTE:.1f}" for process in case["memory"]),
             *(f"{total(case[key], what):.1f}" for key, what in (("memory at start", "resident"), ("memory", "resident"),
                                                                 ("memory", "peak"), ("memory", "own"))),
             f"{case['idle']:.2f}"] for case in result["cases"]]
    return figures.table(["pods", "", "agent", "feeder", "both at start", "both", "peak", "own", "idle CPU s"], rows)


def text(result):
    sizes = list(dict.fromkeys((case["pods"], case["policies"], case["bytes"]) for case in result["cases"]))
    clusters = ", ".join(f"{pods:,} pods and {policies:,} policies ({size / MEGABYTE:.1f} MB of JSON)"
                         for pods, policies, size in sizes)
    parts = [f"Clusters in a real API server on this machine: {clusters};\n{world.LOCAL} pods on the agent's node.\n\n"
             "Seconds from the start of `penstock agent` until it enforces, from an empty kernel and with its rules\n"
             "there; `curl` that fetches the same four lists one after the other, or at once; and their processor\n"
             "seconds: the agent's are of both its processes and of the node's tools.\n",
             start_table(result),
             f"\nMilliseconds from an event's arrival at another watch to the kernel's change, {result['events']} events of each\n"
             f"kind, one at a time; {BURST} pods at once, each by itself; {BURST} policies at once, the last of them.\n"]
    for pods, _, _ in sizes:
        parts += [latency_table([case for case in result["cases"] if case["pods"] == pods]), ""]
    parts += ["Resident MB after these events, at most, and what no other process could share; processor seconds in\n"
              f"{result['idle']} s in which nothing happens.\n", memory_table(result)]
    return "\n".join(parts) + "\n"


def plots(result, directory):
    kinds = {"remote pod": PODS, "local pod": LOCAL_PODS, "policy": POLICIES, "burst of pods": BURSTS[:1]}
    cases = [case for case in result["cases"] if case["pods"] == result["cases"][-1]["pods"]]
    series = [f"{case['flavour']} {part}" for case in cases for part in ("p50", "p99")]
    groups = [(name, [milliseconds(case, kinds[name], part) for case in cases for part in (0.5, 0.99)]) for name in kinds]
    plot.bars(os.path.join(directory, "agent.svg"), "From event to kernel",
              f"{cases[0]['pods']:,} pods, {cases[0]['policies']:,} policies; milliseconds", series, groups)
