"""Connections that a change of policy no longer allows are cut; the others don't notice."""

import contextlib
import pathlib
import socket
import subprocess

import pytest
from labs import NETNS, PENSTOCK, SOURCE
from sockets import SILENCE, Connection, Server, netns

PODS = (SOURCE / "examples/frontend-backend/pods.yaml").read_text()
KEEP = pathlib.Path(PENSTOCK).parents[2] / "tests/keep"
FRONTEND = {"IPv4": "10.244.0.2", "IPv6": "fd00:10:244::2"}
BACKEND = {"IPv4": "10.244.0.3", "IPv6": "fd00:10:244::3"}
NODE = {"IPv4": "172.30.0.1", "IPv6": "fd00:172:30::1"}
SERVICE = {"IPv4": "10.96.0.1", "IPv6": "fd00:10:96::1"}
FAMILIES = ["IPv4", "IPv6"]
EXPERIMENTAL = 253  # RFC 3692: a protocol number that nobody uses
PAYLOAD = b"experiment"


def policy(spec, name="p"):
    return f"""---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}, namespace: default}}
spec: {{{spec}}}
"""


BACKEND_FROM_FRONTEND = policy(
    "podSelector: {matchLabels: {app: backend}},"
    " ingress: [{from: [{podSelector: {matchLabels: {app: frontend}}}]}]"
)
DENY_ALL = policy("podSelector: {}, policyTypes: [Ingress, Egress]")


@pytest.fixture
def wired(lab):
    """The lab, with rules so that conntrack is at work; sockets are closed before it goes."""
    lab.up(PODS)
    lab.apply(PODS)
    with contextlib.ExitStack() as stack:
        yield Wired(lab, stack)


class Wired:
    def __init__(self, lab, stack):
        self.lab = lab
        self.stack = stack

    def path(self, who):
        return NETNS / f"penstock-{self.lab.name}.{who}"

    def server(self, who, protocol, address, port=8080):
        return self.stack.enter_context(contextlib.closing(Server(self.path(who), protocol, address, port)))

    def connect(self, who, server, address, port=8080):
        return self.stack.enter_context(contextlib.closing(Connection(self.path(who), server, address, port)))

    def raw(self, who, family):
        with netns(self.path(who)):
            kind = socket.AF_INET6 if family == "IPv6" else socket.AF_INET
            made = socket.socket(kind, socket.SOCK_RAW, EXPERIMENTAL)
        made.settimeout(SILENCE)
        return self.stack.enter_context(contextlib.closing(made))

    def apply(self, policies, *words):
        return self.lab.apply(PODS + policies, *words).stdout

    def in_node(self, *command):
        subprocess.run(["nsenter", f"--net={self.path('node.node-1')}", *command], check=True)


def arrives_raw(end):
    try:
        return end.recv(100).endswith(PAYLOAD)
    except TimeoutError:
        return False


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
@pytest.mark.parametrize("family", FAMILIES)
def test_denied_is_cut_and_allowed_lives_on(wired, family, protocol):
    address = BACKEND[family]
    server = wired.server("pod.default.backend", protocol, address)
    allowed = wired.connect("pod.default.frontend", server, address)
    denied = wired.connect("pod.default.other", server, address)

    assert "; cut 1 connection\n" in wired.apply(BACKEND_FROM_FRONTEND)
    assert not denied.to_server()
    assert allowed.lives()

    assert "cut" not in wired.apply(BACKEND_FROM_FRONTEND)
    assert allowed.lives()
    assert not denied.to_server()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_server_does_not_revive_a_cut_tcp_connection(wired, family):
    address = BACKEND[family]
    server = wired.server("pod.default.backend", "TCP", address)
    denied = wired.connect("pod.default.other", server, address)
    wired.apply(BACKEND_FROM_FRONTEND)
    assert not denied.to_client()
    assert not denied.to_server()


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_udp_server_sends_by_itself_is_its_own_flow(wired, family):
    """Allowed by policy as such, with the client's answers; denied where its egress is."""
    address = BACKEND[family]
    server = wired.server("pod.default.backend", "UDP", address)
    denied = wired.connect("pod.default.other", server, address)
    wired.apply(BACKEND_FROM_FRONTEND)
    assert not denied.to_server()
    assert denied.to_client()
    assert denied.to_server()

    egress = policy("podSelector: {matchLabels: {app: backend}}, policyTypes: [Egress]", "q")
    assert "; cut 1 connection\n" in wired.apply(BACKEND_FROM_FRONTEND + egress)
    assert not denied.to_client()
    assert not denied.to_server()


def add_service(wired, family):
    """Port 80 of it is the backend's port 8080, as kube-proxy would have it."""
    tool = "iptables-nft" if family == "IPv4" else "ip6tables-nft"
    target = f"[{BACKEND[family]}]:8080" if family == "IPv6" else f"{BACKEND[family]}:8080"
    wired.in_node(
        tool, "-t", "nat", "-A", "PREROUTING", "-d", SERVICE[family], "-p", "tcp", "--dport", "80",
        "-j", "DNAT", "--to-destination", target,
    )  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_a_service_is_judged_by_the_pod_behind_it(wired, family):
    add_service(wired, family)
    server = wired.server("pod.default.backend", "TCP", BACKEND[family])
    service = wired.connect("pod.default.other", server, SERVICE[family], 80)

    port = policy("podSelector: {matchLabels: {app: backend}}, ingress: [{ports: [{port: 8080}]}]")
    assert "cut" not in wired.apply(port)
    assert service.lives()

    port = policy("podSelector: {matchLabels: {app: backend}}, ingress: [{ports: [{port: 80}]}]")
    assert "; cut 1 connection\n" in wired.apply(port)
    assert not service.to_server()
    assert not service.to_client()


@pytest.mark.parametrize("family", FAMILIES)
def test_only_connections_of_asked_addresses_are_cut(wired, family):
    """Whoever opened them, and by whatever address of a service."""
    add_service(wired, family)
    backend = wired.server("pod.default.backend", "TCP", BACKEND[family])
    frontend = wired.server("pod.default.frontend", "TCP", FRONTEND[family])
    wired.connect("pod.default.frontend", backend, BACKEND[family])
    wired.connect("pod.default.other", backend, SERVICE[family], 80)
    wired.connect("pod.default.backend", frontend, FRONTEND[family])
    elsewhere = wired.connect("pod.default.other", frontend, FRONTEND[family])

    def cut(*addresses):
        command = ["nsenter", f"--net={wired.path('node.node-1')}", KEEP, "nft", "node-1"]
        done = subprocess.run(command, input=f"cut {' '.join(addresses)}\n", capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert cut(SERVICE[family]) == 0
    assert cut("10.244.77.1", BACKEND[family], "fd00:77::1") == 3
    assert cut(BACKEND[family]) == 0
    assert elsewhere.lives()
    assert cut(FRONTEND[family]) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_node_and_pod_are_never_cut_off(wired, family):
    of_pod = wired.server("pod.default.backend", "TCP", BACKEND[family])
    of_node = wired.server("node.node-1", "TCP", NODE[family])
    from_node = wired.connect("node.node-1", of_pod, BACKEND[family])
    to_node = wired.connect("pod.default.backend", of_node, NODE[family])
    assert "cut" not in wired.apply(DENY_ALL)
    assert from_node.lives()
    assert to_node.lives()

    assert "; cut 1 connection\n" in wired.apply(DENY_ALL, "--own-node-egress", "Policy")
    assert from_node.lives()
    assert not to_node.to_server()
    assert not to_node.to_client()  # what the node sends does not revive it
    assert not to_node.to_server()


@pytest.mark.parametrize("family", FAMILIES)
def test_protocols_without_ports_are_cut_too(wired, family):
    """Conntrack knows them by their two addresses: nothing but cutting would ever end one."""
    frontend, other = wired.raw("pod.default.frontend", family), wired.raw("pod.default.other", family)
    backend = wired.raw("pod.default.backend", family)
    address = (BACKEND[family], 0)

    def passes(client):
        client.sendto(PAYLOAD, address)
        return arrives_raw(backend)

    def answers(client):
        backend.sendto(PAYLOAD, (client.getsockname()[0], 0))
        return arrives_raw(client)

    for client in frontend, other:
        client.connect(address)
        assert passes(client) and answers(client)
    assert "; cut 1 connection\n" in wired.apply(BACKEND_FROM_FRONTEND)
    assert passes(frontend)
    assert not passes(other)


def test_a_node_cuts_only_what_it_judges(new_lab):
    """Another node's pod gets its connections from this node's address: that is what its policy sees."""
    pods = "".join(
        f"---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: default, labels: {{app: {name}}}}}\n"
        f"spec: {{nodeName: node-{number}, containers: [{{name: main}}]}}\n"
        f"status: {{podIPs: [{{ip: 10.244.{number}.2}}]}}\n"
        for number, name in enumerate(["client", "server"], start=1)
    )
    lab = new_lab()
    lab.up(pods)
    lab.apply(pods)
    path = lambda who: NETNS / f"penstock-{lab.name}.{who}"
    rule = ["iptables-nft", "-t", "nat", "-A", "POSTROUTING", "-d", "10.244.2.2", "-j", "MASQUERADE"]
    subprocess.run(["nsenter", f"--net={path('node.node-1')}", *rule], check=True)
    with contextlib.closing(Server(path("pod.default.server"), "TCP", "10.244.2.2", 8080)) as server:
        with contextlib.closing(Connection(path("pod.default.client"), server, "10.244.2.2", 8080)) as connection:
            node = connection.server.getpeername()[0]
            assert not node.startswith("10.244.")
            from_node = policy(f"podSelector: {{}}, policyTypes: [Ingress], ingress: [{{from: [{{ipBlock: {{cidr: {node}/32}}}}]}}]")
            assert "cut" not in lab.apply(pods + from_node).stdout
            assert connection.lives()
            closed = policy("podSelector: {matchLabels: {app: server}}, policyTypes: [Ingress]")
            assert "; cut 1 connection\n" in lab.apply(pods + closed).stdout
            assert not connection.to_server()
