"""What a packet costs on a node: conntrack alone, penstock's rules, and the linear layout.

Every ruleset stands in a path of namespaces of its own, client – node – server, built before the first packet.
flood.c measures them in turn; what is compared stands side by side.
"""

import collections
import os
import statistics
import subprocess
import sys

import cluster
import figures
import linear
import netns
import penstock
import plot

CONNTRACK = "*filter\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\nCOMMIT\n"
GRID = [(pods, policies) for pods in (10, 110, 250) for policies in (1, 5, 20)]
ELSEWHERE = (100, 1000, 10000)
LARGEST = (250, 20)
SHAPES = tuple(cluster.SHAPES)


class Path:
    """A ruleset in a namespace. Its name says what it is."""

    def __init__(self, variant, flavour, pods, policies, shape, elsewhere=0):
        self.variant, self.flavour, self.elsewhere = variant, flavour, elsewhere
        self.pods, self.policies, self.shape = pods, policies, shape
        self.flows = f"{pods}x{policies}-{shape}"
        self.name = f"{variant}-{flavour}-{self.flows}" + (f"-{elsewhere}" if elsewhere else "")


def paths(quick):
    grid = [LARGEST] if quick else GRID
    elsewhere = (ELSEWHERE[0], ELSEWHERE[-1]) if quick else ELSEWHERE
    for flavour in penstock.FLAVOURS:
        for shape in SHAPES:
            for pods, policies in grid if shape == SHAPES[0] else [LARGEST]:
                for variant in ("conntrack", "penstock", "linear"):
                    yield Path(variant, flavour, pods, policies, shape)
        for further in elsewhere:
            yield Path("penstock", flavour, *LARGEST, SHAPES[0], further)


class Rulesets:
    """The texts of each cluster, made once."""

    def __init__(self, build, directory):
        self.build, self.directory, self.made, self.rendered = build, directory, {}, {}

    def cluster(self, path):
        key = (path.flows, path.elsewhere)
        if key not in self.made:
            self.made[key] = cluster.make(path.pods, path.policies, path.elsewhere, path.shape)
        return self.made[key]

    def penstock(self, path):
        key = (path.flows, path.elsewhere)
        if key not in self.rendered:
            file = os.path.join(self.directory, "packets.json")
            with open(file, "w", encoding="utf-8") as out:
                out.write(cluster.manifests(self.cluster(path)))
            self.rendered[key] = {part: penstock.render(self.build, file, part)
                                  for part in ("sets", "ipv4")}
            os.remove(file)
        return self.rendered[key]

    def texts(self, path):
        if path.variant == "conntrack":
            return {"ipv4": CONNTRACK}
        if path.variant == "linear":
            return {"sets": linear.sets_text(self.cluster(path)),
                    "ipv4": linear.rules_text(self.cluster(path))}
        return self.penstock(path)


def build_path(path, rulesets):
    netns.add_path(path.name, cluster.PODS, cluster.CLIENTS)
    for part, text in rulesets.texts(path).items():
        netns.feed(penstock.tool(part, path.flavour), text, path.name)


def plan(all_paths, rulesets, established):
    lines = []
    for flows in dict.fromkeys(path.flows for path in all_paths):
        path = next(p for p in all_paths if p.flows == flows and not p.elsewhere)
        found = cluster.flows(rulesets.cluster(path))
        if established:
            found = cluster.one_flow_each(found)
        lines += [f"flows {flows}", *("flow {} {} {}".format(*flow) for flow in found)]
    lines += [f"node {p.name} {p.name}-client {p.name} {p.name}-server {p.flows}" for p in all_paths]
    return "\n".join(lines) + "\n"


def measure(build, text, kind, runs, slices, packets):
    """Nanoseconds for a packet: {name: [median of the slices, for each run]}."""
    command = [penstock.tool_path(build, "flood"), kind, str(runs), str(slices), str(packets)]
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit("flood failed")
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in done.stdout.splitlines():
        run, _, name, nanoseconds = line.split()
        found[name][int(run)].append(float(nanoseconds))
    return {name: [statistics.median(by_run[run]) for run in sorted(by_run)]
            for name, by_run in found.items()}


def run(build, directory, quick, runs, say):
    all_paths, rulesets = list(paths(quick)), Rulesets(build, directory)
    say(f"packets: building {len(all_paths)} paths of three namespaces")
    for path in all_paths:
        build_path(path, rulesets)
    result = {}
    for kind in ("new", "established"):
        say(f"packets: {kind}, {runs} runs")
        slices, packets = (2, 2048) if quick else (5, 4096)
        costs = measure(build, plan(all_paths, rulesets, kind == "established"), kind, runs, slices, packets)
        result[kind] = [{**vars(path), "nanoseconds": costs[path.name]} for path in all_paths]
    for path in all_paths:
        for suffix in ("", "-client", "-server"):
            netns.remove(path.name + suffix)
    return {"costs": result, "goals": goals(result)}


def pick(rows, **wanted):
    return next(row["nanoseconds"] for row in rows
                if all(row[key] == value for key, value in {"elsewhere": 0, **wanted}.items()))


def goals(result):
    found = []
    pods, policies = LARGEST
    for flavour in penstock.FLAVOURS:
        same = {"flavour": flavour, "pods": pods, "policies": policies}
        for shape in SHAPES:
            for kind, limit in (("new", 1.30), ("established", 1.05)):
                base = pick(result[kind], variant="conntrack", shape=shape, **same)
                own = pick(result[kind], variant="penstock", shape=shape, **same)
                found.append(figures.goal(f"{kind}, {pods} × {policies}, {shape}, {flavour}",
                                          figures.ratios(own, base), limit))
        few, many = (pick(result["new"], variant="penstock", shape=SHAPES[0], **{**same, "elsewhere": n})
                     for n in (ELSEWHERE[0], ELSEWHERE[-1]))
        found.append(figures.goal(f"new, 10,000 ÷ 100 further policies, {flavour}",
                                  figures.ratios(many, few), 1.10))
    return found


def grid_rows(rows):
    for row in rows:
        if row["variant"] != "conntrack":
            continue
        same = {key: row[key] for key in ("flavour", "pods", "policies", "shape")}
        base, own, others = (pick(rows, variant=variant, **same)
                             for variant in ("conntrack", "penstock", "linear"))
        yield same, base, own, others


def grid_table(rows):
    lines = []
    for same, base, own, others in grid_rows(rows):
        lines.append([same["flavour"], same["shape"], same["pods"], same["policies"],
                      f"{statistics.median(base):.0f}", f"{statistics.median(own):.0f}",
                      f"{statistics.median(others):.0f}", figures.spread_text(figures.ratios(own, base)),
                      figures.spread_text(figures.ratios(others, base))])
    return figures.table(["flavour", "shape", "pods", "policies", "conntrack", "penstock", "linear",
                          "penstock ÷", "linear ÷"], lines)


def elsewhere_table(rows):
    lines = []
    for row in rows:
        if not row["elsewhere"]:
            continue
        first = pick(rows, **{key: row[key] for key in ("variant", "flavour", "pods", "policies", "shape")})
        lines.append([row["flavour"], f"{row['elsewhere']:,}", f"{statistics.median(row['nanoseconds']):.0f}",
                      figures.spread_text(figures.ratios(row["nanoseconds"], first))])
    return figures.table(["flavour", "further policies", "penstock", "÷ none"], lines)


def text(result):
    parts = ["Nanoseconds of processor time for a packet on the whole road client – node – server; ÷ is the",
             "ratio to conntrack alone, a node whose only rule asks conntrack. All packets are allowed;",
             "destinations are spread over all local pods, and each of a pod's policies allows as many packets.",
             "one-port: all policies name one port, so that every rule looks into its peers' set; own-ports: each",
             "policy names its own; any-port: none names any. linear: the common layout, one rule after the other",
             "for each pod.", ""]
    for kind, what in (("new", "First packet of a connection"), ("established", "Packet of an established connection")):
        parts += [what, "", grid_table(result["costs"][kind]), ""]
    parts += [f"First packet, {LARGEST[0]} pods × {LARGEST[1]} policies, with further policies elsewhere in the cluster",
              "", elsewhere_table(result["costs"]["new"]), ""]
    return "\n".join(parts)


def plots(result, directory):
    for kind, title in (("new", "First packet of a connection"), ("established", "Packet of an established connection")):
        for flavour in penstock.FLAVOURS:
            bars = [(f"{same['pods']} × {same['policies']}", [1.0, *(
                        statistics.median(figures.ratios(costs, base)) for costs in (own, others))])
                    for same, base, own, others in grid_rows(result["costs"][kind])
                    if same["flavour"] == flavour and same["shape"] == SHAPES[0]]
            plot.bars(os.path.join(directory, f"packets-{kind}-{flavour}.svg"), f"{title}, iptables-{flavour}",
                      "local pods × policies of each; cost as a multiple of conntrack alone",
                      ["conntrack alone", "penstock", "linear"], bars,
                      goal=1.30 if kind == "new" else 1.05)
    bars = [(f"{row['elsewhere']:,}, {row['flavour']}",
             [statistics.median(figures.ratios(row["nanoseconds"], pick(
                 result["costs"]["new"], variant="conntrack",
                 **{key: row[key] for key in ("flavour", "pods", "policies", "shape")})))])
            for row in result["costs"]["new"] if row["elsewhere"]]
    plot.bars(os.path.join(directory, "packets-elsewhere.svg"), "First packet, by the size of the cluster",
              "further policies elsewhere; cost as a multiple of conntrack alone", ["penstock"], bars)
