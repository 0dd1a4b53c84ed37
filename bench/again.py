"""Again: what a compile costs after one thing has changed, against one from nothing.

A node with 250 local pods in a cluster that grows tenfold, policies with it. What one change touches should count,
not the cluster's size.
"""

import os
import statistics
import subprocess
import sys

import figures
import penstock
import plot
import proof

ROUNDS = 15
PARTS = ("cold", "nothing", "remote", "local", "policy")
TITLES = {"cold": "from nothing", "nothing": "nothing", "remote": "remote pod", "local": "local pod",
          "policy": "policy"}
USUAL = 10000  # pods, quick or not
# At most this part of a compile from nothing, and in ten times the cluster as many times as much.
LIMITS = {"remote": 0.3, "local": 0.4, "policy": 0.5}
GROWTH = 3.0


def measure(build, file):
    command = [penstock.tool_path(build, "again"), file, proof.NODE, str(ROUNDS)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}: {done.stderr.strip()}")
    *seconds, memory = done.stdout.split()
    return {**dict(zip(PARTS, map(float, seconds))), "memory": int(memory)}


def run(build, directory, quick, runs, say):
    sizes = proof.QUICK if quick else proof.SIZES
    cases = [{"pods": pods, "policies": policies, "file": os.path.join(directory, f"again.{pods}.json"), "runs": []}
             for pods, policies in sizes]
    for case in cases:
        say(f"again: writing a cluster of {case['pods']:,} pods and {case['policies']:,} policies")
        proof.write(case["file"], case["pods"], case["policies"])
    say(f"again: {runs} runs")
    for _ in range(runs):
        for case in cases:
            case["runs"].append(measure(build, case["file"]))
    for case in cases:
        os.remove(case.pop("file"))
        done = case.pop("runs")
        case.update({key: [one[key] for one in done] for key in done[0]})
    return {"local": proof.LOCAL, "cases": cases, "goals": find_goals(*cases)}


def find_goals(small, large):
    found = []
    usual = next(case for case in (small, large) if case["pods"] == USUAL)
    for part, limit in LIMITS.items():
        found.append(figures.goal(f"compile again, {USUAL:,} pods, {TITLES[part]}, ÷ from nothing",
                                  figures.ratios(usual[part], usual["cold"]), limit))
        found.append(figures.goal(f"compile again, {large['pods']:,} pods, {TITLES[part]}, ÷ {small['pods']:,} pods",
                                  figures.ratios(large[part], small[part]), GROWTH))
    found.append(figures.goal(f"compile again, {USUAL:,} pods, memory ÷ 2 MB",
                              [memory / 2e6 for memory in usual["memory"]], 1.0))
    return found


def text(result):
    rows = []
    for case in result["cases"]:
        rows.append([f"{case['pods']:,}", *(f"{1000 * statistics.median(case[part]):.1f}" for part in PARTS),
                     *(figures.spread_text(figures.ratios(case[part], case["cold"])) for part in LIMITS),
                     f"{statistics.median(case['memory']) / 1e6:.1f}"])
    head = (f"A node with {result['local']} local pods; milliseconds of processor time: a compile from nothing, then "
            "with what it\nremembers, after nothing, the labels of one pod, or the peers of one policy have changed; "
            "the latter also\nagainst the one from nothing.\n")
    columns = ["pods", *(TITLES[part] for part in PARTS), *(f"{TITLES[part]} ÷" for part in LIMITS), "MB"]
    return head + "\n" + figures.table(columns, rows) + "\n"


def plots(result, directory):
    shown = [part for part in PARTS if part != "nothing"]
    groups = [(f"{case['pods']:,} pods", [1000 * statistics.median(case[part]) for part in shown])
              for case in result["cases"]]
    plot.bars(os.path.join(directory, "again.svg"), "Compiling again",
              f"{result['local']} local pods; milliseconds, by pods of the cluster",
              [TITLES[part] for part in shown], groups)
