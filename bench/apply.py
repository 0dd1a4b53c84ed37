"""Installing: `penstock apply` against the same finished text fed to the tools by hand.

From empty: by hand is `ipset restore`, `iptables-restore --noflush` and `ip6tables-restore --noflush`, one after
the other, on the text that render prints. After one changed policy: by hand is the same three on exactly the sets
and chains that the change touches. Timed by the clock from the start of the first process to the end of the last.
penstock's time has in it what by hand has not: reading the manifests, compiling, reading the kernel's state,
looking through the connections.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import textwrap
import time

import cluster
import figures
import netns
import penstock
import plot

PODS, POLICIES = 250, 20
WARM_UP = 1


def changed(manifests):
    """One policy allows one more group of clients."""
    document = json.loads(manifests)
    policy = next(item for item in document["items"] if item["kind"] == "NetworkPolicy")
    peers = policy["spec"]["ingress"][0]["from"]
    peers.append({"podSelector": {"matchLabels": {"client": "1"}}})
    return json.dumps(document)


def set_name(line):
    return line.split()[1]


def set_difference(before, after):
    """What ipset restore must be told before the rules change, and after."""
    old, new = (list(dict.fromkeys(line for line in text.splitlines() if line.startswith(("create", "add"))))
                for text in (before, after))
    known, wanted = set(old), set(new)
    gone = {set_name(line) for line in old if line.startswith("create") and line not in wanted}
    first = [line for line in new if line not in known]
    last = [re.sub(r"^add (\S+ \S+).*", r"del \1", line) for line in old
            if line.startswith("add") and line not in wanted and set_name(line) not in gone]
    return first, last + [f"destroy {name}" for name in sorted(gone)]


def chains(text):
    found = {}
    for line in text.splitlines():
        if line.startswith(":"):
            found.setdefault(line[1:].split()[0], [])
        elif line.startswith("-A "):
            found.setdefault(line.split()[1], []).append(line)
    return found


def chain_difference(before, after):
    """The text that makes iptables-restore --noflush write only the chains that differ."""
    old, new = chains(before), chains(after)
    names = [name for name in new if old.get(name) != new[name]]
    gone = [name for name in old if name not in new]
    lines = [*(f":{name} - [0:0]" for name in names + gone), *(line for name in names for line in new[name]),
             *(f"-X {name}" for name in gone)]
    return "\n".join(["*filter", *lines, "COMMIT", ""]) if lines else ""


def by_hand_first(texts, flavour):
    return [(penstock.tool(part, flavour), text) for part, text in texts.items()]


def by_hand_again(texts, flavour):
    """The whole finished text over what is there, which sets that are there must not refuse."""
    return [([*command, "-exist"] if command[0] == "ipset" else command, text)
            for command, text in by_hand_first(texts, flavour)]


def by_hand_change(before, after, flavour):
    grow, shrink = set_difference(before["sets"], after["sets"])
    rules = [(penstock.tool(part, flavour), chain_difference(before[part], after[part]))
             for part in ("ipv4", "ipv6")]
    sets = [(penstock.tool("sets", flavour), "".join(f"{line}\n" for line in lines)) for lines in (grow, shrink)]
    return [step for step in (sets[0], *rules, sets[1]) if step[1]]


def sent_by_hand(steps):
    """Rules and elements in the texts."""
    lines = [line for _, text in steps for line in text.splitlines()]
    return sum(line.startswith(("-A ", "add ", "del ")) for line in lines)


def sent_by_penstock(said):
    """By what apply says of itself. Elements of a set that goes are not sent: the set is destroyed."""
    added, rules = re.search(r"elements \+(\d+)", said), re.search(r"(\d+) rules sent", said)
    return int(added[1]) + int(rules[1])


class Bench:
    def __init__(self, build, directory, flavour):
        self.program, self.flavour = penstock.binary(build), flavour
        made = cluster.make(PODS, POLICIES)
        self.files, self.texts = [], []
        for name, text in (("before", cluster.manifests(made)), ("after", changed(cluster.manifests(made)))):
            self.files.append(os.path.join(directory, f"apply-{name}.json"))
            with open(self.files[-1], "w", encoding="utf-8") as out:
                out.write(text)
            self.texts.append(penstock.texts(build, self.files[-1]))
        self.said = {}

    def close(self):
        for file in self.files:
            os.remove(file)

    def feed(self, steps):
        """Text goes to the tools from files in memory, as from a shell's `< FILE`."""
        files = []
        for command, text in steps:
            files.append((command, os.memfd_create("text")))
            os.write(files[-1][1], text.encode())
            os.lseek(files[-1][1], 0, os.SEEK_SET)
        start = time.monotonic()
        for command, file in files:
            done = subprocess.run(command, stdin=file, capture_output=True)
            if done.returncode != 0:
                sys.exit(f"{' '.join(command)}: {done.stderr.decode().strip()}")
        seconds = time.monotonic() - start
        for _, file in files:
            os.close(file)
        return seconds

    def apply(self, which, what=None):
        command = [self.program, "apply", "-f", self.files[which], "--node", cluster.NODE,
                   "--backend", f"iptables-{self.flavour}"]
        start = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True)
        seconds = time.monotonic() - start
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
        if what:
            self.said[what] = done.stdout.strip()
        return seconds

    def once(self):
        """Both ways, from empty and after the change, each in a namespace of its own."""
        first, change = by_hand_first(self.texts[0], self.flavour), by_hand_change(*self.texts, self.flavour)
        again = by_hand_again(self.texts[1], self.flavour)
        seconds = {}
        with netns.fresh():
            seconds["hand", "empty"] = self.feed(first)
            seconds["hand", "change"] = self.feed(change)
        with netns.fresh():
            self.feed(first)
            seconds["hand", "again"] = self.feed(again)
        with netns.fresh():
            seconds["penstock", "empty"] = self.apply(0, "empty")
            seconds["penstock", "change"] = self.apply(1, "change")
            seconds["penstock", "nothing"] = self.apply(1, "nothing")
        return seconds


def run(build, directory, quick, runs, say):
    result = {"flavours": {}, "goals": []}
    for flavour in penstock.FLAVOURS:
        say(f"apply: iptables-{flavour}, {runs} runs")
        bench = Bench(build, directory, flavour)
        measured = [bench.once() for _ in range(runs + WARM_UP)][WARM_UP:]
        found = {what: {who: [run[who, what] for run in measured] for who in ("penstock", "hand")}
                 for what in ("empty", "change")}
        found["change"]["again"] = [run["hand", "again"] for run in measured]
        found["nothing"] = {"penstock": [run["penstock", "nothing"] for run in measured]}
        change = sent_by_hand(by_hand_change(*bench.texts, flavour))
        sent = sent_by_penstock(bench.said["change"])
        result["flavours"][flavour] = {"seconds": found, "said": bench.said, "sent": sent, "change": change}
        bench.close()
        result["goals"] += [
            figures.goal(f"apply, from empty, {flavour}, time ÷ by hand",
                         figures.ratios(found["empty"]["penstock"], found["empty"]["hand"]), 1.5),
            figures.goal(f"apply, one changed policy, {flavour}, time ÷ finished text by hand",
                         figures.ratios(found["change"]["penstock"], found["change"]["again"]), 1.5),
            figures.goal(f"apply, one changed policy, {flavour}, sent ÷ by hand", [sent / change], 1.0)]
    return result


def compared(ours, hand):
    """The cells of a row; hand is None where nobody would do that."""
    cells = [f"{1000 * statistics.median(seconds):.1f}" if seconds else "–" for seconds in (ours, hand)]
    return [*cells, figures.spread_text(figures.ratios(ours, hand)) if hand else "–"]


def text(result):
    rows, said = [], []
    for flavour, found in result["flavours"].items():
        for what, label in (("empty", "from empty"), ("change", "one changed policy"), ("nothing", "no change")):
            seconds = found["seconds"][what]
            hand = seconds.get("hand")
            if "again" in seconds:
                rows.append([flavour, f"{label}, whole text", *compared(seconds["penstock"], seconds["again"])])
            row = f"{label}, its text" if what == "change" else label
            rows.append([flavour, row, *compared(seconds["penstock"], hand)])
            said += [f"  {flavour}, {label}:", *textwrap.wrap(found["said"][what], 92, initial_indent="    ",
                                                              subsequent_indent="      ")]
    head = (f"{PODS} local pods, {POLICIES} policies of each; milliseconds of wall time. By hand: `ipset restore`,\n"
            "`iptables-restore --noflush`, `ip6tables-restore --noflush`, one after the other, fed with the\n"
            "finished text; after one changed policy with all of it again, or, as nobody could without knowing\n"
            "what is there, only with the sets and chains that the change touches.\n"
            "penstock: the whole of `penstock apply -f FILE`, which also reads the manifests, compiles, reads\n"
            "what is installed and looks through the connections. What penstock said:\n")
    return "\n".join([head, *said, "", figures.table(["flavour", "", "penstock", "by hand", "÷ by hand"], rows), ""])


def plots(result, directory):
    compared_with = (("empty", "hand", "empty"), ("change", "again", "change ÷ all"), ("change", "hand", "change ÷ itself"))
    groups = [(f"{flavour} {label}", [statistics.median(figures.ratios(found["seconds"][what]["penstock"],
                                                                       found["seconds"][what][by])), 1.0])
              for flavour, found in result["flavours"].items() for what, by, label in compared_with]
    plot.bars(os.path.join(directory, "apply.svg"), "Installing", "time as a multiple of feeding the tools by hand",
              ["penstock apply", "by hand"], groups, goal=1.5)
