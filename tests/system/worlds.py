"""A node with three pods, each in a network namespace, an API server that knows them, an agent.

    def test_something(world):
        world.api.create(ALLOW_CLIENT)
        world.becomes(client=True, stranger=False)

web, client and stranger have an address of each family; their label app is their name.
"""

import contextlib
import itertools
import json
import select

from agents import Agent, eventually
from flows import Traffic, flow
from manifests import allow, pod, pods, policy
from sockets import SILENCE, Server, make

ADDRESSES = {
    "web": ("10.0.0.2", "fd00::2"),
    "client": ("10.0.0.3", "fd00::3"),
    "stranger": ("10.0.0.4", "fd00::4"),
}
PORT = 8080
ALLOW_CLIENT = policy("p", pods(app="web"), ingress=[allow(pods(app="client"))])
# But not by the ports of the packets that keep coming (ALWAYS).
STRANGER_TOO = policy("q", pods(app="web"), ingress=[allow(pods(app="stranger"), ports=[("UDP", PORT)])])
KINDS = ["Namespace", "Node", "Pod", "NetworkPolicy"]

# On which a test's states agree that never shut the client out, and never let the stranger in.
ALWAYS = [
    flow("client", "web", 80, allowed=True),
    flow("stranger", "web", 80, 81, allowed=False),
    flow("web", "stranger", 80, allowed=True),
]


def here(name, at=None, **more):
    """That pod, or another where that one is."""
    return pod(name, node="here", ips=ADDRESSES[at or name], **{"app": name, **more})


class World:
    def __init__(self, plane, node, *flags, agent=None, **more):
        """flags and more: the agent's, which is not started yet. agent: a function that makes another."""
        self.plane, self.api, self.node = plane, plane.api, node
        with contextlib.ExitStack() as undo:
            for name, addresses in ADDRESSES.items():
                node.add_pod(name, *addresses)
            # Connections without answer are forgotten soon: thousands come each second.
            node.run("sysctl", "-q", "-w", "net.netfilter.nf_conntrack_udp_timeout=1", status=None)
            plane.connect(node.name)
            self.api.create_all([here(name) for name in ADDRESSES])
            self.servers, self.numbers = {}, itertools.count(1)
            undo.callback(self.close_servers)
            for address in ADDRESSES["web"]:
                self.servers[address] = self.serve("web", "UDP", address)
            make_agent = agent or (lambda node: Agent(node, more.pop("kubeconfig", None) or plane.kubeconfig(), *flags, **more))
            self.agent = make_agent(node)
            self.undo = undo.pop_all()

    def start(self):
        self.agent.start()
        self.agent.wait_for("enforcing")

    def serve(self, name, protocol, address, port=PORT):
        server = Server(self.path(name), protocol, address, port)
        server.socket.settimeout(SILENCE)
        return server

    def path(self, name):
        return f"/run/netns/{self.node.name}.{name}"

    def close_servers(self):
        for server in self.servers.values():
            server.close()

    def done(self):
        self.agent.done()
        self.undo.close()

    def passed(self, *names):
        """Addresses of web that new connections from these pods reach, and are answered from: by name."""
        with contextlib.ExitStack() as stack:
            clients, came = {}, {name: set() for name in names}
            number = next(self.numbers)
            for name, address in itertools.product(names, ADDRESSES["web"]):
                client = stack.enter_context(contextlib.closing(make(self.path(name), "UDP", address)))
                client.sendto(f"{number} {name} {address}".encode(), (address, PORT))
                clients[name, address] = client
            for name, address, text in self.heard(number, len(clients)):
                assert clients[name, address].recv(100) == text
                came[name].add(address)
        return came

    def heard(self, number, n):
        """Answers each message of that number, until all have come or none comes."""
        while n > 0:
            ready, _, _ = select.select([server.socket for server in self.servers.values()], [], [], SILENCE)
            if not ready:
                return
            text, peer = ready[0].recvfrom(100)
            sent, name, address = text.decode().split()
            if int(sent) == number:
                ready[0].sendto(text, peer)
                yield name, address, text
                n -= 1

    def are(self, **wanted):
        passed = self.passed(*wanted)
        return all(passed[name] == (set(ADDRESSES["web"]) if wanted[name] else set()) for name in wanted)

    def becomes(self, **wanted):
        """client=True, stranger=False: it comes to be so, in both families, and stays."""
        eventually(lambda: self.are(**wanted))
        self.still(**wanted)

    def still(self, **wanted):
        assert self.are(**wanted), wanted

    def label(self, name, **labels):
        self.api.patch("Pod", name, {"metadata": {"labels": labels}})

    def traffic(self, flows=ALWAYS):
        return Traffic(f"/run/netns/{self.node.name}.{{name}}", flows)

    def manifests(self):
        """What the API server has."""
        items = []
        for kind in KINDS:
            listed = self.api.list(kind)
            more = {"apiVersion": listed["apiVersion"], "kind": kind}
            items += [{**more, **item} for item in listed["items"]]
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})

    def verify(self):
        """The kernel, by the API server's own word, not the agent's."""
        return self.node.penstock("verify", "-f", "-", "--node", "here", stdin=self.manifests(), status=None)

    def is_proven(self):
        return self.verify().returncode == 0
