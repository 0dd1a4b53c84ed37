"""Two states of a node, with all that can change between them, and what may be seen on the way."""

import re

from nodes import block, pod, pods, policy, tcp

NET = [f"10.9.0.{i}" for i in range(1, 100)]
JUMP = '-A FORWARD -m comment --comment "penstock: network policy" -j PENSTOCK-FORWARD'

# Chains and sets that come, change, stay and go, elements that come and go, nomatch.
OLD = [
    pod("web", NET[1], "fd00::1", app="web"),
    pod("database", NET[2], "fd00::2", app="database"),
    pod("client", NET[3], "fd00::3", app="client"),
    pod("far", NET[4], "fd00::4", node="there", app="client"),
    policy("web", {"app": "web"}, [{"from": [pods(app="client")], "ports": tcp(80, 443)}]),
    policy("database", {"app": "database"}, [{"from": [pods(app="web")]}]),
    policy("out", {"app": "client"}, egress=[{"to": [block("0.0.0.0/0", "10.0.0.0/8")]}]),
]
NEW = [
    pod("web", NET[1], "fd00::1", app="web"),
    pod("database", NET[5], "fd00::5", app="database"),
    pod("client", NET[3], "fd00::3", app="client"),
    pod("near", NET[6], "fd00::6", app="client"),
    policy("web", {"app": "web"}, [{"from": [pods(app="client")], "ports": tcp(80, 8443)}]),
    policy("out", {"app": "client"}, egress=[{"to": [block("0.0.0.0/0", "10.1.0.0/16")]}]),
    policy("closed", {"app": "database"}, []),
]


def changes(text):
    """(chains added, changed, removed), (sets …), (elements added, removed)"""
    found = re.search(
        r"chains \+(\d+) ~(\d+) -(\d+), sets \+(\d+) ~(\d+) -(\d+), elements \+(\d+) -(\d+)",
        text,
    )
    n = [int(word) for word in found.groups()]
    return tuple(n[:3]), tuple(n[3:6]), tuple(n[6:])


def right_name(text):
    """Of what stands in for a set while rules and sets change at once."""
    return re.sub(r"\bpenstock-[1-9]-", "penstock-", text)


def between(old, now, new):
    """Each family's rules are the old ones or the new ones, and sets hold what both need; the sets of
    new rules that have other names meanwhile hold just the new."""
    for key in old:
        if key != "sets":
            assert [right_name(line) for line in now[key]] in (old[key], new[key]), key
    used = "\n".join("\n".join(now[key]) for key in now if key != "sets")
    for name, lines in now["sets"].items():
        lines = {right_name(line) for line in lines}
        sides = [set(state["sets"].get(right_name(name), [])) for state in (old, new)]
        if name != right_name(name):
            assert lines <= sides[1] and (lines == sides[1] or f" {name} " not in used)
            continue
        assert lines <= sides[0] | sides[1]
        if f" {name} " in used and all(sides):
            assert lines >= sides[0] & sides[1]
