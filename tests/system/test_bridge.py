"""Two pods behind one bridge: the policies hold only where bridged packets pass iptables."""

import os
import socket
import subprocess

import pytest
from labs import NETNS, PENSTOCK
from sockets import Connection, Server, SILENCE, make, netns

ADDRESSES = {"IPv4": ("10.9.0.2", "10.9.0.3"), "IPv6": ("fd09::2", "fd09::3")}
LINK_LOCAL = ("fe80::a", "fe80::b")
SETTINGS = {"IPv4": "net.bridge.bridge-nf-call-iptables", "IPv6": "net.bridge.bridge-nf-call-ip6tables"}
NODE, POD_A, POD_B = (f"penstock-bridge-{os.getpid()}-{who}" for who in ("node", "a", "b"))

PODS = "".join(
    f"""---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: default, labels: {{app: {name}}}}}
spec: {{nodeName: node-1, containers: [{{name: main}}]}}
status: {{phase: Running, podIPs: [{{ip: {ADDRESSES["IPv4"][i]}}}, {{ip: "{ADDRESSES["IPv6"][i]}"}}]}}
"""
    for i, name in enumerate("ab")
)
DENY_B = """---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny-b, namespace: default}
spec: {podSelector: {matchLabels: {app: b}}, policyTypes: [Ingress]}
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def setting(family, value=None):
    """In the node's namespace: /proc/sys/net is the reader's own."""
    path = "/proc/sys/" + SETTINGS[family].replace(".", "/")
    command = f"cat {path}" if value is None else f"echo {value} >{path}"
    done = subprocess.run(
        ["ip", "netns", "exec", NODE, "sh", "-c", command], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def bridge():
    made = []
    try:
        for name in (NODE, POD_A, POD_B):
            ip("netns", "add", name)
            made.append(name)
        ip("-n", NODE, "link", "add", "br0", "up", "type", "bridge")
        ip("-n", NODE, "address", "add", "10.9.0.1/24", "dev", "br0")
        ip("-n", NODE, "address", "add", "fd09::1/64", "dev", "br0", "nodad")
        for i, pod in enumerate((POD_A, POD_B)):
            ip("-n", NODE, "link", "add", f"pod{i}", "type", "veth", "peer", "name", "eth0", "netns", pod)
            ip("-n", NODE, "link", "set", f"pod{i}", "master", "br0", "up")
            ip("-n", pod, "link", "set", "eth0", "up")
            ip("-n", pod, "address", "add", ADDRESSES["IPv4"][i] + "/24", "dev", "eth0")
            ip("-n", pod, "address", "add", ADDRESSES["IPv6"][i] + "/64", "dev", "eth0", "nodad")
            ip("-n", pod, "address", "add", LINK_LOCAL[i] + "/64", "dev", "eth0", "nodad")
        for family in SETTINGS:
            setting(family, 0)
        yield
    finally:
        for name in made:
            ip("netns", "delete", name)


def apply(*words, before="", manifests=PODS + DENY_B):
    command = f'{before} exec "$0" apply -f - --node node-1 "$@"'
    done = subprocess.run(
        ["ip", "netns", "exec", NODE, "sh", "-c", command, PENSTOCK, *words],
        input=manifests, capture_output=True, text=True,
    )  # fmt: skip
    print(done.stdout, done.stderr)
    return done


def reaches(family, server):
    client = make(NETNS / POD_A, "TCP", server)
    client.settimeout(SILENCE)
    with netns(NETNS / POD_A):
        link = socket.if_nametoindex("eth0")
    try:
        client.connect((server, 8080, 0, link) if server in LINK_LOCAL else (server, 8080))
        return True
    except TimeoutError:
        return False
    finally:
        client.close()


@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
def test_policies_hold_behind_a_bridge(bridge, family):
    address = ADDRESSES[family][1]
    server = Server(NETNS / POD_B, "TCP", address, 8080)
    connection = Connection(NETNS / POD_A, server, address, 8080)
    assert connection.lives()

    done = apply()
    assert done.returncode == 0
    assert f"+ {SETTINGS[family]} = 1 (pods behind bridge br0)\n" in done.stdout
    assert setting(family) == "1"
    assert not reaches(family, address)
    assert not connection.to_server()

    done = apply()
    assert done.returncode == 0
    assert SETTINGS[family] not in done.stdout

    # It is the setting that makes the difference.
    setting(family, 0)
    assert reaches(family, address)
    connection.close()
    server.close()


def test_a_dry_run_says_so_and_leaves_it(bridge):
    done = apply("--dry-run")
    assert done.returncode == 0
    assert f"+ {SETTINGS['IPv4']} = 1 (pods behind bridge br0)\n" in done.stdout
    assert setting("IPv4") == "0"


def test_without_policies_there_is_nothing_to_hold(bridge):
    assert apply(manifests=PODS).returncode == 0
    assert setting("IPv4") == "0"


def test_a_kernel_that_cannot_is_trouble_and_said(bridge):
    hide = "mount --make-rprivate /proc && mount -t tmpfs none /proc/sys/net/bridge &&"
    done = apply(before=hide)
    assert done.returncode == 3
    assert (
        "penstock apply: node node-1: the rules are in force, but do not protect all pods: pods behind bridge br0"
        f" reach each other past iptables: this kernel has no {SETTINGS['IPv4']}; load br_netfilter" in done.stderr
    )
    assert "node node-1: unchanged" in apply().stdout


@pytest.mark.parametrize("families", ["both", "IPv4"])
def test_link_local_addresses_lead_past_no_policy(bridge, families):
    """Every pod has one, though the cluster gave it none."""
    pods = PODS if families == "both" else PODS.replace(', {ip: "fd09::2"}', "").replace(', {ip: "fd09::3"}', "")
    server = Server(NETNS / POD_B, "TCP", "::", 8080)
    try:
        assert apply(manifests=pods).returncode == 0
        assert reaches("IPv6", LINK_LOCAL[1])
        done = apply(manifests=pods + DENY_B)
        assert done.returncode == 0
        assert f"+ {SETTINGS['IPv6']} = 1 (pods behind bridge br0)\n" in done.stdout
        assert not reaches("IPv6", LINK_LOCAL[1])
    finally:
        server.close()


def hears(server, destination):
    """Does pod b hear what pod a says to many?"""
    client = make(NETNS / POD_A, "UDP", destination)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    with netns(NETNS / POD_A):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0\0")
    client.bind((ADDRESSES["IPv6" if ":" in destination else "IPv4"][0], 0))
    client.sendto(b"all", (destination, 8080))
    client.close()
    server.socket.settimeout(SILENCE)
    try:
        return server.socket.recv(100) == b"all"
    except TimeoutError:
        return False


@pytest.mark.parametrize("destination", ["10.9.0.255", "255.255.255.255", "224.0.0.1", "ff02::1"])
def test_what_is_sent_to_many_leads_past_no_policy(bridge, destination):
    for family in SETTINGS:
        setting(family, 1)
    server = Server(NETNS / POD_B, "UDP", "::" if ":" in destination else "0.0.0.0", 8080)
    try:
        assert apply(manifests=PODS).returncode == 0
        assert hears(server, destination)
        assert apply().returncode == 0
        assert not hears(server, destination)
    finally:
        server.close()


def verify(*words):
    done = subprocess.run(
        ["ip", "netns", "exec", NODE, PENSTOCK, "verify", "-f", "-", "--node", "node-1", *words],
        input=PODS + DENY_B, capture_output=True, text=True,
    )  # fmt: skip
    print(done.stdout, done.stderr)
    return done


def test_verify_sees_what_no_rule_sees(bridge):
    assert apply().returncode == 0
    assert verify().returncode == 0
    setting("IPv4", 0)
    done = verify()
    assert done.returncode == 1
    assert f"OPEN     pods behind bridge br0 reach each other past all rules: {SETTINGS['IPv4']} is 0" in done.stdout
    assert verify("--repair").returncode == 0 and setting("IPv4") == "1"
