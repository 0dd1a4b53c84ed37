"""Proof: what it takes to prove a node's rules, against what it takes the tools to print them.

A node with 250 local pods in a cluster that grows tenfold, policies with it. What is installed is saved by
iptables-save, ip6tables-save and ipset save; the bench's own `proof` reads these texts and proves them.
"""

import json
import os
import statistics
import subprocess
import sys
import time

import fat
import figures
import netns
import penstock
import plot

NODE, LOCAL = "node-1", 250
SIZES = ((10000, 5000), (100000, 50000))
QUICK = ((2000, 1000), (10000, 5000))
PARTS = ("save", "parsing", "classes", "proof")
TITLES = {"save": "tools print", "parsing": "parsing", "classes": "classes", "proof": "proof"}
SAVES = ("iptables-{}-save", "ip6tables-{}-save", "ipset save")


def write(path, pods, policies):
    """Everything that decides; without the ballast of fat.write(), which only costs its reader time."""
    with open(path, "w", encoding="utf-8") as out:
        for item in fat.objects(pods, policies, 1, LOCAL):
            out.write(json.dumps(item) + "\n")


class Bench:
    """A cluster's rules in a network namespace of their own."""

    def __init__(self, build, directory, flavour, pods, policies, file):
        self.flavour, self.pods, self.policies, self.file = flavour, pods, policies, file
        self.program, self.prover = penstock.binary(build), penstock.tool_path(build, "proof")
        self.texts = [os.path.join(directory, f"proof.{flavour}.{pods}.{n}") for n in range(len(SAVES))]
        self.namespace = netns.new()
        self.runs = []
        with netns.inside(self.namespace):
            self.install()
            self.save()  # the tools into the page cache
            self.whole = self.verify()

    def install(self):
        command = [self.program, "apply", "-f", self.file, "--node", NODE, "--backend", f"iptables-{self.flavour}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")

    def save(self):
        """Seconds, one tool after the other."""
        start = time.monotonic()
        for command, path in zip(SAVES, self.texts):
            with open(path, "w", encoding="utf-8") as out:
                subprocess.run(command.format(self.flavour).split(), stdout=out, check=True)
        return time.monotonic() - start

    def prove(self):
        command = [self.prover, self.file, NODE, *self.texts]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit status {done.returncode}: {done.stderr.strip()}")
        parsing, classes, proof, loaded, peak = done.stdout.split()
        self.said = done.stderr.strip()
        return {"parsing": float(parsing), "classes": float(classes), "proof": float(proof),
                "manifests": int(loaded) * 1024, "memory": int(peak) * 1024}

    def verify(self):
        """The whole command, on the kernel."""
        command = [self.program, "verify", "-f", self.file, "--node", NODE]
        start = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit status {done.returncode}: {done.stdout}{done.stderr}")
        return time.monotonic() - start

    def once(self):
        with netns.inside(self.namespace):
            self.runs.append({"save": self.save(), **self.prove()})

    def result(self):
        figures_of = {key: [run[key] for run in self.runs] for key in self.runs[0]}
        return {"pods": self.pods, "policies": self.policies, "flavour": self.flavour, "said": self.said,
                "verify": self.whole, **figures_of}

    def close(self):
        os.close(self.namespace)
        for path in self.texts:
            os.remove(path)


def together(case):
    """Classes and proof, of each run."""
    return [classes + proof for classes, proof in zip(case["classes"], case["proof"])]


def run(build, directory, quick, runs, say):
    sizes = QUICK if quick else SIZES
    files = [os.path.join(directory, f"proof.{pods}.json") for pods, _ in sizes]
    for file, (pods, policies) in zip(files, sizes):
        say(f"proof: writing a cluster of {pods:,} pods and {policies:,} policies")
        write(file, pods, policies)
    benches = []
    for flavour in penstock.FLAVOURS:
        say(f"proof: iptables-{flavour}, {runs} runs")
        pair = [Bench(build, directory, flavour, *size, file) for size, file in zip(sizes, files)]
        for _ in range(runs):
            for bench in pair:
                bench.once()
        benches += pair
    result = {"local": LOCAL, "cases": [bench.result() for bench in benches]}
    for bench in benches:
        bench.close()
    for file in files:
        os.remove(file)
    result["goals"] = find_goals(result["cases"])
    return result


def find_goals(cases):
    found = []
    for flavour in penstock.FLAVOURS:
        small, large = [case for case in cases if case["flavour"] == flavour]
        found += [
            figures.goal(f"proof, {small['pods']:,} pods, {flavour}, classes and proof ÷ tools print",
                         figures.ratios(together(small), small["save"]), 1.0),
            figures.goal(f"proof, {large['pods']:,} pods, {flavour}, ÷ {small['pods']:,} pods",
                         figures.ratios(together(large), together(small)), 10.0),
            *(figures.goal(f"proof, {case['pods']:,} pods, {flavour}, peak memory ÷ 200 MB",
                           [peak / 200e6 for peak in case["memory"]], 1.0) for case in (small, large))]
    return found


def text(result):
    rows = []
    for case in result["cases"]:
        rows.append([f"{case['pods']:,}", case["flavour"],
                     *(f"{1000 * statistics.median(case[part]):.1f}" for part in PARTS),
                     figures.spread_text(figures.ratios(together(case), case["save"])),
                     f"{statistics.median(case['memory']) / 1e6:.0f}", f"{statistics.median(case['manifests']) / 1e6:.0f}",
                     f"{1000 * case['verify']:.0f}"])
    said = [f"  {case['pods']:,} pods, {case['policies']:,} policies: {case['said']}" for case in result["cases"]
            if case["flavour"] == penstock.FLAVOURS[0]]
    head = (f"A node with {result['local']} local pods; milliseconds. `iptables-save`, `ip6tables-save`, "
            "`ipset save`, one after\nthe other; parsing what they printed; splitting addresses into classes; the "
            "proof over these.\nPeak MB: of all of it, and of having read the manifests alone. verify: the whole "
            "`penstock verify\n-f FILE`, once.\n")
    columns = ["pods", "", *(TITLES[part] for part in PARTS), "both ÷ print", "peak MB", "manifests", "verify"]
    return "\n".join([head, *said, "", figures.table(columns, rows), ""])


def plots(result, directory):
    groups = [(f"{case['flavour']} {case['pods']:,}", [1000 * statistics.median(case[part]) for part in PARTS])
              for case in result["cases"]]
    plot.bars(os.path.join(directory, "proof.svg"), "Proving a node's rules",
              f"{result['local']} local pods; milliseconds, by pods of the cluster", [TITLES[part] for part in PARTS],
              groups)
