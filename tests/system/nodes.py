"""A node for tests of apply: a network namespace with rules of its own, and the tools to look at them.

    def test_something(node):
        node.apply(manifests)
        assert node.apply(manifests).stdout == …

Manifests are lists of objects; node.apply() gives them to penstock on standard input.
"""

import fcntl
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess

PENSTOCK = os.environ["PENSTOCK"]
SOURCE = pathlib.Path(__file__).resolve().parents[2]
DATA = SOURCE / "tests/data"
FLAVOURS = ["nft", "legacy"]
TOOLS = ["ipset", "iptables"] + [
    f"{family}-{flavour}{end}"
    for family in ["iptables", "ip6tables"]
    for flavour in FLAVOURS
    for end in ["", "-save", "-restore"]
]

numbers = itertools.count(1)


class Node:
    def __init__(self, flavour):
        self.name = f"penstock-apply-{os.getpid()}-{next(numbers)}"
        self.flavour = flavour
        self.namespaces = [self.name]
        subprocess.run(["ip", "netns", "add", self.name], check=True)

    def done(self):
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "del", name], check=True)

    def add_pod(self, name, *addresses):
        """A namespace NODE.NAME behind this one, with these addresses and a route to everywhere."""
        inside = f"{self.name}.{name}"
        subprocess.run(["ip", "netns", "add", inside], check=True)
        self.namespaces.append(inside)
        outer = [f"link add {name} type veth peer name eth0 netns {inside}", f"link set {name} up"]
        inner = ["link set lo up", "link set eth0 up"]
        for address in addresses:
            gateway, bits = ("fe80::1", 128) if ":" in address else ("169.254.1.1", 32)
            nodad = " nodad" if ":" in address else ""
            outer.append(f"address add {gateway}/{64 if nodad else 32} dev {name}{nodad}")
            outer.append(f"route add {address} dev {name}")
            inner.append(f"address add {address}/{bits} dev eth0{nodad}")
            inner += [] if nodad else [f"route add {gateway} dev eth0"]
            inner.append(f"route add default via {gateway} dev eth0")
        self.run("ip", "-batch", "-", stdin="\n".join(outer))
        words = ["ip", "-n", inside, "-batch", "-"]
        subprocess.run(words, input="\n".join(inner), text=True, check=True)
        settings = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
        self.run("sysctl", "-q", "-w", *settings)

    def command(self, *words):
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words, stdin="", status=0, env=None):
        """status: what the exit status must be; None for whatever."""
        done = subprocess.run(
            self.command(*words),
            input=stdin,
            capture_output=True,
            text=True,
            env={**os.environ, **(env or {})},
        )
        print(f"$ {' '.join(words)}\n{done.stdout[-4000:]}{done.stderr}[{done.returncode}]")
        if status is not None:
            assert done.returncode == status, done.stderr or done.stdout[-2000:]
        return done

    def penstock(self, *words, **more):
        return self.run(PENSTOCK, *words, **more)

    def apply(self, manifests, *words, flavour=None, **more):
        text = manifests if isinstance(manifests, str) else manifest_text(manifests)
        backend = f"iptables-{flavour or self.flavour}"
        words = ["apply", "-f", "-", "--node", "here", "--backend", backend, *words]
        return self.penstock(*words, stdin=text, **more)

    def iptables(self, *words, family="iptables", **more):
        return self.run(f"{family}-{self.flavour}", *words, **more)

    def restore(self, text, family="iptables", flavour=None, **more):
        tool = f"{family}-{flavour or self.flavour}-restore"
        return self.run(tool, "--noflush", "--counters", stdin=text, **more)

    def save(self, family="iptables", flavour=None):
        """All tables with counters, without the lines that are for people. What legacy does not have
        is not loaded by asking. Any change by any program makes iptables-legacy forget how many
        packets the policies of built-in chains decided: these counters are left out."""
        flavour = flavour or self.flavour
        text = self.run(f"{family}-{flavour}-save", "-c").stdout
        if flavour == "legacy":
            text = re.sub(r"^(:\S+ [A-Z]+) \[.*\]$", r"\1", text, flags=re.MULTILINE)
        return [line for line in text.splitlines() if not line.startswith("#")]

    def load_others(self):
        """kube-proxy's, another policy engine's and Docker's rules, with counters as of use. Rules with
        matches that this kernel lacks are left out."""
        self.run("ipset", "restore", stdin=(DATA / "kube-router.ipset").read_text())
        for name, family in [("v4", "iptables"), ("v6", "ip6tables")]:
            text = (DATA / f"kube-proxy+kube-router.{name}.save").read_text()
            lines = [line for line in text.splitlines() if "nfacct" not in line]
            self.restore("\n".join(lines) + "\n", family)
        self.restore((DATA / "docker.v4.save").read_text())

    def sets(self):
        """{name: ["create …", "add …", …]}, elements sorted, without what the kernel chooses."""
        sets = {}
        for line in self.run("ipset", "save").stdout.splitlines():
            line = re.sub(r" (hashsize|bucketsize|initval) \S+", "", line)
            sets.setdefault(line.split()[1], []).append(line)
        return {name: [lines[0], *sorted(lines[1:])] for name, lines in sorted(sets.items())}

    def wait_for_tools(self):
        """Of a penstock that was killed: they hold its lock until they are done, and what is read
        before is torn."""
        with open(f"/run/netns/{self.name}") as namespace:
            fcntl.flock(namespace, fcntl.LOCK_EX)

    def state(self):
        """Everything that apply could change, counters included."""
        saves = {
            f"{family} {flavour}": self.save(family, flavour)
            for family in ["iptables", "ip6tables"]
            for flavour in FLAVOURS
        }
        return {**saves, "sets": self.sets()}


def manifest_text(objects):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def pod(name, *ips, node="here", namespace="default", **labels):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": node, "containers": [{"name": "main", "image": "none"}]},
        "status": {"phase": "Running", "podIPs": [{"ip": ip} for ip in ips]},
    }


def policy(name, subject, ingress=None, egress=None, namespace="default"):
    rules = {"ingress": ingress, "egress": egress}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "podSelector": {"matchLabels": subject},
            "policyTypes": [key.capitalize() for key in rules if rules[key] is not None],
            **{key: value for key, value in rules.items() if value is not None},
        },
    }


def pods(**labels):
    return {"podSelector": {"matchLabels": labels}}


def block(cidr, *excepts):
    return {"ipBlock": {"cidr": cidr, "except": list(excepts)}}


def tcp(*ports):
    return [{"protocol": "TCP", "port": port} for port in ports]


def foreign(lines):
    """What is not penstock's of a save."""
    return [line for line in lines if "PENSTOCK-" not in line]


def own(lines):
    return [line for line in lines if "PENSTOCK-" in line]


class Saboteur:
    """Tools in a directory before the real ones. Each writes down that it was run; the run that
    `at` is a pattern of ("iptables-nft-save 2") goes wrong, as FAULT says:

    fail    refuses, with nothing done          kill     does its work, is then killed
    garble  writes half of what it would        murder   kills penstock, then does its work
    linger  kills penstock, and does its work when something is written to the fifo `go`
    meddle  does its work while somebody else adds a chain
    edit    writes what it would after sed had it
    race    does its work after somebody else ran the command EDIT
    """

    SCRIPT = """#!/bin/sh
echo "{name}" >>"{log}"
count=$(grep -cx "{name}" "{log}")
case "{name} $count" in $FAULT_AT) ;; *) exec "{tool}" "$@" ;; esac
case $FAULT in
fail) echo "{name}: sabotaged" >&2; exit 4 ;;
kill) "{tool}" "$@"; kill -KILL $$ ;;
garble) "{tool}" "$@" >"{log}.out"; head -c $(($(wc -c <"{log}.out") / 2)) "{log}.out" ;;
meddle) iptables-nft -N MEDDLER-$$; exec "{tool}" "$@" ;;
edit) "{tool}" "$@" | sed -E "$FAULT_EDIT" ;;
race) sh -c "$FAULT_EDIT" >/dev/null; exec "{tool}" "$@" ;;
murder) kill -KILL $PPID; exec "{tool}" "$@" ;;
linger) kill -KILL $PPID; read -r line <"{go}"; exec "{tool}" "$@" ;;
esac
"""

    def __init__(self, directory, missing=()):
        self.directory = directory
        self.log = directory / "log"
        self.go = directory / "go"
        os.mkfifo(self.go)
        for name in TOOLS:
            if name in missing:
                continue
            tool = shutil.which(name)
            path = directory / name
            path.write_text(self.SCRIPT.format(name=name, log=self.log, go=self.go, tool=tool))
            path.chmod(0o755)
        for name in ["sh", "ip", "grep", "head", "wc", "sed"]:
            (directory / name).symlink_to(shutil.which(name))

    def env(self, fault="", at="", edit=""):
        self.log.write_text("")
        return {"PATH": str(self.directory), "FAULT": fault, "FAULT_AT": at, "FAULT_EDIT": edit}

    def runs(self):
        """The runs so far: "ipset 1", "iptables-nft-restore 1", …"""
        seen, runs = {}, []
        for name in self.log.read_text().split():
            seen[name] = seen.get(name, 0) + 1
            runs.append(f"{name} {seen[name]}")
        return sorted(runs)
