"""What is installed, in the words of policies and pods, with what it counted."""

import json

from labs import PENSTOCK, SOURCE

EXAMPLE = (SOURCE / "examples/frontend-backend/pods.yaml").read_text() + "\n---\n"
LONG = "l" * 60


def policy(name, spec):
    return f"""
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}, namespace: default}}
spec: {spec}
---
"""


def from_app(app, port):
    return f"[{{from: [{{podSelector: {{matchLabels: {{app: {app}}}}}}}], ports: [{{port: {port}}}]}}]"


BACKEND = "podSelector: {matchLabels: {app: backend}}"
# Enough of them that the class has a shortcut; only `third` is ever asked for.
SHORTCUT = "".join(
    policy(name, f"{{{BACKEND}, ingress: {from_app('frontend', port)}}}")
    for name, port in (("first", 1), ("second", 2), ("third", 8080), ("fourth", 4)))
DENY_ALL = policy(f"deny-all-{LONG}.{LONG}", "{podSelector: {}, policyTypes: [Ingress, Egress], egress: [{}]}")
ONLY_IPV4 = policy("only-ipv4", f"{{{BACKEND}, ingress: [{{from: [{{ipBlock: {{cidr: 192.0.2.0/24}}}}]}}]}}")
MANIFESTS = EXAMPLE + SHORTCUT + DENY_ALL + ONLY_IPV4


def listed(lab, view, *words):
    return lab.exec("node", PENSTOCK, "list", view, *words).stdout


def rows(lab, view):
    return json.loads(listed(lab, view, "-o", "json"))


def test_nothing_installed_is_said(lab):
    lab.up(EXAMPLE)
    assert listed(lab, "policies") == "No policies.\n"
    assert rows(lab, "pods") == []


def test_views(lab):
    lab.up(MANIFESTS)
    lab.apply(MANIFESTS)
    lab.probe(MANIFESTS)

    policies = {(row["policy"], row["rule"]): row["packets"] for row in rows(lab, "policies")}
    deny_all = f"default/deny-all-{LONG}.{LONG}"
    assert set(policies) == {
        ("default/first", "ingress[0]"), ("default/second", "ingress[0]"), ("default/third", "ingress[0]"),
        ("default/fourth", "ingress[0]"), ("default/only-ipv4", "ingress[0]"),
        (deny_all, "ingress (allows nothing)"), (deny_all, "egress[0]")}
    assert policies["default/third", "ingress[0]"] == 2  # IPv4 and IPv6, by the shortcut
    assert policies[deny_all, "egress[0]"] > 0
    assert policies[deny_all, "ingress (allows nothing)"] == 0

    pods = rows(lab, "pods")
    assert {(row["pod"], row["direction"]) for row in pods} == {
        (f"default/{name}", direction)
        for name in ("frontend", "backend", "other") for direction in ("ingress", "egress")}
    backend = [row for row in pods if row["pod"] == "default/backend" and row["direction"] == "ingress"]
    assert {row["address"] for row in backend} == {"10.244.0.3", "fd00:10:244::3"}
    assert all(row["packets"] > row["deniedByChain"] > 0 for row in backend)

    chains = {(row["chain"], row["family"]): row for row in rows(lab, "chains")}
    assert chains["PENSTOCK-DENY", "IPv4"]["packets"] > 0
    sets = {row["set"]: row for row in rows(lab, "sets")}
    assert sets["penstock-isolated-4"]["entries"] == 3
    assert all(row["rules"] > 0 for row in sets.values())

    for view in ("policies", "pods", "chains", "sets"):
        lines = listed(lab, view).splitlines()
        assert len(lines) == 1 + len(rows(lab, view))
        assert all(len(line) <= 100 for line in lines)
