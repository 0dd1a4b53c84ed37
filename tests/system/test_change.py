"""While rules change, packets keep coming: none that both states deny gets through, none that both
allow is dropped.

Each case is two clusters that apply flips between, and flows on which both agree.
"""

import os

import pytest
from flows import Traffic, flow
from manifests import ANY, allow, block, cluster, namespace, pod, pods, pods_in, policy

FLIPS = int(os.environ.get("PENSTOCK_FLIPS", "10"))


WEB, CLIENT, STRANGER = pod("web", app="web"), pod("client", app="client"), pod("stranger", app="stranger")
FROM_CLIENT = policy("a", pods(app="web"), ingress=[allow(pods(app="client"), ports=[("UDP", 80)])])


def a_policy_comes():
    """Its pod's class, and so its chain, is another."""
    other = policy("b", pods(app="web"), ingress=[allow(pods(app="friend"))])
    before = [WEB, CLIENT, STRANGER, FROM_CLIENT]
    flows = [
        flow("client", "web", 80, allowed=True),
        flow("client", "web", 81, allowed=False),
        flow("stranger", "web", 80, 81, allowed=False),
    ]
    return before, [*before, other], flows


def a_policy_is_replaced():
    """By one of another name and the same meaning for some, wider before and narrower after for others."""
    wide = policy("z", pods(app="web"), ingress=[allow(pods_in(ANY), ports=[("UDP", 80)])])
    objects = [WEB, CLIENT, STRANGER]
    flows = [flow("client", "web", 80, allowed=True), flow("client", "web", 81, allowed=False), flow("stranger", "web", 81, allowed=False)]
    return [*objects, FROM_CLIENT], [*objects, wide], flows


def a_rule_moves_within_a_policy():
    """Ports and peers of two rules change places."""
    rule = lambda peer, *ports: allow(pods(app=peer), ports=[("UDP", port) for port in ports])
    rules = lambda a, b: policy("p", pods(app="web"), ingress=[rule("client", a, 90), rule("stranger", b, 91)])
    objects = [WEB, CLIENT, STRANGER]
    flows = [
        flow("client", "web", 90, allowed=True),
        flow("stranger", "web", 91, allowed=True),
        flow("client", "web", 91, allowed=False),
        flow("stranger", "web", 90, allowed=False),
    ]
    return [*objects, rules(80, 81)], [*objects, rules(81, 80)], flows


def a_peer_changes_labels():
    """From one set that allows it into another that does: it must be in both for a moment."""
    rule = lambda peer: allow(pods(app=peer), ports=[("UDP", 80)])
    either = policy("p", pods(app="web"), ingress=[rule("client"), rule("other")])
    objects = [WEB, STRANGER, pod("friend", app="client"), either]
    flows = [flow("client", "web", 80, allowed=True), flow("client", "web", 81, allowed=False), flow("stranger", "web", 80, allowed=False)]
    return [CLIENT, *objects], [pod("client", app="other"), *objects], flows


def a_peer_changes_labels_for_egress():
    rule = lambda peer, *ports: allow(pods(app=peer), ports=[("UDP", port) for port in ports])
    either = policy("p", pods(app="caller"), egress=[rule("web", 80), rule("other", "name", 80)])
    callers = [pod("caller", app="caller"), STRANGER, either]
    web = lambda app: pod("web", app=app, ports={"name": "81/UDP"})
    flows = [
        flow("caller", "web", 80, allowed=True),
        flow("caller", "web", 82, allowed=False),
        flow("caller", "stranger", 80, allowed=False),
    ]
    return [web("web"), *callers], [web("other"), *callers], flows


def the_subject_changes_labels():
    """From one policy to another."""
    a = policy("a", pods(app="web"), ingress=[allow(pods(app="client"), ports=[("UDP", 80)])])
    b = policy("b", pods(app="db"), ingress=[allow(pods(app="client")), allow(pods(app="web"))])
    objects = [CLIENT, STRANGER, a, b]
    flows = [flow("client", "subject", 80, allowed=True), flow("stranger", "subject", 80, 81, allowed=False)]
    return [pod("subject", app="web"), *objects], [pod("subject", app="db"), *objects], flows


def blocks_change():
    """Sets of blocks are made anew: never a moment with the block and without its except."""
    ips = {"web": "10.244.0.80", "client": "10.244.0.81", "stranger": "10.244.0.99"}
    six = {name: "fd00:10:244::" + ip.rsplit(".", 1)[1] for name, ip in ips.items()}
    made = [pod(name, ips=[ip, six[name]], app=name) for name, ip in ips.items()]
    some = lambda *blocks: policy("p", pods(app="web"), ingress=[allow(*blocks)])
    before = some(block("10.0.0.0/8", "10.244.0.96/28"), block("fd00::/16", "fd00:10:244::99/128"))
    after = some(block("0.0.0.0/0", "10.244.0.99/32"), block("::/0", "fd00:10:244::98/127", "2001:db8::/32"))
    return [*made, before], [*made, after], [flow("client", "web", 80, allowed=True), flow("stranger", "web", 80, allowed=False)]


def many_pods_become_isolated():
    """The tree over addresses changes its shape around those that stay."""
    others = [pod(f"other-{i:02}", group="other") for i in range(20)]
    objects = [WEB, CLIENT, STRANGER, FROM_CLIENT, *others]
    more = policy("others", pods(group="other"), ingress=[], egress=[])
    flows = [flow("client", "web", 80, allowed=True), flow("stranger", "web", 80, allowed=False), flow("stranger", "client", 80, allowed=True)]
    return objects, [*objects, more], flows


def both_directions_come_and_go():
    """A policy's other direction is added; the one that is there goes on."""
    from_client = [allow(pods(app="client"), ports=[("UDP", 80)])]
    one = policy("p", pods(app="web"), ingress=from_client)
    both = policy("p", pods(app="web"), ingress=from_client, egress=[allow(pods(app="client"))])
    objects = [WEB, CLIENT, STRANGER]
    flows = [flow("client", "web", 80, allowed=True), flow("web", "client", 80, allowed=True), flow("stranger", "web", 80, allowed=False)]
    return [*objects, one], [*objects, both], flows


def a_namespace_changes_labels():
    rule = lambda team, *ports: allow(pods_in({"team": team}), ports=[("UDP", port) for port in ports])
    p = policy("p", pods(app="web"), ingress=[rule("a", 80), rule("b", 80, 81)])
    objects = [WEB, STRANGER, pod("client", ns="other"), p]
    flows = [
        flow("other/client", "web", 80, allowed=True),
        flow("other/client", "web", 82, allowed=False),
        flow("stranger", "web", 80, allowed=False),
    ]
    return [*objects, namespace("other", team="a")], [*objects, namespace("other", team="b")], flows


def a_label_moves_the_denial_from_one_direction_to_the_other():
    """Ingress of the one end denies before, egress of the other end after: never neither."""
    web = policy("web", pods(app="web"), ingress=[allow(pods(app="caller"), ports=[("UDP", 80)])])
    shut = policy("shut", pods(app="caller"), egress=[allow(pods(app="client"))])
    objects = [WEB, CLIENT, STRANGER, web, shut]
    flows = [flow("subject", "web", 80, allowed=False), flow("client", "stranger", 80, allowed=True)]
    return [pod("subject", app="nobody"), *objects], [pod("subject", app="caller"), *objects], flows


def a_rule_and_its_peers_change():
    """The old rule must not meet the new peer, nor the new rule the old peer."""
    rule = lambda port: policy("p", pods(app="web"), ingress=[allow(pods(app="client"), ports=[("UDP", port)])])
    objects = [WEB, STRANGER, pod("friend", app="client")]
    other = lambda one, two: [pod("one", app=one), pod("two", app=two)]
    flows = [
        flow("one", "web", 81, allowed=False),
        flow("two", "web", 80, allowed=False),
        flow("stranger", "web", 80, 81, allowed=False),
        flow("friend", "stranger", 80, allowed=True),
    ]
    return [*objects, *other("client", "else"), rule(80)], [*objects, *other("else", "client"), rule(81)], flows


def peers_change_on_both_sides():
    """No rule changes: the source leaves its set as the destination comes into another."""
    to = policy("to", pods(app="web"), ingress=[allow(pods(label="in"))])
    out = policy("out", pods(group="callers"), egress=[allow(pods(label="out"))])
    ends = lambda source, destination: [
        pod("caller", group="callers", label=source),
        pod("web", app="web", label=destination),
    ]
    objects = [STRANGER, CLIENT, to, out]
    flows = [flow("caller", "web", 80, allowed=False), flow("client", "stranger", 80, allowed=True)]
    return [*objects, *ends("in", "none")], [*objects, *ends("none", "out")], flows


CASES = [
    a_label_moves_the_denial_from_one_direction_to_the_other,
    a_rule_and_its_peers_change,
    peers_change_on_both_sides,
    a_policy_comes,
    a_policy_is_replaced,
    a_rule_moves_within_a_policy,
    a_peer_changes_labels,
    a_peer_changes_labels_for_egress,
    the_subject_changes_labels,
    blocks_change,
    many_pods_become_isolated,
    both_directions_come_and_go,
    a_namespace_changes_labels,
]


@pytest.mark.parametrize("flavour", ["iptables-nft", "iptables-legacy"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_at_no_moment(lab, case, flavour):
    before, after, flows = case()
    states = [cluster(*before), cluster(*after)]
    lab.up(states[0])
    # Connections without answer are forgotten soon: thousands come each second.
    lab.exec("node", "sh", "-c", "echo 1 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout")
    lab.apply(states[0], "--backend", flavour)
    with Traffic(lab.path_of_pods, flows) as traffic:
        for i in range(FLIPS):
            done = lab.apply(states[(i + 1) % 2], "--backend", flavour)
            assert f": applied ({flavour})" in done.stdout
    traffic.assert_faultless()
    assert traffic.seen["rounds"] > FLIPS


@pytest.mark.parametrize("flavour", ["iptables-nft", "iptables-legacy"])
def test_at_no_moment_where_others_use_the_sets(lab, flavour):
    """Their rules keep a set with its old content while penstock's own meet the new one under another
    name; on the way back to the right name it must be put right before a rule asks it."""
    before, after, flows = a_rule_and_its_peers_change()
    states = [cluster(*before), cluster(*after)]
    lab.up(states[0])
    lab.exec("node", "sh", "-c", "echo 1 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout")
    lab.apply(states[0], "--backend", flavour)
    for name in lab.exec("node", "ipset", "list", "-n").stdout.split():
        six = "inet6" in lab.exec("node", "ipset", "list", "-t", name).stdout
        tool = ("ip6tables" if six else "iptables") + flavour.removeprefix("iptables")
        lab.exec("node", tool, "-A", "OUTPUT", "-m", "set", "--match-set", name, "dst")
    with Traffic(lab.path_of_pods, flows) as traffic:
        for i in range(FLIPS):
            done = lab.apply(states[(i + 1) % 2], "--backend", flavour)
            assert f": applied ({flavour})" in done.stdout
    traffic.assert_faultless()
    assert "unchanged" in lab.apply(states[FLIPS % 2], "--backend", flavour).stdout
