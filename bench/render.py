"""Reading a whole cluster: `penstock render` against `jq -c .`, which reads, and prints, the same file."""

import os
import statistics
import subprocess
import sys

import cluster
import fat
import figures
import penstock
import plot

PODS, POLICIES = 10000, 5000


def timed(build, command):
    """Seconds by the clock, and peak memory in bytes."""
    done = subprocess.run([penstock.tool_path(build, "timed"), *command], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}")
    seconds, kibibytes = done.stdout.split()
    return float(seconds), int(kibibytes) * 1024


def run(build, directory, quick, runs, say):
    pods, policies = (PODS // 5, POLICIES // 5) if quick else (PODS, POLICIES)
    file = os.path.join(directory, "cluster.json")
    say(f"render: writing a cluster of {pods:,} pods and {policies:,} policies")
    fat.write(file, pods, policies)
    size = os.path.getsize(file)
    commands = {"penstock": [penstock.binary(build), "render", "-f", file, "--node", cluster.NODE],
                "jq": ["jq", "-c", ".", file]}
    result = {"pods": pods, "policies": policies, "bytes": size,
              **{name: {"seconds": [], "memory": []} for name in commands}}
    say(f"render: {runs} runs")
    for command in commands.values():  # the file into the page cache, the programs too
        timed(build, command)
    for _ in range(runs):
        for name, command in commands.items():
            seconds, memory = timed(build, command)
            result[name]["seconds"].append(seconds)
            result[name]["memory"].append(memory)
    os.remove(file)
    times = figures.ratios(result["penstock"]["seconds"], result["jq"]["seconds"])
    memory = [peak / size for peak in result["penstock"]["memory"]]
    result["ratios"] = {"time": times, "memory": memory}
    result["goals"] = [figures.goal("render, time ÷ jq", times, 0.25),
                       figures.goal("render, peak memory ÷ file", memory, 1.0)]
    return result


def text(result):
    rows = [[name, f"{statistics.median(result[name]['seconds']):.3f}",
             figures.spread_text(figures.ratios(result[name]["seconds"], result["jq"]["seconds"])),
             f"{statistics.median(result[name]['memory']) / 1e6:.1f}",
             figures.spread_text([peak / result["bytes"] for peak in result[name]["memory"]])]
            for name in ("penstock", "jq")]
    head = (f"One JSON List as kubectl prints it, {result['bytes'] / 1e6:.1f} MB: {result['pods']:,} pods and "
            f"{result['policies']:,} policies.\n`penstock render -f FILE --node {cluster.NODE} >/dev/null` and "
            "`jq -c . FILE >/dev/null`; wall time.\n")
    return head + "\n" + figures.table(["", "seconds", "÷ jq", "peak MB", "÷ file"], rows) + "\n"


def plots(result, directory):
    middle = statistics.median
    groups = [("time ÷ jq", [middle(result["ratios"]["time"]), 1.0]),
              ("peak memory ÷ file", [middle(result["ratios"]["memory"]),
                                      middle(result["jq"]["memory"]) / result["bytes"]])]
    plot.bars(os.path.join(directory, "render.svg"), "Reading a whole cluster",
              f"{result['pods']:,} pods, {result['policies']:,} policies, {result['bytes'] / 1e6:.0f} MB of JSON",
              ["penstock render", "jq -c ."], groups)
