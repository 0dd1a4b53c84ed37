#!/usr/bin/env python3
"""What penstock costs, as ratios inside one run: packets, render, apply, proof, compiling again,
the agent. Called by `make bench`.

Writes report.txt, report.json and plots to build/bench; progress goes to stderr. It is a report: its exit status
says whether it could measure, not whether goals are reached.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys

import again
import agent
import apply
import figures
import netns
import packets
import proof
import render

PARTS = {"packets": (packets, "Packets"), "render": (render, "Render"), "apply": (apply, "Apply"),
         "proof": (proof, "Proof"), "again": (again, "Again"), "agent": (agent, "Agent")}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/release", help="where penstock is built (build/release)")
    parser.add_argument("--output", default="build/bench", help="where the report goes (build/bench)")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part (may be given again)")
    parser.add_argument("--runs", type=int, help="interleaved runs (7; with --quick 3)")
    parser.add_argument("--quick", action="store_true", help="under two minutes: fewer cases, fewer runs")
    return parser.parse_args()


def say(message):
    print(f"bench: {message}", file=sys.stderr, flush=True)


def first_line(command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(": ")[2].strip() for line in file if line.startswith("model name")]
    return {"kernel": platform.release(), "processor": f"{len(models)} × {models[0] if models else platform.machine()}",
            "iptables": first_line(["iptables", "--version"]), "ipset": first_line(["ipset", "--version"]),
            "jq": first_line(["jq", "--version"])}


def report_text(report):
    sections = ["\n".join(f"{key:<10} {value}" for key, value in report["machine"].items()),
                f"Medians of {report['runs']} interleaved runs, in parentheses the lowest and the highest."]
    for name, (module, title) in PARTS.items():
        if name in report:
            sections.append(f"{title}\n{'═' * len(title)}\n\n{module.text(report[name])}")
    goals = [goal for name in PARTS if name in report for goal in report[name]["goals"]]
    sections.append(f"Goals\n═════\n\n{figures.goals_text(goals)}")
    return "\n\n".join(section.rstrip("\n") for section in sections) + "\n"


def main():
    options = arguments()
    netns.enter()
    runs = options.runs or (3 if options.quick else 7)
    directory = os.path.abspath(options.output)
    os.makedirs(directory, exist_ok=True)
    report = {"machine": machine(), "runs": runs, "quick": options.quick}
    for name, (module, _) in PARTS.items():
        if options.only and name not in options.only:
            continue
        report[name] = module.run(options.build, directory, options.quick, runs, say)
        module.plots(report[name], directory)
    text = report_text(report)
    with open(os.path.join(directory, "report.txt"), "w", encoding="utf-8") as out:
        out.write(text)
    with open(os.path.join(directory, "report.json"), "w", encoding="utf-8") as out:
        json.dump(report, out, indent=1)
    print(text, end="")
    say(f"report.txt, report.json and plots are in {options.output}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("bench: interrupted; its namespaces end with it")
