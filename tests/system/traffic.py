"""Packets without end between pods, each a connection of its own, and what came of each.

    traffic.py PATH

PATH is where a pod's network namespace is, with {namespace} and {name} in it. One process with
sockets in these namespaces. The first line of its input is a list of flows,

    [{"name": "…", "from": "ns/pod", "to": "ns/pod", "ports": [80], "allowed": true}, …]

then it sends UDP, a datagram of each flow over each family in every round, until its input ends. A
round waits until all datagrams of flows that are allowed have arrived: then they cannot overflow any
queue, and one that was dropped is known for sure, because it does not arrive before the deadline. A
datagram of a flow that is denied never arrives, or is counted. Source ports are written by hand and
go round, so that each datagram is new to conntrack.

Prints {"rounds": N, "lost": {flow: N}, "leaked": {flow: N}} and, when it is ready, "ready".
"""

import collections
import ctypes
import ipaddress
import json
import os
import select
import socket
import struct
import sys

DEADLINE_MS = 10_000
FIRST_PORT, LAST_PORT = 1024, 65535
CLONE_NEWNET = 0x40000000
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}

libc = ctypes.CDLL(None, use_errno=True)


def enter(path, pod):
    namespace, name = pod.split("/")
    with open(path.format(namespace=namespace, name=name)) as netns:
        if libc.setns(netns.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"entering {pod}")


class Pod:
    """A sender of each family; listeners as they are asked for."""

    def __init__(self, path, name, ips):
        self.path, self.name, self.ips = path, name, ips
        enter(path, name)
        self.senders = {version: self.sender(version) for version in ips}
        self.listeners = {}

    def sender(self, version):
        raw = socket.socket(FAMILIES[version], socket.SOCK_RAW, socket.IPPROTO_UDP)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # hears all UDP of the pod otherwise
        if version == 6:
            raw.setsockopt(socket.IPPROTO_IPV6, 7, 6)  # IPV6_CHECKSUM: the kernel writes it at byte 6
        raw.bind((self.ips[version], 0))
        return raw

    def listener(self, version, port):
        if (version, port) not in self.listeners:
            enter(self.path, self.name)
            sock = socket.socket(FAMILIES[version], socket.SOCK_DGRAM)
            sock.bind((self.ips[version], port))
            sock.setblocking(False)
            self.listeners[version, port] = sock
        return self.listeners[version, port]


def find_ips(path, pod):
    enter(path, pod)
    lines = os.popen("ip -o address show dev eth0 scope global").read().splitlines()
    addresses = [ipaddress.ip_interface(line.split()[3]).ip for line in lines]
    return {address.version: str(address) for address in addresses}


class Traffic:
    def __init__(self, path, flows):
        names = sorted({flow[end] for flow in flows for end in ("from", "to")})
        self.pods = {name: Pod(path, name, find_ips(path, name)) for name in names}
        self.flows = []
        self.poll = select.epoll()
        self.listening = {}
        for flow in flows:
            for version in FAMILIES:
                self.flows += [(len(self.flows) + i, flow, version, port) for i, port in enumerate(flow["ports"])]
        for _, flow, version, port in self.flows:
            sock = self.pods[flow["to"]].listener(version, port)
            if sock.fileno() not in self.listening:
                self.listening[sock.fileno()] = sock
                self.poll.register(sock, select.EPOLLIN)
        self.source_port = FIRST_PORT
        self.lost, self.leaked = collections.Counter(), collections.Counter()
        self.rounds = 0

    def send(self, index, flow, version, port):
        message = struct.pack("!II", self.rounds, index)
        header = struct.pack("!HHHH", self.source_port, port, 8 + len(message), 0)
        self.pods[flow["from"]].senders[version].sendto(header + message, (self.pods[flow["to"]].ips[version], 0))

    def receive(self, timeout_ms, awaited):
        """False where nothing came."""
        ready = self.poll.poll(timeout_ms / 1000)
        for number, _ in ready:
            while True:
                try:
                    message = self.listening[number].recv(64)
                except BlockingIOError:
                    break
                sent, index = struct.unpack("!II", message)
                flow = self.flows[index][1]
                if not flow["allowed"]:
                    self.leaked[flow["name"]] += 1
                elif sent == self.rounds:
                    awaited.discard(index)
        return bool(ready)

    def round(self):
        awaited = {index for index, flow, _, _ in self.flows if flow["allowed"]}
        for index, flow, version, port in self.flows:
            self.send(index, flow, version, port)
        self.source_port = self.source_port + 1 if self.source_port < LAST_PORT else FIRST_PORT
        while awaited and self.receive(DEADLINE_MS, awaited):
            pass
        for index in awaited:
            self.lost[self.flows[index][1]["name"]] += 1
        self.receive(0, set())
        self.rounds += 1


def main():
    traffic = Traffic(sys.argv[1], json.loads(sys.stdin.readline()))
    traffic.round()
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        traffic.round()
    print(json.dumps({"rounds": traffic.rounds, "lost": traffic.lost, "leaked": traffic.leaked}))


main()
