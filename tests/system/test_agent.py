"""The agent follows a real API server, and packets show what it makes of it."""

import contextlib

import pytest
from agents import Agent, eventually
from manifests import allow, pod, pods, pods_in, policy
from nodes import FLAVOURS
from sockets import SILENCE, Connection, Server

ADDRESSES = {"web": "10.0.0.2", "client": "10.0.0.3", "stranger": "10.0.0.4"}
PORT = 8080
ALLOW_CLIENT = policy("p", pods(app="web"), ingress=[allow(pods(app="client"))])


def here(name, **more):
    return pod(name, node="here", ips=[ADDRESSES[name]], **{"app": name, **more})


class World:
    """A node with three pods, each in a network namespace, an API server that knows them, an agent."""

    def __init__(self, plane, node):
        self.plane, self.api, self.node = plane, plane.api, node
        for name, address in ADDRESSES.items():
            node.add_pod(name, address)
        plane.connect(node.name)
        self.api.create_all([here(name) for name in ADDRESSES])
        self.server = Server(self.path("web"), "UDP", ADDRESSES["web"], PORT)
        self.server.socket.settimeout(SILENCE)
        self.agent = Agent(node, plane.kubeconfig("agent"))
        self.agent.start()
        self.agent.wait_for("enforcing")

    def path(self, name):
        return f"/run/netns/{self.node.name}.{name}"

    def done(self):
        self.agent.done()
        self.server.close()

    def reaches(self, name):
        """Does a new connection from that pod come through?"""
        with contextlib.suppress(TimeoutError, PermissionError):
            connection = Connection(self.path(name), self.server, ADDRESSES["web"], PORT)
            connection.close()
            return True
        return False

    def becomes(self, **wanted):
        """client=True, stranger=False: it comes to be so, and stays."""
        for name, allowed in wanted.items():
            eventually(lambda name=name, allowed=allowed: self.reaches(name) == allowed)
        assert {name: self.reaches(name) for name in wanted} == wanted


@pytest.fixture(params=FLAVOURS)
def world(request, plane, new_node):
    made = World(plane, new_node(request.param))
    yield made
    made.done()


def test_a_policy_comes_changes_and_goes(world):
    world.becomes(client=True, stranger=True)
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    world.api.update(policy("p", pods(app="web"), ingress=[allow(pods(app="stranger"))]))
    world.becomes(client=False, stranger=True)
    world.api.delete("NetworkPolicy", "p")
    world.becomes(client=True, stranger=True)
    assert world.agent.stop() == 0


def test_labels_of_pods_and_namespaces_change(world):
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    world.api.patch("Pod", "client", {"metadata": {"labels": {"app": "other"}}})
    world.becomes(client=False, stranger=False)
    world.api.patch("Pod", "stranger", {"metadata": {"labels": {"app": "client"}}})
    world.becomes(client=False, stranger=True)
    world.api.update(policy("p", pods(app="web"), ingress=[allow(pods_in({"team": "a"}))]))
    world.becomes(client=False, stranger=False)
    world.api.patch("Namespace", "default", {"metadata": {"labels": {"team": "a"}}})
    world.becomes(client=True, stranger=True)
