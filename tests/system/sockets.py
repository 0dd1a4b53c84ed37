"""Sockets of other network namespaces, in this process: a socket stays where it was made."""

import contextlib
import ctypes
import os
import socket

CLONE_NEWNET = 0x40000000
SILENCE = 0.4  # seconds until nothing is coming; what comes takes microseconds

libc = ctypes.CDLL(None, use_errno=True)

KINDS = {
    "TCP": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "UDP": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
}


def set_netns(descriptor):
    if libc.setns(descriptor, CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def netns(path):
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        set_netns(there)
        yield
    finally:
        set_netns(home)
        os.close(there)
        os.close(home)


def make(path, protocol, address):
    """A socket in that namespace; address says which family."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with netns(path):
        made = socket.socket(family, *KINDS[protocol])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.settimeout(10)
    return made


class Server:
    """Listens; accepts as often as it is asked to."""

    def __init__(self, path, protocol, address, port):
        self.protocol = protocol
        self.socket = make(path, protocol, address)
        self.socket.bind((address, port))
        if protocol == "TCP":
            self.socket.listen()

    def close(self):
        self.socket.close()


class Connection:
    """Between a client and a server that know each other; both ends are at hand."""

    def __init__(self, path, server, address, port):
        self.client = make(path, server.protocol, address)
        self.client.connect((address, port))
        self.server = None
        if server.protocol == "UDP":
            self.client.send(b"hello")
            _, self.peer = server.socket.recvfrom(100)
            self.server = server.socket
            self.server.sendto(b"hello", self.peer)
            assert self.client.recv(100) == b"hello"
        else:
            self.server, _ = server.socket.accept()
            self.peer = None
            assert self.lives()

    def to_server(self, text=b"to server"):
        """Does what the client sends arrive?"""
        self.client.send(text)
        return arrives(self.server, text)

    def to_client(self, text=b"to client"):
        if self.peer:
            self.server.sendto(text, self.peer)
        else:
            self.server.send(text)
        return arrives(self.client, text)

    def lives(self):
        return self.to_server() and self.to_client()

    def close(self):
        for end in {self.client, self.server} if not self.peer else {self.client}:
            end.close()


def arrives(end, text):
    end.settimeout(SILENCE)
    try:
        return end.recv(len(text)) == text
    except TimeoutError:
        return False
