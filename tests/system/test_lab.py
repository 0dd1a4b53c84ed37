"""The lab itself: who is there, what is probed, and that a difference is found and named."""

import os
import pty
import resource
import subprocess

import pytest
from labs import NETNS, PENSTOCK, SOURCE, select, verdicts

EXAMPLE = SOURCE / "examples/frontend-backend"
SHOP = SOURCE / "examples/three-tiers"


def pod(name, spec="", status="", labels=""):
    spec = spec or "containers: [{name: main}]"
    return (
        f"---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{app: {name[:60]}, {labels}}}}},"
        f" spec: {{{spec}}}, status: {{{status}}}}}\n"
    )


def policy(name, spec):
    return (
        f"---\n{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: {name}}},"
        f" spec: {{{spec}}}}}\n"
    )


PODS = pod("web", "containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]") + pod("client")
DENY_WEB = policy("deny-web", "podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]")


def test_without_policies_all_passes(lab):
    lab.up(EXAMPLE)
    assert lab.namespaces() == [
        "fabric",
        "node.node-1",
        "outside",
        "pod.default.backend",
        "pod.default.frontend",
        "pod.default.other",
    ]
    report = lab.probe(EXAMPLE / "pods.yaml")
    assert report["differences"] == 0
    assert report["probes"] == len(report["results"])
    assert verdicts(report["results"]) == {"Allowed"}
    assert {r["protocol"] for r in report["results"]} == {"TCP", "UDP", "SCTP", "ICMP"}
    assert {r["family"] for r in report["results"]} == {"IPv4", "IPv6"}
    assert 8080 in report["ports"] and report["unnamedPort"] in report["ports"]
    # Each pod to each, itself too; to and from the node and outside: 7 probes in each family.
    assert len(select(report, from_="default/other", to="default/backend")) == 14
    assert len(select(report, from_="default/other", to="default/other")) == 14
    assert len(select(report, from_="node/node-1", to="default/backend")) == 14
    assert len(select(report, from_="192.0.2.1", to="default/backend")) == 7
    assert len(select(report, from_="default/backend", to="2001:db8::1")) == 7
    said = lab.probe_text(EXAMPLE, status=1)  # with the policy, which nothing enforces yet
    assert said.endswith("Everything passed: were the policies applied (penstock lab apply)?\n")
    assert "Everything passed" not in lab.probe_text(EXAMPLE / "pods.yaml")


def test_one_node_with_a_policy(lab):
    lab.up(EXAMPLE)
    lab.apply(EXAMPLE)
    report = lab.probe(EXAMPLE)
    assert report["differences"] == 0
    to_backend = lambda source: verdicts(select(report, from_=source, to="default/backend"))
    assert to_backend("default/frontend") == {"Allowed"}
    assert to_backend("default/other") == {"Denied"}
    assert to_backend("192.0.2.1") == {"Denied"}
    assert to_backend("2001:db8::1") == {"Denied"}
    assert to_backend("default/backend") == {"Allowed"}
    assert to_backend("node/node-1") == {"Allowed"}
    text = lab.probe_text(EXAMPLE)
    assert f"\n{report['probes']} probes, 0 differences\n" in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_two_nodes(lab):
    lab.up(SHOP)
    lab.apply(SHOP)
    report = lab.probe(SHOP)
    assert report["differences"] == 0
    ends = {end["label"]: end for end in report["ends"]}
    assert ends["shop/web"]["node"] == "worker-1" and ends["shop/api"]["node"] == "worker-2"
    assert ends["shop/web"]["addresses"][0].startswith("10.1.1.")
    assert ends["shop/web"]["addresses"][1].startswith("fd00:10:1:1::")

    passing = lambda source, to: {
        (r["protocol"], r["port"])
        for r in select(report, from_=source, to=to, actual="Allowed")
        if r["family"] == "IPv4"
    }
    assert passing("shop/web", "shop/api") == {("TCP", 8080)}
    assert passing("monitoring/prometheus", "shop/api") == {("TCP", 9090)}
    assert passing("shop/database", "kube-system/dns") == {("TCP", 53), ("UDP", 53)}
    assert passing("192.0.2.1", "shop/web") == {("TCP", 443)}
    assert verdicts(select(report, from_="198.51.100.1", to="shop/web")) == {"Denied"}
    # Its own node may, the other may not.
    assert verdicts(select(report, from_="node/worker-2", to="shop/api")) == {"Allowed"}
    assert verdicts(select(report, from_="node/worker-1", to="shop/api")) == {"Denied"}


def test_blocks_are_tried_from_outside(lab):
    blocks = "{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.0/25]}}, {ipBlock: {cidr: fd77::/16, except: ['fd77:1::/32']}}"
    manifests = PODS + policy("blocks", f"podSelector: {{matchLabels: {{app: web}}}}, ingress: [{{from: [{blocks}]}}]")
    lab.up(PODS)  # the addresses outside come with the policies
    lab.apply(manifests)
    report = lab.probe(manifests)
    assert report["differences"] == 0
    outside = [end["label"] for end in report["ends"] if end["kind"] == "outside"]
    assert outside == ["192.0.2.1", "2001:db8::1", "203.0.113.128", "203.0.113.1", "fd77::1", "fd77:1::1"]
    passing = {ip for ip in outside if verdicts(select(report, from_=ip, to="default/web")) == {"Allowed"}}
    assert passing == {"203.0.113.128", "fd77::1"}


def test_a_pod_of_one_family(lab):
    manifests = pod("four", status="podIPs: [{ip: 10.244.0.9}]") + pod("six", status="podIPs: [{ip: 'fd00::9'}]") + pod("both")
    lab.up(manifests)
    report = lab.probe(manifests)
    assert report["differences"] == 0
    assert {r["family"] for r in select(report, from_="default/both", to="default/four")} == {"IPv4"}
    assert {r["family"] for r in select(report, from_="default/six", to="default/both")} == {"IPv6"}
    assert not [r for r in report["results"] if r["from"] == "default/four" and r["to"] == "default/six"]
    assert " -" in lab.probe_text(manifests)


def test_a_rule_too_few_is_found(lab):
    lab.up(EXAMPLE)
    lab.apply(EXAMPLE)
    lab.exec("node", "iptables", "-D", "FORWARD", "1")
    report = lab.probe(EXAMPLE, status=1)
    different = [r for r in report["results"] if r["expected"] != r["actual"]]
    assert len(different) == report["differences"] > 0
    assert {r["family"] for r in different} == {"IPv4"}
    assert {r["to"] for r in different} == {"default/backend"}
    assert {r["from"] for r in different} == {"default/other", "192.0.2.1"}
    text = lab.probe_text(EXAMPLE, status=1)
    assert (
        "default/other → default/backend TCP 8080 (10.244.0.4 → 10.244.0.3): passes, must be denied "
        "(default/allow-frontend-to-backend isolates for ingress)\n" in text
    )


def test_a_rule_too_many_is_found(lab):
    lab.up(EXAMPLE)
    lab.apply(EXAMPLE)
    lab.exec("node", *"ip6tables -I FORWARD -p tcp --dport 8080 -s fd00:10:244::2 -d fd00:10:244::3 -j DROP".split())
    report = lab.probe(EXAMPLE, status=1)
    assert report["differences"] == 1
    text = lab.probe_text(EXAMPLE, status=1)
    assert (
        "default/frontend → default/backend TCP 8080 (fd00:10:244::2 → fd00:10:244::3): does not pass "
        "(no answer), must be allowed (default/allow-frontend-to-backend ingress[0] allows it)\n" in text
    )
    assert "frontend → backend: all over IPv4, all but TCP 8080 over IPv6\n" in text


def test_each_protocol_is_seen_alone(lab):
    lab.up(PODS)
    rules = {
        "TCP": "-p tcp --dport 8080",
        "UDP": "-p udp --dport 8080",
        "SCTP": "-p sctp --dport 8080",
        "ICMP": "-p icmp",
    }
    for protocol, match in rules.items():
        lab.exec("node", "iptables", "-A", "FORWARD", *match.split(), "-j", "DROP")
        report = lab.probe(PODS, status=1)
        different = [r for r in report["results"] if r["actual"] == "Denied"]
        assert {(r["protocol"], r["port"], r["family"]) for r in different} == {
            (protocol, 0 if protocol == "ICMP" else 8080, "IPv4")
        }
        lab.exec("node", "iptables", "-D", "FORWARD", *match.split(), "-j", "DROP")


def test_rejecting_is_denying(lab):
    manifests = PODS + DENY_WEB
    lab.up(manifests)
    lab.apply(manifests, "--deny", "reject")
    report = lab.probe(manifests)
    assert report["differences"] == 0
    denied = select(report, from_="default/client", to="default/web", actual="Denied")
    assert {r["reason"] for r in denied if r["protocol"] == "TCP"} == {"refused"}
    assert {r["reason"] for r in denied if r["protocol"] == "UDP"} == {"rejected"}


def test_egress_to_the_own_node(lab):
    manifests = PODS + policy("no-egress", "podSelector: {matchLabels: {app: client}}, policyTypes: [Egress]")
    lab.up(manifests)
    lab.apply(manifests)
    assert verdicts(select(lab.probe(manifests), from_="default/client", to="node/node")) == {"Allowed"}
    lab.apply(manifests, "--own-node-egress", "Policy")
    report = lab.probe(manifests, "--own-node-egress", "Policy")
    assert verdicts(select(report, from_="default/client", to="node/node")) == {"Denied"}
    assert verdicts(select(report, from_="node/node", to="default/client")) == {"Allowed"}
    different = [r for r in lab.probe(manifests, status=1)["results"] if r["expected"] != r["actual"]]
    assert {(r["from"], r["to"]) for r in different} == {("default/client", "node/node")}


def test_earlier_probes_open_nothing(lab):
    """Conntrack remembers the first run's UDP and ICMP; with the same ports they would pass."""
    lab.up(PODS)
    lab.exec("node", "iptables", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")
    assert lab.probe(PODS)["differences"] == 0
    lab.exec("node", "iptables", "-A", "FORWARD", "-j", "DROP")
    report = lab.probe(PODS, status=1)
    assert verdicts(r for r in select(report, from_="default/client", to="default/web") if r["family"] == "IPv4") == {"Denied"}


def test_longest_names(lab):
    namespace, name, node = "n" * 63, ".".join(["p" * 62] * 4), ".".join(["w" * 62] * 4)
    twin = name[:-1] + "q"
    manifests = pod(name, f"nodeName: {node}, containers: [{{name: c}}]") + pod(twin, f"nodeName: {node}, containers: [{{name: c}}]")
    lab.up(manifests, "-n", namespace)
    report = lab.probe(manifests, "-n", namespace)
    assert report["differences"] == 0
    assert len(select(report, from_=f"{namespace}/{name}", to=f"{namespace}/{twin}")) > 0
    text = lab.probe_text(manifests, "-n", namespace)
    assert all(len(line) <= 100 for line in text.splitlines())
    for target in (f"{namespace}/{name}", f"node/{node}", node, "node"):
        lab.exec(target, "true")


def test_many_pods(lab):
    manifests = "".join(pod(f"pod-{i}") for i in range(30))
    lab.up(manifests)
    text = lab.probe_text(manifests)
    assert "  31 node/node" in text
    assert all(len(line) <= 100 for line in text.splitlines())


def on_terminal(lab, manifests, **environment):
    """What `lab probe` prints on a terminal."""
    ours, theirs = pty.openpty()
    prober = subprocess.Popen(
        [PENSTOCK, "lab", "probe", "--lab", lab.name, "--timeout", "500", "-f", "-"],
        stdin=subprocess.PIPE,
        stdout=theirs,
        env={**os.environ, **environment},
    )
    os.close(theirs)
    prober.stdin.write(manifests.encode())
    prober.stdin.close()
    text = b""
    try:
        while more := os.read(ours, 65536):
            text += more
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    prober.wait()
    return text.decode()


def test_colours(lab):
    lab.up(PODS)
    green, red = "\033[32m", "\033[31m"
    text = on_terminal(lab, PODS)
    assert green in text and red not in text
    text = on_terminal(lab, PODS + DENY_WEB)
    assert green in text and f"{red}" in text and "all!" in text
    assert "\033" not in on_terminal(lab, PODS + DENY_WEB, NO_COLOR="1")
    assert "\033" not in lab.probe_text(PODS)


def test_who_is_not_there(lab):
    manifests = (
        PODS
        + pod("done", status="phase: Succeeded")
        + pod("host", "hostNetwork: true, nodeName: n9, containers: [{name: c}]", "podIPs: [{ip: 172.30.0.9}]")
    )
    lab.up(manifests)
    assert lab.namespaces() == ["fabric", "node.n9", "outside", "pod.default.client", "pod.default.web"]


def test_exec(lab):
    lab.up(EXAMPLE)
    address = lambda target, *words: lab.exec(target, "ip", "-o", "address", *words).stdout
    assert " 10.244.0.3/32 " in address("default/backend")
    assert " 10.244.0.3/32 " in address("backend")
    assert " 172.30.0.1/32 " in address("node")
    assert address("node/node-1") == address("node-1") == address("node")
    assert " 192.0.2.1/32 " in address("outside")
    lab.exec("backend", "sh", "-c", "exit 7", status=7)
    done = lab.exec("nobody", "true", status=2)
    assert "nobody: not in lab" in done.stderr
    assert "not-a-command" in lab.exec("backend", "not-a-command", status=3).stderr
    lab.run("exec", "backend", status=2)


def test_addresses_stay_when_the_manifests_change(lab):
    lab.up(pod("a") + pod("b") + pod("c"))
    report = lab.probe(pod("b") + pod("c"))
    assert report["differences"] == 0
    addresses = {end["label"]: end["addresses"][0] for end in report["ends"]}
    assert addresses["default/b"] == "10.244.0.3"
    done = lab.run("probe", manifests=pod("c") + pod("d"), status=3)
    assert "default/d is not in lab" in done.stderr


def test_a_lab_is_made_once(lab):
    lab.up(PODS)
    before = lab.namespaces()
    assert "exists already" in lab.up(PODS + pod("third"), status=2).stderr
    assert lab.namespaces() == before
    lab.down()
    lab.up(PODS)
    assert lab.probe(PODS)["differences"] == 0


def test_parts_of_a_lab_are_left_alone(lab):
    lab.up(PODS)
    subprocess.run(["ip", "netns", "delete", f"penstock-{lab.name}.fabric"], check=True)
    before = lab.namespaces()
    assert "exists already" in lab.up(PODS, status=2).stderr
    assert lab.namespaces() == before
    lab.down()


def test_without_a_lab(lab):
    assert "nothing to remove" in lab.down().stdout
    for command in ("probe", "apply"):
        assert "there is no lab" in lab.run(command, manifests=PODS, status=2).stderr
    assert "there is no lab" in lab.exec("node", "true", status=2).stderr


def test_labs_side_by_side(new_lab):
    one, two = new_lab(), new_lab()
    two.name = one.name + "-2"
    one.up(PODS + DENY_WEB)
    two.up(PODS)
    one.apply(PODS + DENY_WEB)
    assert one.probe(PODS + DENY_WEB)["differences"] == 0
    assert two.probe(PODS)["differences"] == 0
    one.down()
    assert two.probe(PODS)["differences"] == 0


def test_a_failure_half_way_leaves_nothing(lab):
    manifests = "".join(pod(f"pod-{i}", f"nodeName: n{i}, containers: [{{name: c}}]") for i in range(30))
    few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))  # each node wants two files
    done = subprocess.run(
        [PENSTOCK, "lab", "up", "--lab", lab.name, "-f", "-"], input=manifests.encode(), capture_output=True, preexec_fn=few
    )
    assert done.returncode == 3, done.stderr
    assert b"Node n" in done.stderr and b"Too many open files" in done.stderr
    assert lab.namespaces() == []


def start_and_signal(lab, signal):
    """Signals `lab up` when the first pod's namespace is there, many seconds before the last's."""
    manifests = "---\n{apiVersion: v1, kind: Node, metadata: {name: node}, spec: {podCIDRs: [10.244.0.0/16]}}\n"
    manifests += "".join(pod(f"pod-{i:04}") for i in range(2000))
    maker = subprocess.Popen(
        [PENSTOCK, "lab", "up", "--lab", lab.name, "-f", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    maker.stdin.write(manifests.encode())
    maker.stdin.close()
    first = NETNS / f"penstock-{lab.name}.pod.default.pod-0000"
    while not first.exists():
        assert maker.poll() is None
    maker.send_signal(signal)
    return maker.wait()


def test_a_killed_maker_is_cleaned_up(lab):
    assert start_and_signal(lab, 9) == -9
    assert 0 < len(lab.namespaces()) < 2003
    assert "exists already" in lab.up(PODS, status=2).stderr
    lab.down()
    assert lab.namespaces() == []
    lab.up(PODS)


def test_an_interrupted_maker_cleans_up(lab):
    assert start_and_signal(lab, 15) == -15
    assert lab.namespaces() == []


def test_a_namespace_half_made_is_cleaned_up(lab):
    lab.up(PODS)
    (NETNS / f"penstock-{lab.name}.pod.default.half").touch()  # its namespace was not mounted yet
    assert "incomplete" in lab.run("probe", manifests=PODS, status=3).stderr
    lab.down()
    assert lab.namespaces() == []


@pytest.mark.parametrize("name", ["", "a.b", "A", "a/b", "x" * 33])
def test_names_that_a_lab_cannot_have(name):
    done = subprocess.run([PENSTOCK, "lab", "down", "--lab", name], capture_output=True, text=True)
    assert done.returncode == 2
    assert f"--lab {name}: " in done.stderr


def test_the_machine_is_left_alone(lab):
    looks = ["ip -br link", "ip route show table all", "ip -6 route show table all", "iptables-save", "sysctl net.ipv4.ip_forward"]
    look = lambda: [subprocess.run(f"{l} 2>/dev/null | grep -v '^[#:]'", shell=True, capture_output=True).stdout for l in looks]
    before = look()
    lab.up(EXAMPLE)
    lab.apply(EXAMPLE)
    lab.probe(EXAMPLE)
    assert look() == before


def test_explain_has_the_addresses_of_the_lab(lab):
    """The manifests give none, without which there is nothing to judge."""
    manifests = PODS + DENY_WEB
    ends = ["client", "web", "--port", "http"]
    assert "there is no lab" in lab.run("explain", *ends, manifests=manifests, status=2).stderr
    lab.up(manifests)
    denied = lab.run("explain", *ends, manifests=manifests, status=1).stdout
    assert "default/client (10.244.0.2) → default/web (10.244.0.3), TCP 8080: Denied" in denied
    assert "default/deny-web" in denied
    lab.run("explain", "web", "client", "-p", "1", manifests=manifests, status=0)
    lab.run("explain", "node", "web", "-p", "1", manifests=manifests, status=0)
    assert "FROM and TO are needed" in lab.run("explain", "web", manifests=manifests, status=2).stderr
