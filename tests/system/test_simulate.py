"""The simulation against the kernel: random rules of every match and target in a node that forwards
between two links and is talked to itself, random packets, and for each what came of it and what every
rule has counted."""

import collections
import dataclasses
import ipaddress
import itertools
import os
import pathlib
import random
import re
import socket
import subprocess

import pytest
import sockets
import wire
from nodes import FLAVOURS, PENSTOCK
from random_rules import RandomRules
from wire import ACK, FIN, HAS_PORTS, ICMP, ICMPV6, PSH, RST, SCTP, SYN, TCP, UDP, URG, Packet

SIMULATE = pathlib.Path(PENSTOCK).parents[2] / "tests/simulate/simulate"
SEED = int(os.environ.get("PENSTOCK_SEED", "1"))
RULESETS = int(os.environ.get("PENSTOCK_RULESETS", "15"))
PACKETS = 60  # through each

MAGIC = b"penstock"
SENTINEL = 0x88B5  # an EtherType for experiments
SENT = 0x100000  # the mark of what the node sends
OUTGOING = 4  # PACKET_OUTGOING: what a socket hears of its own
TABLES = ["raw", "mangle", "nat", "filter", "security"]
STATES = {"INVALID": 1, "NEW": 2, "ESTABLISHED": 4, "RELATED": 8, "UNTRACKED": 16}
MACS = {"left": ("02:00:00:00:00:01", "02:00:00:00:00:02"), "right": ("02:00:00:00:00:04", "02:00:00:00:00:03")}


class Net:
    """The addresses: what is on the links, and the node's own."""

    def hosts(self, family):
        nets = {4: "10.{}.0.{}", 6: "fd0{}::{}"}
        return [nets[family].format(link, host) for link in (1, 2) for host in (2, 3, 9)]

    def own(self, family):
        return {4: ["10.1.0.1", "10.2.0.1"], 6: ["fd01::1", "fd02::1"]}[family]

    def side(self, address):
        number = ipaddress.ip_address(address)
        return "left" if number in ipaddress.ip_network("10.1.0.0/16" if number.version == 4 else "fd01::/64") else "right"

    def number(self, address):
        return int(ipaddress.ip_address(address))


NET = Net()


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


class Router:
    """A node between two links whose other ends are written and read by hand. Those ends' kernels have no
    address and never answer. Nor does the node's own: what it makes itself finds no route, because
    routes are for what comes in by a link."""

    def __init__(self, flavour):
        self.flavour = flavour
        self.name = f"penstock-simulate-{os.getpid()}-{flavour}"
        self.names = {"node": self.name, "left": f"{self.name}.left", "right": f"{self.name}.right"}
        self.ends, self.taps, self.listeners, self.senders = {}, {}, [], {}
        for name in self.names.values():
            subprocess.run(["ip", "netns", "add", name], check=True)

    def start(self):
        self.set_up()
        for link in MACS:
            self.ends[link] = self.tap(self.names[link], link)
            self.taps[link] = self.tap(self.name, link)
        self.listeners = [self.listener(family, protocol) for family, protocol in self.protocols()]
        self.senders = {family: self.sender(family) for family in (4, 6)}

    def protocols(self):
        for protocol in (TCP, UDP, SCTP):
            yield from ((socket.AF_INET, protocol), (socket.AF_INET6, protocol))
        yield from ((socket.AF_INET, ICMP), (socket.AF_INET6, ICMPV6))

    def done(self):
        for sock in [*self.ends.values(), *self.taps.values(), *self.listeners, *self.senders.values()]:
            sock.close()
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], check=True)

    def run(self, *words, stdin=None, namespace=None):
        command = ["ip", "netns", "exec", namespace or self.name, *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}\n{stdin or ''}"
        return done.stdout

    def set_up(self):
        settings = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
        for link in ["all", "default"]:
            settings += [f"net.ipv4.conf.{link}.rp_filter=0", f"net.ipv4.conf.{link}.send_redirects=0"]
            settings += [f"net.ipv6.conf.{link}.accept_ra=0", f"net.ipv6.conf.{link}.addr_gen_mode=1"]
        settings += ["net.ipv4.icmp_echo_ignore_all=1", "net.ipv6.icmp.echo_ignore_all=1"]
        self.run("sysctl", "-q", "-w", *settings)
        # What the node sends for the test has a mark by which it is routed, and that rules leave.
        by_mark = f"rule add fwmark {SENT}/{SENT} lookup 100"
        lines = ["link set lo up", by_mark, f"-6 {by_mark}"]
        for number, (link, (far, near)) in enumerate(MACS.items(), 1):
            lines += [
                f"link add {link} address {near} type veth peer name {link} address {far} netns {self.names[link]}",
                f"link set {link} up",
                f"address add 10.{number}.0.1/32 dev {link}",
                f"address add fd0{number}::1/128 dev {link} nodad",
                f"neighbour add 10.9.{number}.2 lladdr {far} dev {link} nud permanent",
                f"neighbour add fd09::{number} lladdr {far} dev {link} nud permanent",
                f"route add 10.{number}.0.0/16 via 10.9.{number}.2 dev {link} onlink table 100",
                f"route add fd0{number}::/64 via fd09::{number} dev {link} onlink table 100",
                f"route add broadcast 10.{number}.0.255 dev {link} table local",
                f"rule add iif {link} lookup 100",
                f"-6 rule add iif {link} lookup 100",
            ]
        for line in lines:
            self.run("ip", *line.split())
        for link in MACS:
            off = ["net.ipv6.conf.all.disable_ipv6=1"]
            self.run("sysctl", "-q", "-w", *off, namespace=self.names[link])
            self.run("ip", "link", "set", link, "up", "arp", "off", namespace=self.names[link])
        # Or conntrack would look at nothing before the first rule asks for it.
        keep = "table inet keep { chain keep { type filter hook prerouting priority -500; ct state new; }; }"
        self.run("nft", "-f", "-", stdin=keep)

    def tap(self, namespace, link):
        with sockets.netns(f"/run/netns/{namespace}"):
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            sock.bind((link, 3))
        sock.settimeout(10)
        return sock

    def listener(self, family, protocol):
        with sockets.netns(f"/run/netns/{self.name}"):
            sock = socket.socket(family, socket.SOCK_RAW, protocol)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        sock.setblocking(False)
        return sock

    def sender(self, family):
        with sockets.netns(f"/run/netns/{self.name}"):
            sock = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, SENT)
        return sock

    def send_from_node(self, packet, body):
        """What OUTPUT drops is an error to the sender."""
        try:
            self.senders[packet.version].sendto(packet.bytes(body), (packet.to, 0))
        except PermissionError:
            pass

    def send(self, link, packet, body, from_node=False):
        if from_node:
            self.send_from_node(packet, body)
            return
        far, near = MACS[link]
        kind = b"\x08\x00" if packet.version == 4 else b"\x86\xdd"
        self.ends[link].send(mac(near) + mac(far) + kind + packet.bytes(body))

    # What arrives

    def wait_for_sentinel(self, tap, arrived):
        """All that came before it, and it, in the order of the link."""
        while True:
            frame, address = tap.recvfrom(4096)
            kind = int.from_bytes(frame[12:14], "big")
            if address[2] == OUTGOING:
                continue
            if kind == SENTINEL:
                return
            if kind in (0x0800, 0x86DD):
                arrived.append(frame[14:])

    def settle(self):
        """{number of a packet: [(where, its bytes)]}: the packets that came out, once all are through. First the
        node has taken in what each link holds, then the links' other ends what it has sent."""
        mark = SENTINEL.to_bytes(2, "big") + bytes(50)
        arrived = collections.defaultdict(list)
        for link, (far, near) in MACS.items():
            self.ends[link].send(mac(near) + mac(far) + mark)
            self.wait_for_sentinel(self.taps[link], [])
        for link, (far, near) in MACS.items():
            frames = []
            self.taps[link].send(mac(far) + mac(near) + mark)
            self.wait_for_sentinel(self.ends[link], frames)
            for data in frames:
                self.note(arrived, link, data)
        for listener in self.listeners:
            while True:
                try:
                    data = listener.recv(4096)
                except BlockingIOError:
                    break
                whole = listener.family == socket.AF_INET  # of IPv6 they hear no header
                self.note(arrived, "node", data, whole)
        return arrived

    def note(self, arrived, where, data, whole=True):
        at = data.rfind(MAGIC)
        if at >= 0:
            number = int.from_bytes(data[at + len(MAGIC) : at + len(MAGIC) + 4], "big")
            arrived[number].append((where, data if whole else None))

    # Rules

    def tool(self, family, end):
        return f"{'iptables' if family == 4 else 'ip6tables'}-{self.flavour}-{end}"

    def clear(self, family):
        builtin = {
            "raw": ["PREROUTING", "OUTPUT"],
            "nat": ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
            "mangle": ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
        }
        text = "".join(
            f"*{table}\n" + "".join(f":{chain} ACCEPT [0:0]\n" for chain in builtin.get(table, ["INPUT", "FORWARD", "OUTPUT"])) + "COMMIT\n"
            for table in TABLES
        )
        self.run(self.tool(family, "restore"), stdin=text)

    def install(self, family, rules):
        self.run("ipset", "restore", "-exist", stdin=rules.sets)
        self.run(self.tool(family, "restore"), stdin=rules.text)

    def counts(self, family):
        """{(family, table, chain, number): packets}"""
        table, numbers, counts = None, collections.Counter(), {}
        for line in self.run(self.tool(family, "save"), "-c").splitlines():
            if line.startswith("*"):
                table = line[1:]
            found = re.match(r"\[(\d+):\d+\] -A (\S+)", line)
            if found:
                key = (f"ipv{family}", table, found[2])
                counts[(*key, numbers[key])] = int(found[1])
                numbers[key] += 1
        return counts


@dataclasses.dataclass
class Shot:
    """A packet, the link that it comes by, and what conntrack will say of it."""

    link: str
    packet: Packet
    state: str
    body: bytes = b""
    from_node: bool = False  # whatever its source says: an answer finds no way


class Shots:
    """Packets of all states at random. No two are of one new connection."""

    def __init__(self, rand, family, ports):
        self.random, self.family, self.ports = rand, family, ports
        self.icmp = ICMP if family == 4 else ICMPV6
        self.echo, self.answer = (8, 0) if family == 4 else (128, 129)

    def pick(self, *items):
        return self.random.choice(items)

    def connection(self, protocol=None, own=True):
        """A new one's first packet and the link that it comes by."""
        link = self.pick("left", "right")
        hosts = NET.hosts(self.family)
        source = self.pick(*[host for host in hosts if NET.side(host) == link])
        to = self.pick(*[host for host in hosts if NET.side(host) != link])
        if own and self.random.random() < 0.3:
            to = self.pick(*NET.own(self.family), *(["10.1.0.255"] if self.family == 4 else []))
        protocol = protocol or self.pick(TCP, TCP, TCP, UDP, UDP, SCTP, self.icmp)
        number = next(self.ports)
        packet = Packet(source, to, protocol, type=self.echo, id=number, ttl=self.pick(64, 64, 63, 3, 2, 1))
        if protocol in HAS_PORTS:
            ports = [number, self.pick(1, 53, 80, 443, 1024, 8080, 40000)]
            packet.sport, packet.dport = ports if self.random.random() < 0.8 else ports[::-1]
        return link, packet

    def new(self):
        link, packet = self.connection()
        if packet.protocol == TCP:  # what is in midstream is picked up
            packet.flags = self.pick(SYN, SYN, SYN, ACK, ACK | PSH, SYN | URG)
        return Shot(link, packet, "NEW")

    def invalid(self):
        link, packet = self.connection(self.pick(TCP, TCP, SCTP, self.icmp))
        packet.flags = self.pick(0, FIN, SYN | FIN, RST, FIN | ACK, SYN | RST, URG, FIN | PSH | URG, SYN | ACK)
        packet.init = False
        packet.type = self.answer
        return Shot(link, packet, "INVALID")

    def from_node(self):
        shot = self.pick(self.new, self.new, self.invalid)()
        if shot.packet.to not in NET.hosts(self.family):
            shot.packet.to = self.pick(*NET.hosts(self.family))
        return dataclasses.replace(shot, from_node=True)

    def established(self, router):
        """Sends what makes the connection one, then has another packet of either direction."""
        link, first = self.connection(self.pick(TCP, UDP, self.icmp), own=False)
        first.ttl = 64
        other = "left" if link == "right" else "right"
        back = first.reply(flags=SYN | ACK, type=self.answer)
        router.send(link, first, b"")
        router.settle()
        router.send(other, back, b"")
        router.settle()
        if first.protocol == TCP:
            router.send(link, dataclasses.replace(first, flags=ACK), b"")
        ttl = self.pick(64, 63, 2)
        if self.random.random() < 0.3:
            return self.related(other, first)
        if self.random.random() < 0.5 and first.protocol in HAS_PORTS:
            return Shot(other, dataclasses.replace(back, flags=ACK, ttl=ttl), "ESTABLISHED")
        return Shot(link, dataclasses.replace(first, flags=self.pick(ACK, ACK | PSH), ttl=ttl), "ESTABLISHED")

    def related(self, link, about):
        """Port unreachable, from the host that was asked."""
        kind, code = (3, 3) if self.family == 4 else (1, 4)
        packet = Packet(about.to, about.source, self.icmp, type=kind, code=code, ttl=64)
        return Shot(link, packet, "RELATED", about.bytes(b"")[:64])

    def draw(self, router, n):
        kinds = [self.new, self.new, self.new, self.invalid, self.from_node, lambda: self.established(router)]
        return [self.pick(*kinds)() for _ in range(n)]


def simulate(directory, router, family, shots):
    """[(words of the outcome, rules that surely matched, rules that may have)]"""
    rules, sets = directory / "rules", directory / "sets"
    rules.write_text(router.run(router.tool(family, "save"), "-c"))
    sets.write_text(router.run("ipset", "save"))
    words = [str(SIMULATE), "rules", str(rules), "sets", str(sets)]
    for version in (4, 6):
        for link, address in zip(MACS, NET.own(version)):
            words += ["local", address, "link", link, address]
    words += ["broadcast", "10.1.0.255", "broadcast", "10.2.0.255", "broadcast", "127.255.255.255"]
    lines = []
    for shot in shots:
        packet = shot.packet
        fields = {
            "from": packet.source,
            "to": packet.to,
            "protocol": packet.protocol,
            "sport": packet.sport,
            "dport": packet.dport,
            "flags": packet.flags if packet.protocol == TCP else 0,
            "init": int(packet.init and packet.protocol == SCTP),
            "type": packet.type,
            "code": packet.code,
            "ttl": packet.ttl,
            "state": STATES[shot.state],
            "mark": SENT if shot.from_node else 0,
            "in": "" if shot.from_node else shot.link,
            "out": NET.side(packet.to),
        }
        words_of = [f"{key}={value}" for key, value in fields.items()]
        lines.append(" ".join(words_of + ["node"] * shot.from_node))
    done = subprocess.run(words, input="\n".join(lines) + "\n", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results, surely, maybe = [], collections.Counter(), collections.Counter()
    for line in done.stdout.splitlines():
        found = line.split()
        if found[0] in ("ipv4", "ipv6"):
            (surely if found[4] == "yes" else maybe)[(*found[:3], int(found[3]))] += 1
            continue
        results.append((found, surely, maybe))
        surely, maybe = collections.Counter(), collections.Counter()
    assert len(results) == len(shots)
    return results


FIELDS = {1: 0, 2: 1, 4: 2, 8: 3}  # enum sim_field: which of ends_of()


def check_ends(found, data):
    """Did it come out with the ends that were foretold?"""
    ends = wire.ends_of(data)
    foretold = [found[1], found[3], int(found[2]), int(found[4])]
    unknown = int(found[6])
    for bit, i in FIELDS.items():
        if not unknown & bit and foretold[i] != ends[i]:
            return f"{ends[i]} where {foretold[i]} was foretold"
    return None


def judge(shots, results, arrived, counts):
    """What the simulation said otherwise, in words."""
    wrong = []
    surely, maybe = collections.Counter(), collections.Counter()
    for number, (shot, (found, sure, may)) in enumerate(zip(shots, results)):
        surely += sure
        maybe += may
        came = arrived.get(number, [])
        if found[0] != "unknown" and (found[0] == "pass") != bool(came):
            wrong.append(f"{number}: {shot}: simulated {' '.join(found)}, {'came out' if came else 'was dropped'}")
        if found[0] == "pass" and came and came[0][1]:
            problem = check_ends(found, came[0][1])
            if problem:
                wrong.append(f"{number}: {shot}: came out with {problem}")
    for rule, packets in counts.items():
        if not surely[rule] <= packets <= surely[rule] + maybe[rule]:
            wrong.append(f"{rule} counted {packets}, simulated {surely[rule]} and perhaps {maybe[rule]} more")
    return wrong


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_packets_go_as_the_kernel_lets_them(flavour, tmp_path):
    print(f"PENSTOCK_SEED={SEED}")
    home = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(home)})  # one queue, hence one order
    router = Router(flavour)
    outcomes = collections.Counter()
    ports = itertools.count(20000)  # what is of one connection is so for all rules
    try:
        router.start()
        for family, turn in itertools.product((4, 6), range(RULESETS)):
            rand = random.Random(f"{SEED} {family} {turn}")
            router.clear(family)
            shots = Shots(rand, family, ports).draw(router, PACKETS)
            router.settle()
            rules = RandomRules(rand, family, NET)
            router.install(family, rules)
            results = simulate(tmp_path, router, family, shots)
            for number, shot in enumerate(shots):
                router.send(shot.link, shot.packet, shot.body + MAGIC + number.to_bytes(4, "big"), shot.from_node)
            arrived = router.settle()
            wrong = judge(shots, results, arrived, router.counts(family))
            outcomes.update(f"{shot.state} {found[0]}" for shot, (found, _, _) in zip(shots, results))
            if wrong:
                saved = router.run(router.tool(family, "save"), "-c")
                where = f"PENSTOCK_SEED={SEED}, IPv{family}, ruleset {turn}:"
                pytest.fail("\n".join([where, *wrong, rules.sets, saved]))
    finally:
        router.done()
        os.sched_setaffinity(0, home)
    print(dict(sorted(outcomes.items())))
    unknown = sum(n for outcome, n in outcomes.items() if outcome.endswith("unknown"))
    assert unknown * 20 < outcomes.total(), "what is not known proves nothing"
