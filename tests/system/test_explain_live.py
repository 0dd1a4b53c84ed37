"""explain --live: the kernel's own answer beside the policies'."""

import json

import pytest
from nodes import PENSTOCK, block, manifest_text, pod, pods, policy, tcp

WEB, CLIENT, OTHER = "10.9.0.1", "10.9.0.2", "10.9.0.3"
CLUSTER = [
    pod("web", WEB, app="web"),
    pod("client", CLIENT, app="client"),
    pod("other", OTHER, app="other"),
    pod("far", "10.9.1.1", node="there", app="far"),
    policy("allow-web", {"app": "web"}, [{"from": [pods(app="client")], "ports": tcp(80)}]),
    policy("out", {"app": "far"}, egress=[{"to": [block("192.0.2.0/24")]}]),
]


def explain(node, *words, status, manifests=CLUSTER):
    words = ["explain", "-f", "-", "--node", "here", "--live", *words]
    return node.penstock(*words, stdin=manifest_text(manifests), status=status)


def live(node, *words, status):
    [answer] = json.loads(explain(node, *words, "-o", "json", status=status).stdout)["addresses"]
    return answer["live"]


@pytest.fixture
def applied(node):
    node.apply(CLUSTER)
    return node


def test_allowed_by_the_rule_of_the_policy(applied):
    text = explain(applied, "client", "web", "--port", "80", status=0).stdout
    [line] = [line for line in text.splitlines() if "default/allow-web ingress[0]" in line and "-A" in line]
    assert f"iptables-{applied.flavour} filter PENSTOCK-I-" in line and "-j RETURN" in line
    assert line.endswith("(0 packets, 0 bytes)")
    answer = live(applied, "client", "web", "--port", "80", status=0)
    assert answer["outcome"] == "passes" and answer["differs"] is False
    assert (answer["node"], answer["policies"]) == ("here", "Allowed")
    assert (answer["destination"], answer["port"]) == (WEB, 80)
    assert all(step["certain"] for step in answer["matched"])


def test_denied_and_where(applied):
    answer = live(applied, "other", "web", "--port", "80", status=1)
    assert (answer["outcome"], answer["policies"], answer["differs"]) == ("stopped", "Denied", False)
    decided = answer["decidedBy"]
    assert decided["backend"] == f"iptables-{applied.flavour}" and decided["chain"] == "PENSTOCK-DENY"
    assert decided["rule"] == 1 and decided["text"].endswith('"penstock: denied" -j DROP')
    text = explain(applied, "other", "web", "--port", "80", status=1).stdout
    assert "the kernel of here: stopped" in text and "denied ingress of pods of default" in text


def test_verbose_shows_the_whole_way(applied):
    text = explain(applied, "other", "web", "--port", "80", "-v", status=1).stdout
    ways = ["FORWARD 1: ", "PENSTOCK-FORWARD ", "PENSTOCK-INGRESS ", "PENSTOCK-I-"]
    at = [text.index(f"filter {way}") for way in ways]
    assert at == sorted(at)


def test_a_foreign_accept_is_named_and_loud(applied):
    applied.iptables("-I", "FORWARD", "-d", WEB, "-p", "tcp", "-j", "ACCEPT")
    text = explain(applied, "other", "web", "--port", "80", status=3).stdout
    assert f"filter FORWARD 1: -A FORWARD -d {WEB}/32 -p tcp -j ACCEPT (0 packets, 0 bytes)" in text
    assert "DIFFERENT: the policies deny it as far as this node judges, and its rules let it pass" in text
    answer = live(applied, "other", "web", "--port", "80", status=3)
    assert (answer["outcome"], answer["differs"]) == ("passes", True)


def test_a_foreign_drop_is_named(applied):
    applied.iptables("-A", "FORWARD", "-s", CLIENT, "-j", "DROP")
    answer = live(applied, "client", "web", "--port", "80", status=3)
    assert (answer["outcome"], answer["policies"]) == ("stopped", "Allowed")
    assert answer["decidedBy"]["text"] == f"-A FORWARD -s {CLIENT}/32 -j DROP"


def test_a_rule_that_nobody_understands(applied):
    applied.iptables("-I", "FORWARD", "-m", "u32", "--u32", "0 >> 28 = 4", "-j", "ACCEPT")
    answer = live(applied, "other", "web", "--port", "80", status=3)
    assert answer["outcome"] == "unknown" and "-m u32" in answer["decidedBy"]["text"]


def test_counters_are_the_kernels(applied):
    rule = f"[7:420] -A FORWARD -s {OTHER} -j DROP"
    applied.restore(f"*filter\n:FORWARD ACCEPT [0:0]\n{rule}\nCOMMIT\n")
    answer = live(applied, "other", "client", "--port", "80", status=3)
    assert (answer["decidedBy"]["packets"], answer["decidedBy"]["bytes"]) == (7, 420)


def test_translated_on_the_way(applied):
    words = ["-d", "10.96.0.1", "-p", "tcp", "--dport", "8080", "-j", "DNAT"]
    applied.iptables("-t", "nat", "-A", "PREROUTING", *words, "--to-destination", f"{WEB}:80")
    answer = live(applied, "client", "10.96.0.1", "--port", "8080", status=0)
    assert (answer["destination"], answer["port"], answer["outcome"]) == (WEB, 80, "passes")
    # Policies are asked about where it goes, not about the address of the service.
    answer = live(applied, "other", "10.96.0.1", "--port", "8080", status=1)
    assert (answer["outcome"], answer["policies"], answer["differs"]) == ("stopped", "Denied", False)
    text = explain(applied, "other", "10.96.0.1", "--port", "8080", status=1).stdout
    assert f"sent on to {WEB} port 80" in text


def test_a_node_judges_its_own_pods_only(applied):
    # What far may send is the affair of its own node.
    answer = live(applied, "far", "client", "--port", "80", status=1)
    assert (answer["policies"], answer["outcome"], answer["differs"]) == ("Allowed", "passes", False)


def test_rules_and_sets_of_a_real_node_are_read(node):
    """kube-proxy's, kube-router's and Docker's: nothing of them is taken for a lie."""
    node.load_others()
    node.apply(CLUSTER)
    before = node.state()
    answer = live(node, "other", "web", "--port", "80", status=1)
    assert (answer["outcome"], answer["decidedBy"]["chain"]) == ("stopped", "PENSTOCK-DENY")
    assert node.state() == before


def test_which_node_must_be_known(applied):
    words = ["explain", "-f", "-", "--live", "client", "web", "--port", "80"]
    done = applied.penstock(*words, stdin=manifest_text(CLUSTER), status=2)
    assert "--node NODE is needed" in done.stderr


def test_not_root(applied):
    words = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", PENSTOCK, "explain", "-f", "-", "--live"]
    words += ["--node", "here", "client", "web", "--port", "80"]
    done = applied.run(*words, stdin=manifest_text(CLUSTER), status=3)
    assert "only root may read what the kernel enforces" in done.stderr


def test_a_node_without_an_address_is_no_answer(applied):
    done = explain(applied, "node", "web", "--port", "80", status=3)
    assert "a node without an address cannot be asked about; give one" in done.stdout
