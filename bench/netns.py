"""Namespaces of the bench's own: a client, a node and a server for each ruleset that is measured.

enter() moves the whole bench into a mount and a network namespace of its own, with a /run that nobody
else sees. What `ip netns add` makes lives there, and ends with the bench's last process, however it ends.
"""

import contextlib
import ctypes
import os
import subprocess
import sys

MARK = "PENSTOCK_BENCH_ENTERED"


def enter():
    if os.geteuid() != 0:
        sys.exit("the bench makes network namespaces and wants root")
    if MARK not in os.environ:
        os.environ[MARK] = "1"
        arguments = ["unshare", "--mount", "--net", sys.executable, *sys.argv]
        os.execvp(arguments[0], arguments)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    os.mkdir("/run/netns")


def feed(command, text, namespace=None):
    """Runs a command on a text, in a namespace if one is named; ends the bench if it fails."""
    if namespace:
        command = ["ip", "netns", "exec", namespace, *command]
    done = subprocess.run(command, input=text.encode(), capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.decode().strip()}")
    return done.stdout.decode()


def ip(namespace, lines):
    feed(["ip", *(["-n", namespace] if namespace else []), "-b", "-"], "\n".join(lines) + "\n")


def add(name):
    ip(None, [f"netns add {name}"])
    ip(name, ["link set lo up"])


def remove(name):
    ip(None, [f"netns del {name}"])


libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def here():
    return os.open("/proc/self/ns/net", os.O_RDONLY)


def new():
    """The descriptor of an empty network namespace, which ends when it is closed."""
    before = here()
    if libc.unshare(CLONE_NEWNET) != 0:
        sys.exit(f"making a network namespace: {os.strerror(ctypes.get_errno())}")
    made = here()
    libc.setns(before, CLONE_NEWNET)
    os.close(before)
    return made


@contextlib.contextmanager
def inside(descriptor):
    before = here()
    try:
        libc.setns(descriptor, CLONE_NEWNET)
        yield
    finally:
        libc.setns(before, CLONE_NEWNET)
        os.close(before)


@contextlib.contextmanager
def fresh():
    """What runs inside is in an empty network namespace, which ends with it."""
    made = new()
    try:
        with inside(made):
            yield
    finally:
        os.close(made)


def sysctl(namespace, **settings):
    lines = [f"echo {value} >/proc/sys/{key.replace('__', '/')}" for key, value in settings.items()]
    feed(["sh", "-e"], "\n".join(lines) + "\n", namespace)


def add_path(name, pods, clients):
    """NAME-client ── NAME ── NAME-server: clients' addresses on one side, pods' on the other.

    Neighbours are entered by hand and IPv6 is off, so that nothing but the measured packets moves.
    """
    client, server = f"{name}-client", f"{name}-server"
    for namespace in (client, name, server):
        add(namespace)
        sysctl(namespace, net__ipv6__conf__all__disable_ipv6=1, net__ipv6__conf__default__disable_ipv6=1,
               net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__default__rp_filter=0)
    ip(client, ["link add uplink address 02:00:00:00:00:01 type veth "
                f"peer name clients address 02:00:00:00:00:02 netns {name}"])
    ip(server, ["link add uplink address 02:00:00:00:00:04 type veth "
                f"peer name pods address 02:00:00:00:00:03 netns {name}"])
    ip(client, ["link set uplink up", "address add 10.254.0.1/30 dev uplink",
                "neighbour add 10.254.0.2 lladdr 02:00:00:00:00:02 dev uplink nud permanent",
                "route add default via 10.254.0.2"])
    ip(name, ["link set clients up", "address add 10.254.0.2/30 dev clients",
              "link set pods up", "address add 10.254.0.5/30 dev pods",
              "neighbour add 10.254.0.1 lladdr 02:00:00:00:00:01 dev clients nud permanent",
              "neighbour add 10.254.0.6 lladdr 02:00:00:00:00:04 dev pods nud permanent",
              f"route add {clients} via 10.254.0.1", f"route add {pods} via 10.254.0.6"])
    ip(server, ["link set uplink up", "address add 10.254.0.6/30 dev uplink",
                "neighbour add 10.254.0.5 lladdr 02:00:00:00:00:03 dev uplink nud permanent",
                f"route add local {pods} dev lo", "route add default via 10.254.0.5"])
    sysctl(name, net__ipv4__ip_forward=1, net__ipv4__conf__clients__rp_filter=0,
           net__ipv4__conf__pods__rp_filter=0)
