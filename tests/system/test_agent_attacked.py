"""What happens to an agent, and around it: nothing that was shut is open afterwards."""

import signal
import struct

import pytest
from agents import eventually
from feeders import ABORT, ASK, BEGIN, END, KINDS, METRICS, OBJECT, POD, POLICY, HandFed, frame, listed, value
from manifests import allow, pod, pods, policy
from nodes import FLAVOURS, own
from sockets import Connection, Server

ADDRESSES = {"web": "10.0.0.2", "client": "10.0.0.3", "stranger": "10.0.0.4"}
PORT = 8080
PODS = [pod(name, node="here", ips=[address], app=name) for name, address in ADDRESSES.items()]
ALLOW_CLIENT = policy("p", pods(app="web"), ingress=[allow(pods(app="client"))])
WORLD = b"".join(listed(kind, *{POD: PODS, POLICY: [ALLOW_CLIENT]}.get(kind, [])) for kind in KINDS)


class World:
    """A node whose agent enforces that only client reaches web."""

    def __init__(self, node, directory):
        self.node = node
        for name, address in ADDRESSES.items():
            node.add_pod(name, address)
        self.server = Server(self.path("web"), "UDP", ADDRESSES["web"], PORT)
        self.agent = HandFed(node, directory)
        self.agent.start()
        self.agent.say(WORLD)
        self.agent.wait_for("enforcing")
        self.rules = self.installed()

    def path(self, name):
        return f"/run/netns/{self.node.name}.{name}"

    def connect(self, name):
        return Connection(self.path(name), self.server, ADDRESSES["web"], PORT)

    def installed(self):
        return own(self.node.save()), self.node.sets()

    def done(self):
        self.agent.done()
        self.server.close()


@pytest.fixture
def new_world(new_node, tmp_path):
    worlds = []

    def make(flavour):
        worlds.append(World(new_node(flavour), tmp_path))
        return worlds[-1]

    yield make
    for world in worlds:
        world.done()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_what_came_through_a_hole_is_cut_when_it_is_closed(new_world, flavour):
    world = new_world(flavour)
    world.agent.daemon.send(signal.SIGSTOP)
    world.node.iptables("-I", "PENSTOCK-INGRESS", "-j", "RETURN")
    intruder, friend = world.connect("stranger"), world.connect("client")
    world.agent.daemon.send(signal.SIGCONT)
    world.agent.wait_for("cut connections", connections=1)
    assert not intruder.lives()
    assert friend.lives()
    intruder.close()
    friend.close()


NO_POLICIES = frame(BEGIN, POLICY) + frame(END, POLICY)
GARBAGE = {
    "an object that is none": frame(BEGIN, POLICY) + frame(OBJECT, POLICY, b"\x07") + frame(END, POLICY),
    "an object that is empty": frame(BEGIN, POLICY) + frame(OBJECT, POLICY) + frame(END, POLICY),
    "an object cut short": frame(BEGIN, POLICY) + frame(OBJECT, POLICY, value(ALLOW_CLIENT)[:-9]) + frame(END, POLICY),
    "the agent's own frame": frame(METRICS, 0, b"\0\0\0\0") + NO_POLICIES,
    "a question without a number": frame(ASK, 0) + NO_POLICIES,
    "counts that are none": frame(5, 0, b"\xff") + NO_POLICIES,
    "an end without a beginning": frame(END, POLICY) + NO_POLICIES,
    "no known kind": frame(BEGIN, 4) + NO_POLICIES,
    "no known type": frame(200, POLICY) + NO_POLICIES,
    "too long": struct.pack("=IBB", (32 << 20) + 1, OBJECT, POLICY) + NO_POLICIES,
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_of_a_feeder_that_errs_nothing_is_believed(new_world, garbage):
    world = new_world("nft")
    world.agent.say(garbage)
    world.agent.wait_for("the feeder is dropped")
    world.agent.let_go()
    assert world.installed() == world.rules
    world.agent.say(WORLD)  # the next one
    world.agent.say(listed(POLICY))
    eventually(lambda: world.installed() != world.rules)


def test_a_list_whose_feeder_died_counts_for_nothing(new_world):
    world = new_world("nft")
    world.agent.say(frame(BEGIN, POLICY) + frame(BEGIN, POD))
    world.agent.let_go()
    world.agent.wait_for("the feeder ended")
    # Of that list's end the next feeder's begin and end know nothing; an abort of none is no news.
    world.agent.say(frame(ABORT, POLICY) + WORLD)
    eventually(lambda: len(world.agent.feeders()) == 2)
    assert world.installed() == world.rules
    assert world.agent.stop() == 0


def test_what_a_feeder_does_not_read_is_lost(new_world):
    world = new_world("nft")
    world.agent.say(frame(ASK, 0, struct.pack("=I", 1)) * 2000)
    world.agent.wait_for("what the feeder does not read is lost")
    world.agent.say(listed(POLICY))
    eventually(lambda: world.installed() != world.rules)
    assert world.agent.stop() == 0
