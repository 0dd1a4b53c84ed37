"""What a change opens and closes, in text and JSON; and which connections of now it would cut."""

import contextlib
import json
import subprocess

import pytest
from labs import NETNS, PENSTOCK, SOURCE
from sockets import Connection, Server

EXAMPLE = SOURCE / "examples/frontend-backend"
PODS = (EXAMPLE / "pods.yaml").read_text()
BACKEND = {"IPv4": "10.244.0.3", "IPv6": "fd00:10:244::3"}
OTHER = {"IPv4": "10.244.0.4", "IPv6": "fd00:10:244::4"}


def policy(spec, name="p"):
    return (
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: {name}, namespace: default}}\nspec: {{{spec}}}\n"
    )


def diff(before, after, *words, within=(), status):
    done = subprocess.run(
        [*within, PENSTOCK, "diff", "-f", str(before), "--to", str(after), *words], capture_output=True, text=True
    )
    assert done.returncode == status, done.stderr or done.stdout
    return done


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_nothing_differs_from_itself():
    assert diff(EXAMPLE, EXAMPLE, status=0).stdout == "no difference\n"


def test_written_otherwise_is_no_difference(write):
    one = write("one", PODS + policy("podSelector: {matchLabels: {app: backend}}, ingress: [{ports: [{port: 80}, {port: 81}]}]"))
    other = write(
        "other",
        PODS + policy("podSelector: {matchExpressions: [{key: app, operator: In, values: [backend]}]}, ingress: [{ports: [{port: 80, endPort: 81}]}]", "q"),
    )
    assert diff(one, other, status=0).stdout == "no difference\n"


def test_closed_and_opened_are_each_others_mirror():
    text = diff(EXAMPLE / "pods.yaml", EXAMPLE, status=1).stdout
    assert text == (
        "default/backend, default/other, outside → default/backend every protocol: closed, now isolated by\n"
        "    default/allow-frontend-to-backend ingress\n"
        "link-local addresses of IPv6: closed, some pod is isolated there now\n"
        "pods of node/node-1 → multicast, broadcast: closed, some pod is isolated there now\n"
        "0 opened, 3 closed\n"
    )
    back = diff(EXAMPLE, EXAMPLE / "pods.yaml", status=1).stdout
    assert back.splitlines()[0] == (
        "default/backend, default/other, outside → default/backend every protocol: opened, no longer isolated"
    )


def test_a_rule_is_named_with_ports_and_blocks(write):
    before = write("before", PODS + policy("podSelector: {matchLabels: {app: backend}}, policyTypes: [Ingress]"))
    after = write(
        "after",
        PODS
        + policy(
            "podSelector: {matchLabels: {app: backend}}, policyTypes: [Ingress], ingress: ["
            "{from: [{podSelector: {}}], ports: [{port: 8080}]},"
            "{from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.7/32]}}], ports: [{port: 53, protocol: UDP}]}]"
        ),
    )
    assert diff(before, after, status=1).stdout == (
        "203.0.113.0/24 except 203.0.113.7 → default/backend UDP 53: opened by default/p ingress[1]\n"
        "default/* → default/backend TCP 8080: opened by default/p ingress[0]\n"
        "2 opened, 0 closed\n"
    )
    assert diff(before, after, "--limit", "1", status=1).stdout == (
        "203.0.113.0/24 except 203.0.113.7 → default/backend UDP 53: opened by default/p ingress[1]\n"
        "and 1 more changes\n"
        "2 opened, 0 closed\n"
    )
    report = json.loads(diff(before, after, "-o", "json", status=1).stdout)
    assert report["differs"] and len(report["changes"]) == 2
    change = report["changes"][1]
    assert change["change"] == "opened" and change["undecided"] is False
    assert change["from"] == {
        "names": ["default/*"],
        "pods": ["default/backend", "default/frontend", "default/other"],
        "addresses": [],
    }
    assert change["to"]["pods"] == ["default/backend"]
    assert change["traffic"] == [{"protocol": "TCP", "port": 8080, "endPort": 8080}]
    assert change["families"] == ["IPv4", "IPv6"]
    assert change["reasons"] == [{"kind": "rule", "direction": "ingress", "policy": "default/p", "rule": 0}]


def test_one_family_alone_is_said_to_be(write):
    deny = "podSelector: {matchLabels: {app: backend}}, policyTypes: [Ingress]"
    before = write("before", PODS + policy(deny))
    after = write("after", PODS + policy(deny + ", ingress: [{from: [{ipBlock: {cidr: 10.244.0.4/32}}]}]"))
    assert diff(before, after, status=1).stdout == (
        "default/other → default/backend every protocol over IPv4: opened by default/p ingress[0]\n"
        "1 opened, 0 closed\n"
    )


def test_a_label_changes_who_is_selected(write):
    rule = policy("podSelector: {matchLabels: {app: backend}}, ingress: [{from: [{podSelector: {matchLabels: {app: frontend}}}]}]")
    before = write("before", PODS + rule)
    after = write("after", PODS.replace("app: other", "app: frontend") + rule)
    assert diff(before, after, status=1).stdout == (
        "default/other → default/backend every protocol: opened by default/p ingress[0]\n"
        "1 opened, 0 closed\n"
    )


def test_replicas_are_one_name_and_pods_of_one_side_are_listed(write):
    def pod(name, app):
        return (
            f"---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {app}}}}}\n"
            "spec: {containers: [{name: main}]}\n"
        )

    pods = "".join(pod(f"web-5d8-{i}", "web") for i in "abc") + pod("cache", "cache")
    allow = "podSelector: {matchLabels: {app: cache}}, ingress: [{from: [{podSelector: {matchLabels: {app: %s}}}]}]"
    before = write("before", pods + pod("old", "x") + policy(allow % "nobody").replace("default", "shop"))
    after = write("after", pods + pod("fresh", "x") + policy(allow % "web").replace("default", "shop"))
    done = diff(before, after, status=1)
    assert done.stdout == (
        "shop/web-5d8-* → shop/cache every protocol: opened by shop/p ingress[0]\n"
        "gone pod shop/old: its connections are not compared\n"
        "new pod shop/fresh: its connections are not compared\n"
        "1 opened, 0 closed; 1 gone and 1 new pods\n"
    )
    assert "note: 4 pods have no address yet; what depends on it is undecided\n" in done.stderr


def test_both_ends_isolated_are_a_line_each(write):
    deny = "podSelector: {matchLabels: {app: %s}}, policyTypes: [%s]"
    after = write("after", PODS + policy(deny % ("frontend", "Egress"), "out") + policy(deny % ("backend", "Ingress"), "in"))
    assert diff(EXAMPLE / "pods.yaml", after, status=1).stdout.splitlines()[:2] == [
        "default/frontend → anywhere every protocol: closed, now isolated by default/out egress",
        "anywhere → default/backend every protocol: closed, now isolated by default/in ingress",
    ]


SOON = """---
apiVersion: v1
kind: Pod
metadata: {name: soon, namespace: default, labels: {app: soon}}
spec: {containers: [{name: main}]}
"""
TO_BACKEND = "podSelector: {matchLabels: {app: backend}}, policyTypes: [Ingress], ingress: [{from: [%s], ports: [{port: 80}]}]"


@pytest.mark.parametrize("before, after, said", [
    # Where in the block it will be, or whether, is not known.
    ("ipBlock: {cidr: 192.0.2.0/24}", "podSelector: {matchLabels: {app: nobody}}",
     "192.0.2.0/24 → default/backend TCP 80: closed, no longer allowed by default/p ingress[0]\n"
     "default/soon → default/backend TCP 80 over IPv4: undecided, may be closed, no longer allowed by\n"
     "    default/p ingress[0]\n"
     "0 opened, 1 closed, 1 undecided\n"),
    # A block of all addresses will hold it, wherever it comes to be; so will two that are halves of it.
    ("podSelector: {matchLabels: {app: nobody}}", "ipBlock: {cidr: 0.0.0.0/1}}, {ipBlock: {cidr: 128.0.0.0/1}",
     "0.0.0.0/0 → default/backend TCP 80: opened by default/p ingress[0]\n"
     "default/* → default/backend TCP 80 over IPv4: opened by default/p ingress[0]\n"
     "2 opened, 0 closed\n"),
    # A selector does not ask for its address; whatever the block says is the same before and after.
    ("ipBlock: {cidr: 192.0.2.0/24}", "ipBlock: {cidr: 192.0.2.0/24}}, {podSelector: {matchLabels: {app: other}}",
     "default/other → default/backend TCP 80: opened by default/p ingress[0]\n"
     "1 opened, 0 closed\n"),
    # No pod has an address of many.
    ("podSelector: {matchLabels: {app: nobody}}", "ipBlock: {cidr: 224.0.0.0/4}}, {podSelector: {matchLabels: {app: other}}",
     "default/other → default/backend TCP 80: opened by default/p ingress[0]\n"
     "1 opened, 0 closed\n"),
    # It loses one half of the block, if it is there, and gains another.
    ("ipBlock: {cidr: 192.0.2.0/25}", "ipBlock: {cidr: 192.0.2.128/25}",
     "192.0.2.0/25 → default/backend TCP 80: closed, no longer allowed by default/p ingress[0]\n"
     "192.0.2.128/25 → default/backend TCP 80: opened by default/p ingress[0]\n"
     "default/soon → default/backend TCP 80 over IPv4: undecided, may be closed, no longer allowed by\n"
     "    default/p ingress[0]\n"
     "default/soon → default/backend TCP 80 over IPv4: undecided, may be opened by default/p ingress[0]\n"
     "1 opened, 1 closed, 2 undecided\n"),
])  # fmt: skip
def test_what_hangs_on_an_address_to_come_is_undecided(write, before, after, said):
    sides = [write(f"side{i}", PODS + SOON + policy(TO_BACKEND % f"{{{peers}}}")) for i, peers in enumerate((before, after))]
    assert diff(*sides, status=1).stdout == said
    changes = json.loads(diff(*sides, "-o", "json", status=1).stdout)["changes"]
    assert sum(change["undecided"] for change in changes) == said.count("undecided, ")


@pytest.mark.parametrize("words, why", [
    (["-f", "-", "--to", "-"], "standard input"),
    (["-f", str(EXAMPLE)], "--to PATH is missing"),
    (["-f", str(EXAMPLE), "--to", "/does/not/exist"], "/does/not/exist"),
    (["-f", str(EXAMPLE), "--to", str(EXAMPLE), "--node", "node-1"], "--live"),
    (["-f", str(EXAMPLE), "--to", str(EXAMPLE), "--limit", "0"], "--limit 0: not a number from 1 on"),
    (["-f", str(EXAMPLE), "--to", str(EXAMPLE), "--live", "--node", "elsewhere"], "elsewhere"),
])  # fmt: skip
def test_bad_input_is_said(words, why):
    done = subprocess.run([PENSTOCK, "diff", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 2 and why in done.stderr


@pytest.mark.parametrize("family", BACKEND)
def test_live_names_what_would_be_cut_and_cuts_nothing(lab, write, family):
    lab.up(PODS)
    lab.apply(PODS)
    path = lambda who: NETNS / f"penstock-{lab.name}.{who}"
    within = ["nsenter", f"--net={path('node.node-1')}"]
    before = write("before.yaml", PODS)
    with contextlib.ExitStack() as stack:
        hold = lambda thing: stack.enter_context(contextlib.closing(thing))
        server = hold(Server(path("pod.default.backend"), "TCP", BACKEND[family], 8080))
        allowed = hold(Connection(path("pod.default.frontend"), server, BACKEND[family], 8080))
        denied = hold(Connection(path("pod.default.other"), server, BACKEND[family], 8080))
        port = denied.client.getsockname()[1]

        text = diff(before, EXAMPLE, "--live", within=within, status=1).stdout
        assert "\nnode node-1: 1 connection of now would be cut:\n" in text
        assert text.endswith(
            f"    TCP default/other ({OTHER[family]}) port {port} → default/backend ({BACKEND[family]}) port 8080\n"
        )
        report = json.loads(diff(before, EXAMPLE, "--live", "-o", "json", within=within, status=1).stdout)
        assert report["node"] == "node-1"
        assert report["cut"] == [{
            "protocol": "TCP",
            "protocolNumber": 6,
            "from": {"pod": "default/other", "address": OTHER[family], "port": port},
            "to": {"pod": "default/backend", "address": BACKEND[family], "port": 8080},
        }]  # fmt: skip
        assert allowed.lives() and denied.lives()
        # What the old policies deny already is no doing of the change.
        denied_before = write("denied.yaml", PODS + policy("podSelector: {}, policyTypes: [Ingress]"))
        text = diff(denied_before, EXAMPLE, "--live", within=within, status=1).stdout
        assert text.endswith("node node-1: 0 connections of now would be cut\n")

        assert "; cut 1 connection\n" in lab.apply(EXAMPLE).stdout
        assert allowed.lives() and not denied.to_server()


def test_live_wants_root():
    words = ["diff", "-f", EXAMPLE / "pods.yaml", "--to", EXAMPLE, "--live"]
    done = subprocess.run(
        ["setpriv", "--bounding-set=-all", "--inh-caps=-all", PENSTOCK, *words],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3 and "only root may read connections" in done.stderr
