"""Packets by hand: written as verify shows them, sent where they come from, caught where they go.

    router = Router(node)                       # pods on veths, and an uplink to everybody else
    router.arrives(finding["packet"])           # True, False

A packet is followed by a watchman on the same way that every chain lets pass: once he is there, the
packet is there too, or was stopped. Nothing waits for silence.
"""

import ipaddress
import os
import pathlib
import socket
import struct
import subprocess

from sockets import netns

DEADLINE = 10  # seconds until the watchman is given up: something else is wrong then
WATCHMAN = 253  # a protocol for experiments (RFC 3692)
TOKEN = b"penstock watches"
NUMBERS = {"ICMP": 1, "TCP": 6, "UDP": 17, "ICMPv6": 58, "SCTP": 132}
FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"]
SYN, ACK = 2, 16
EVERYBODY = 3  # ETH_P_ALL
NETLINK_NETFILTER, CONNTRACK_DELETE = 12, 1 << 8 | 2
NLM_F_REQUEST, NLM_F_ACK = 1, 4
NODE_MAC, POD_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
OWN = ["192.168.7.1", "fd00:7::1"]  # the node's addresses
CHAINS = ["INPUT", "FORWARD", "OUTPUT"]


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def crc32c(data):
    """RFC 9260, appendix A."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Crafted:
    """The bytes of a packet as verify -o json describes it."""

    def __init__(self, packet):
        self.source, self.destination = (ipaddress.ip_address(packet[end]) for end in ("source", "destination"))
        name = packet["protocol"]
        self.protocol = NUMBERS[name] if name in NUMBERS else int(name)
        self.ports = struct.pack("!HH", packet["sourcePort"], packet["port"])
        self.flags = sum(1 << FLAGS.index(flag) for flag in packet["tcpFlags"])
        self.icmp = struct.pack("!BB", packet["icmpType"], packet["icmpCode"])
        self.content = self.transport()
        if packet["state"] == "INVALID":  # conntrack looks at checksums
            at = {6: 16, 17: 6, 132: 8}.get(self.protocol, 2)
            self.content = self.content[:at] + bytes([self.content[at] ^ 0x55]) + self.content[at + 1 :]

    def pseudo(self, length):
        ends = self.source.packed + self.destination.packed
        if self.source.version == 6:
            return ends + struct.pack("!IHBB", length, 0, 0, self.protocol)
        return ends + struct.pack("!BBH", 0, self.protocol, length)

    def transport(self):
        if self.protocol == 6:
            # As a client and a server would number, or conntrack calls it INVALID.
            numbers = {0: (1000, 0), SYN: (1000, 0), SYN | ACK: (2000, 1001)}.get(self.flags, (1001, 2001))
            rest = struct.pack("!IIBBH", *numbers, 5 << 4, self.flags, 65535)
            length = 20
            sum_of = checksum(self.pseudo(length) + self.ports + rest + bytes(4))
            return self.ports + rest + struct.pack("!HH", sum_of, 0)
        if self.protocol == 17:
            sum_of = checksum(self.pseudo(8) + self.ports + struct.pack("!HH", 8, 0))
            return self.ports + struct.pack("!HH", 8, sum_of)
        if self.protocol == 132:
            chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 7, 65535, 1, 1, 1)  # INIT
            sum_of = crc32c(self.ports + bytes(8) + chunk)
            return self.ports + bytes(4) + struct.pack("<I", sum_of) + chunk
        if self.protocol in (1, 58):
            pseudo = self.pseudo(8) if self.protocol == 58 else b""
            body = struct.pack("!HH", 4711, 1)
            return self.icmp + struct.pack("!H", checksum(pseudo + self.icmp + bytes(2) + body)) + body
        return TOKEN

    def bytes(self):
        length = len(self.content)
        if self.source.version == 6:
            head = struct.pack("!IHBB", 6 << 28, length, self.protocol, 64)
            return head + self.source.packed + self.destination.packed + self.content
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, self.protocol, 0)
        head += self.source.packed + self.destination.packed
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + self.content

    def is_in(self, content):
        """Is it this one, and no error that quotes it? What routers change is left out."""
        if content[0] >> 4 != self.source.version:
            return False
        start, protocol, ends = (40, content[6], content[8:40]) if content[0] >> 4 == 6 else (20, content[9], content[12:20])
        wanted = (self.protocol, self.source.packed + self.destination.packed, self.content)
        return (protocol, ends, content[start:]) == wanted

    def watchman(self):
        ends = {"source": str(self.source), "destination": str(self.destination)}
        rest = {"protocol": str(WATCHMAN), "state": "NEW", "sourcePort": 0, "port": 0}
        return Crafted(ends | rest | {"tcpFlags": [], "icmpType": 0, "icmpCode": 0})


class Place:
    """A network namespace that sends and catches. By its link it sends what it likes, also with
    others' addresses, and catches all that comes. The node itself sends as a program of its own
    does, and catches what its INPUT chains let in."""

    def __init__(self, name, link):
        self.path = pathlib.Path("/run/netns") / name
        self.link = link  # the node's end; None is the node itself
        with netns(self.path):
            if link:
                self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
            else:
                families = {4: socket.AF_INET, 6: socket.AF_INET6}
                self.raw = {v: socket.socket(families[v], socket.SOCK_RAW, socket.IPPROTO_RAW) for v in families}

    def catchers(self, crafted):
        with netns(self.path):
            if self.link:
                made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(EVERYBODY))
                made.bind(("eth0", EVERYBODY))
                return [made]
            family = socket.AF_INET6 if crafted.source.version == 6 else socket.AF_INET
            return [socket.socket(family, socket.SOCK_RAW, number) for number in (crafted.protocol, WATCHMAN)]

    def send(self, crafted):
        """False where it does not even leave."""
        if self.link:
            ethertype = 0x86DD if crafted.source.version == 6 else 0x0800
            there = bytes.fromhex(NODE_MAC.replace(":", ""))
            self.wire.sendto(crafted.bytes(), ("eth0", ethertype, 0, 0, there))
            return True
        try:
            self.raw[crafted.source.version].sendto(crafted.bytes(), (str(crafted.destination), 0))
        except PermissionError:
            return False
        return True

    def close(self):
        for made in [self.wire] if self.link else self.raw.values():
            made.close()


def receive(made, crafted):
    """The packet or its watchman, whichever comes first. Nothing of what was sent by the same link. Raw
    sockets of IPv6 show no headers."""
    while True:
        content, address = made.recvfrom(2000)
        if made.family == socket.AF_PACKET and address[2] == socket.PACKET_OUTGOING:
            continue
        for packet in (crafted, crafted.watchman()):
            if packet.is_in(content) or made.family == socket.AF_INET6 and content == packet.content:
                return packet


def came_before_the_watchman(sockets, crafted):
    """By one link and one processor nothing overtakes him. Of two sockets his is the last: what
    the other has by then is all that came."""
    sockets[-1].settimeout(DEADLINE)
    came = False
    while (packet := receive(sockets[-1], crafted)).protocol != WATCHMAN:
        came = True
    sockets[0].settimeout(0)
    try:
        return came or (len(sockets) > 1 and receive(sockets[0], crafted) is crafted)
    except BlockingIOError:
        return False


class Router:
    """A node with pods, {name: [addresses]}, and an uplink behind which everybody else is."""

    def __init__(self, node, pods):
        self.node = node
        settings = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
        settings += [f"net.ipv4.conf.{name}.rp_filter=0" for name in ("all", "default")]
        node.run("sysctl", "-q", "-w", *settings)
        self.places = {None: self.connect("uplink", ["default"])}
        self.by_address = {}
        for name, addresses in pods.items():
            self.places[name] = self.connect(name, addresses)
            self.by_address |= {ipaddress.ip_address(address): name for address in addresses}
        self.here = Place(node.name, None)
        self.watched = False
        node.run("ip", "link", "set", "lo", "up")
        for address in OWN:
            node.run("ip", "address", "add", address, "dev", "lo", *(["nodad"] if ":" in address else []))

    def connect(self, link, routes):
        """A namespace at the other end of a link, and the way to it; neighbours are known by hand. It
        has no address, so that nobody there answers, and ends a connection, by himself."""
        inside = f"{self.node.name}.{link}"
        subprocess.run(["ip", "netns", "add", inside], check=True)
        self.node.namespaces.append(inside)
        made = f"link add {link} address {NODE_MAC} type veth peer name eth0 address {POD_MAC}"
        lines = [f"{made} netns {inside}", f"link set {link} up"]
        for gateway, flag in (("169.254.1.1", ""), ("fe80::ff", "nodad")):
            lines.append(f"address add {gateway}/{64 if ':' in gateway else 32} dev {link} {flag}")
        for route in routes:
            if route == "default":
                for gateway in ("169.254.1.2", "fe80::fe"):
                    lines.append(f"neighbour add {gateway} lladdr {POD_MAC} dev {link} nud permanent")
                    lines.append(f"route add default via {gateway} dev {link} onlink")
            else:
                lines.append(f"neighbour add {route} lladdr {POD_MAC} dev {link} nud permanent")
                lines.append(f"route add {route} dev {link}")
        self.node.run("ip", "-batch", "-", stdin="\n".join(lines))
        subprocess.run(["ip", "-n", inside, "link", "set", "eth0", "up"], check=True)
        return Place(inside, link)

    def place(self, address):
        if str(address) in OWN:
            return self.here
        return self.places[self.by_address.get(address)]

    def first(self, verb, *words, table="filter", chains=CHAINS):
        """A rule at the top of chains of both families."""
        for family in ("iptables", "ip6tables"):
            for chain in chains:
                self.node.iptables("-t", table, verb, chain, *words, family=family)

    def send(self, packet):
        crafted = Crafted(packet)
        source, destination = self.place(crafted.source), self.place(crafted.destination)
        sockets = destination.catchers(crafted)
        before = os.sched_getaffinity(0)
        try:
            os.sched_setaffinity(0, {min(before)})
            source.send(crafted)
            assert source.send(crafted.watchman()), "the watchman does not leave"
            return came_before_the_watchman(sockets, crafted)
        finally:
            os.sched_setaffinity(0, before)
            for made in sockets:
                made.close()

    def establish(self, packet):
        """A connection that the packet can belong to: its beginning and an answer, all let through."""
        tcp = packet["protocol"] == "TCP"
        begin = packet | {"state": "NEW", "tcpFlags": ["SYN"] if tcp else []}
        answer = begin | {"source": packet["destination"], "destination": packet["source"], "port": packet["sourcePort"]}
        answer |= {"sourcePort": packet["port"], "tcpFlags": ["SYN", "ACK"] if tcp else []}
        self.first("-I", "-j", "ACCEPT")
        assert self.send(begin) and self.send(answer)
        self.first("-D", "-j", "ACCEPT")

    def arrives(self, packet):
        """The watchman is let through behind verify's back, which has read the rules by then."""
        if not self.watched:
            self.first("-I", "-p", str(WATCHMAN), "-j", "ACCEPT")
        self.watched = True
        with netns(self.here.path):
            forget_connections()
        if packet["state"] == "ESTABLISHED":
            self.establish(packet)
        if packet["state"] == "UNTRACKED":
            self.first("-I", "-j", "CT", "--notrack", table="raw", chains=["PREROUTING", "OUTPUT"])
        arrived = self.send(packet)
        if packet["state"] == "UNTRACKED":
            self.first("-D", "-j", "CT", "--notrack", table="raw", chains=["PREROUTING", "OUTPUT"])
        return arrived

    def close(self):
        for place in [*self.places.values(), self.here]:
            place.close()


def forget_connections():
    """All of conntrack, in this network namespace: nothing is ESTABLISHED by a packet before."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        head = struct.pack("=IHHII", 20, CONNTRACK_DELETE, NLM_F_REQUEST | NLM_F_ACK, 1, 0)
        netlink.send(head + bytes(4))
        answer = netlink.recv(4096)
        assert struct.unpack_from("=i", answer, 16)[0] == 0


def can_be_sent(packet):
    """Not what no router passes on (addresses of a link, to many at once), nor what only conntrack's
    own modules make (RELATED), nor what is not known by its ports or as an echo."""
    ends = [ipaddress.ip_address(packet[end]) for end in ("source", "destination")]
    if any(end.is_link_local or end.is_multicast or end.packed == b"\xff" * 4 for end in ends):
        return False
    protocol, state = packet["protocol"], packet["state"]
    if protocol in ("ICMP", "ICMPv6"):
        return packet["icmpType"] in (8, 128) and state != "ESTABLISHED"
    if protocol == "SCTP":
        return state in ("NEW", "UNTRACKED")
    if state == "ESTABLISHED" and {packet["source"], packet["destination"]} & set(OWN):
        return False  # the node would answer by itself
    if protocol == "TCP" and state == "ESTABLISHED":
        return packet["tcpFlags"] in (["SYN"], ["ACK"])
    return protocol in ("TCP", "UDP") and state != "RELATED"
