"""A router made of TUN links in a network namespace: packets of any kind go in by one and come out by another.

    with Router(node.name, {"in0": [], "out0": ["10.0.0.0/8"]}, 64) as router:
        hop_limits = router.send([("in0", packet), …])

The kernel neither answers nor looks behind the network header of what it forwards, so a packet may say whatever
a test wants it to. What rules did to it shows in its hop limit when it comes out.
"""

import fcntl
import os
import select
import socket
import struct
import subprocess

from sockets import netns

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
BATCH = 100  # below a TUN link's queue of 500 packets


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(number, source, destination, protocol, payload, hop_limit):
    """number: comes out with it, below 65,536."""
    if ":" in source:
        first = struct.pack("!IHBB", 0x60000000 | number, len(payload), protocol, hop_limit)
        return first + b"".join(socket.inet_pton(socket.AF_INET6, ip) for ip in [source, destination]) + payload
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    first = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(payload), number, 0, hop_limit, protocol)
    header = first + struct.pack("!H", checksum(first + b"\0\0" + addresses)) + addresses
    return header + payload


def number_and_hop_limit(data):
    if data[0] >> 4 == 6:
        return struct.unpack("!I", data[:4])[0] & 0xFFFFF, data[7]
    return struct.unpack("!H", data[4:6])[0], data[8]


class Router:
    """links: by name, the prefixes that are routed out of it. What has a lower hop limit when it comes out is the
    kernel's own (neighbours, groups) and not counted."""

    def __init__(self, namespace, links, least_hop_limit):
        self.least_hop_limit = least_hop_limit
        self.tuns = {}
        with netns(f"/run/netns/{namespace}"):
            for name in links:
                self.tuns[name] = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
                fcntl.ioctl(self.tuns[name], TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
        switches = ["ipv4.ip_forward=1", "ipv4.conf.all.rp_filter=0", "ipv4.conf.default.rp_filter=0"]
        switches += ["ipv6.conf.all.forwarding=1", *(f"ipv4.conf.{name}.rp_filter=0" for name in links)]
        switches += [f"ipv6.conf.{name}.{what}" for name in links for what in ["addr_gen_mode=1", "accept_ra=0"]]
        lines = [f"link set {name} up" for name in ["lo", *links]]
        lines += [f"route add {prefix} dev {name}" for name, prefixes in links.items() for prefix in prefixes]
        inside = ["ip", "netns", "exec", namespace]
        subprocess.run([*inside, "sysctl", "-q", "-w", *(f"net.{switch}" for switch in switches)], check=True)
        subprocess.run([*inside, "ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for tun in self.tuns.values():
            os.close(tun)

    def receive(self, wanted):
        """{number: hop limit} of so many packets, or of those that come within a while."""
        came = {}
        while len(came) < wanted:
            ready, _, _ = select.select(list(self.tuns.values()), [], [], 5)
            if not ready:
                return came
            for tun in ready:
                number, hop_limit = number_and_hop_limit(os.read(tun, 65536))
                if hop_limit >= self.least_hop_limit:
                    came[number] = hop_limit
        return came

    def send(self, packets):
        """[(link, bytes)] in; {number: hop limit} of those that came out."""
        came = {}
        for i in range(0, len(packets), BATCH):
            batch = packets[i : i + BATCH]
            for link, data in batch:
                os.write(self.tuns[link], data)
            came.update(self.receive(len(batch)))
        return came
