"""What verify shows comes true: rules are broken for real, and its packets are sent.

Each fault is done by the tools, as a hand would do it. Then every packet that verify shows and that a
router can be made to meet is sent through the node: what the policies deny arrives, what they allow
does not. When the rules are whole again, each fares the other way.
"""

import json
import re
import shlex

import pytest
from nodes import FLAVOURS, block, manifest_text, pod, pods, policy, tcp
from replay import Router, can_be_sent

WEB, CLIENT, STRANGER, OUTSIDE = "10.244.0.2", "10.244.0.3", "10.244.0.4", "198.51.100.9"
PODS = {name: [ip, f"fd00::{ip[-1]}"] for name, ip in (("web", WEB), ("client", CLIENT), ("stranger", STRANGER))}
CLUSTER = [
    {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "here"},
        "status": {"addresses": [{"type": "InternalIP", "address": ip} for ip in ("192.168.7.1", "fd00:7::1")]},
    },
    *[pod(name, *ips, app=name) for name, ips in PODS.items()],
    policy(
        "web",
        {"app": "web"},
        [
            {"from": [pods(app="client")], "ports": tcp(80)},
            {"from": [block("198.51.100.0/24", "198.51.100.128/25")], "ports": [{"protocol": "UDP", "port": 53}]},
        ],
    ),
    policy("client", {"app": "client"}, egress=[{"to": [pods(app="web")], "ports": tcp(80, 443)}]),
]


def lines_of(node, pattern, family="iptables"):
    """The rules that look so, as words behind -A."""
    lines = node.iptables("-S", family=family).stdout.splitlines()
    found = [shlex.split(line)[1:] for line in lines if line.startswith("-A ") and re.search(pattern, line)]
    assert found, f"no rule looks like {pattern}"
    return found


def delete(node, pattern, family="iptables"):
    node.iptables("-D", *lines_of(node, pattern, family)[0], family=family)


def replace(node, pattern, *changes):
    """The first rule that looks so, with words of it exchanged."""
    rule = lines_of(node, pattern)[0]
    number = [words for words in lines_of(node, f"^-A {rule[0]} ")].index(rule) + 1
    for old, new in changes:
        rule = rule[: rule.index(old)] + new + rule[rule.index(old) + 1 :]
    node.iptables("-R", rule[0], str(number), *rule[1:])


def first(node, *words, table="filter", chain="FORWARD"):
    node.iptables("-t", table, "-I", chain, *words)


def element(node, pattern):
    """The first element that looks so: its set, and the element's words."""
    for name, lines in node.sets().items():
        for line in lines[1:]:
            if re.search(pattern, line):
                return name, line.split()[2:]
    raise AssertionError(f"no element looks like {pattern}")


def set_change(node, pattern, verb, *words):
    name, _ = element(node, pattern)
    node.run("ipset", verb, name, *words)


def nomatch_lost(node):
    name, words = element(node, "nomatch")
    node.run("ipset", "del", name, words[0])
    node.run("ipset", "add", name, words[0])


def marked(node):
    first(node, "-p", "udp", "-j", "MARK", "--set-xmark", "0x4000/0x4000", table="mangle")
    first(node, "-m", "mark", "--mark", "0x4000/0x4000", "-j", "ACCEPT")


ALLOWS = r"PENSTOCK-I-.*dport 80 .*RETURN"
DENIES = r"PENSTOCK-I-.*-g PENSTOCK-DENY"

FAULTS = {
    "an allowing rule is gone": lambda node: delete(node, ALLOWS),
    "a denial is gone": lambda node: delete(node, DENIES),
    "a denial became an accept": lambda node: replace(node, DENIES, ("-g", ["-j"]), ("PENSTOCK-DENY", ["ACCEPT"])),
    "a port is off by one": lambda node: replace(node, ALLOWS, ("80", ["81"])),
    "the jump is gone": lambda node: node.iptables("-D", "FORWARD", "1"),
    "the jump is gone, IPv6": lambda node: node.iptables("-D", "FORWARD", "1", family="ip6tables"),
    "another accepts in front": lambda node: first(node, "-s", STRANGER, "-j", "ACCEPT"),
    "another accepts an interface": lambda node: first(node, "-i", "uplink", "-j", "ACCEPT"),
    "another drops in front": lambda node: first(node, "-p", "tcp", "--dport", "80", "-j", "DROP"),
    "another accepts a mark": marked,
    "another accepts what is invalid": lambda node: first(node, "-m", "conntrack", "--ctstate", "INVALID", "-j", "ACCEPT"),
    "the chain's policy": lambda node: node.iptables("-P", "FORWARD", "DROP"),
    "an element is gone": lambda node: set_change(node, rf" {CLIENT}$", "del", CLIENT),
    "an element is gone, IPv6": lambda node: set_change(node, r" fd00::3$", "del", "fd00::3"),
    "an element too many": lambda node: set_change(node, rf" {CLIENT}$", "add", STRANGER),
    "an except is lost": nomatch_lost,
    "established is forgotten": lambda node: delete(node, r"PENSTOCK-FORWARD .*ctstate"),
    "midstream is forgotten": lambda node: delete(node, r"PENSTOCK-FORWARD .*tcp-flags"),
    "the last chain is empty": lambda node: node.iptables("-F", "PENSTOCK-DENY"),
    "a pod is left out of the tree": lambda node: delete(node, rf"PENSTOCK-INGRESS .*{WEB}/32 .*-g "),
}


def repair(router):
    for family in ("iptables", "ip6tables"):
        for words in (["-F", "FORWARD"], ["-P", "FORWARD", "ACCEPT"], ["-t", "mangle", "-F"]):
            router.node.iptables(*words, family=family)
    router.node.apply(CLUSTER)
    router.watched = False


@pytest.fixture(params=FLAVOURS)
def router(request, new_node):
    node = new_node(request.param)
    made = Router(node, PODS)
    node.apply(CLUSTER)
    yield made
    made.close()


def verify(node, status):
    words = ["verify", "-f", "-", "--node", "here", "-o", "json"]
    return json.loads(node.penstock(*words, stdin=manifest_text(CLUSTER), status=status).stdout)


def packet(source, destination, protocol="TCP", port=80):
    return {
        "source": source,
        "destination": destination,
        "protocol": protocol,
        "sourcePort": 40000,
        "port": port,
        "state": "NEW",
        "tcpFlags": ["SYN"] if protocol == "TCP" else [],
        "icmpType": 8 if protocol == "ICMP" else 0,
        "icmpCode": 0,
    }


def test_unbroken_rules_are_equal_and_packets_fare_as_policies_say(router):
    """That the packets by hand are told apart at all."""
    assert verify(router.node, status=0)["result"] == "equal"
    assert router.arrives(packet(CLIENT, WEB))
    assert not router.arrives(packet(CLIENT, WEB, port=81))
    assert not router.arrives(packet(STRANGER, WEB))
    assert router.arrives(packet(STRANGER, CLIENT))
    assert not router.arrives(packet(CLIENT, OUTSIDE))
    assert router.arrives(packet(OUTSIDE, WEB, "UDP", 53))
    assert not router.arrives(packet("198.51.100.129", WEB, "UDP", 53))
    assert not router.arrives(packet(OUTSIDE, WEB, "SCTP", 53))
    assert router.arrives(packet(OUTSIDE, STRANGER, "SCTP", 53))
    assert not router.arrives(packet(OUTSIDE, WEB, "ICMP", 0))
    assert router.arrives(packet("192.168.7.1", WEB))
    assert router.arrives(packet(CLIENT, "192.168.7.1"))
    assert router.arrives(packet("fd00::3", "fd00::2"))
    assert not router.arrives(packet("fd00::4", "fd00::2"))


@pytest.mark.parametrize("fault", FAULTS)
def test_counterexamples_come_true(router, fault):
    FAULTS[fault](router.node)
    answer = verify(router.node, status=None)
    sent = [finding for finding in answer["findings"] if can_be_sent(finding["packet"])]
    assert sent, f"{len(answer['findings'])} findings, none that a router meets"
    for finding in sent:
        assert router.arrives(finding["packet"]) == (finding["rules"] == "passes"), finding
    repair(router)
    for finding in sent:
        assert router.arrives(finding["packet"]) == (finding["rules"] == "stopped"), finding
    print(f"{fault}: {len(sent)} of {len(answer['findings'])} packets sent, all came true")
