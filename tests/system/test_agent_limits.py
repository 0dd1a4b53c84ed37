"""More of everything than there should be: objects that are not valid, an object that is enormous, policies
without end, no descriptors, clients that say nothing. The agent enforces what it can and says what it
cannot; nothing is enforced by halves.

PENSTOCK_REFUSED says how many objects there are that are not valid.
"""

import contextlib
import os
import socket
import subprocess

import pytest
from agents import eventually
from feeders import OBJECT, POD, POLICY, frame, listed, value
from manifests import allow, block, pod, pods, policy
from stored import delete, put
from test_agent_attacked import PODS, new_world as new_fed_world
from test_agent_refused import BAD
from worlds import ALLOW_CLIENT, PORT

REFUSED = int(os.environ.get("PENSTOCK_REFUSED", "2000"))
TOLD = 100  # of them one by one, within a minute


def bad(number):
    thing = policy(f"bad-{number:06}", pods(app=f"app-{number % 7}"), ns=f"crowd-{number % 3}", ingress=[])
    thing["spec"]["ingress"] = BAD["cidr"]["spec"]["ingress"]
    return thing


def in_etcd(world, what, things):
    """Each by itself: of many in one transaction a watch that is resumed among them would miss some."""
    for thing in things:
        world.plane.etcd.ask("kv/txn", {"success": [what(thing)]})


def told(world, message):
    return [line for line in world.agent.log() if line["message"] == message]


def test_thousands_of_objects_that_are_not_valid(nft_world):
    world = nft_world
    things = [bad(number) for number in range(REFUSED)]
    count = lambda: world.agent.metric("penstock_refused_objects", kind="NetworkPolicy")
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    with world.traffic() as traffic:
        in_etcd(world, put, things)
        eventually(lambda: count() == REFUSED)
        world.label("client", app="else")  # others are not delayed
        world.becomes(client=False, stranger=False)
        world.label("client", app="client")
    assert traffic.seen["leaked"] == {}
    assert world.agent.is_ready()
    assert len(told(world, "an object is not accepted")) == TOLD
    (more,) = told(world, "more objects are not accepted")
    assert 0 < more["objects"] <= REFUSED - TOLD  # the rest in the next minute
    posted = [event for event in world.api.list("Event")["items"] if event["reason"] == "NotAccepted"]
    assert len(posted) <= TOLD
    in_etcd(world, delete, things)
    eventually(lambda: count() == 0)
    world.becomes(client=True, stranger=False)


def enormous(kind, megabytes):
    text = "x" * ((1 << 20) - 100)
    if kind == POD:
        labels = {f"label-{number}": text for number in range(megabytes)}
        return pod("enormous", node="here", ips=["10.0.9.9"], labels=labels)
    return policy("enormous", pods(app="web"), ingress=[allow(*[pods(app=text)] * megabytes)])


@pytest.mark.parametrize("kind", [POD, POLICY])
def test_an_object_of_fifteen_megabytes(new_fed_world, kind):
    """As large as one can be; it is not valid, so what it selects is closed, and little is said of it."""
    world = new_fed_world("nft")
    world.agent.say(frame(OBJECT, kind, value(enormous(kind, 15))))
    line = world.agent.wait_for("an object is not accepted", name="enormous")
    assert len(line["why"]) < 2000
    world.connect("client").close()  # what another policy allows
    world.agent.say(listed(POD, *PODS) + listed(POLICY))
    eventually(lambda: world.installed() != world.rules)
    assert world.agent.stop() == 0


@pytest.mark.parametrize("kind", [POD, POLICY])
def test_an_object_of_thirty_megabytes(new_fed_world, kind):
    """No feeder that is in its right mind says that, as it takes none from the API server."""
    world = new_fed_world("nft")
    world.agent.say(frame(OBJECT, kind, value(enormous(kind, 30))))
    world.agent.wait_for("the feeder is dropped")
    assert world.installed() == world.rules
    world.connect("client").close()
    world.agent.let_go()
    assert world.agent.stop() == 0


def test_a_policy_of_ten_thousand_ports(world):
    """The last is as good as the first; none are neighbours, which would be one range."""
    many = [("UDP", number) for number in range(2, 20000, 2) if number != PORT]
    world.api.create(policy("p", pods(app="web"), ingress=[allow(pods(app="client"), ports=[*many, ("UDP", PORT)])]))
    world.becomes(client=True, stranger=False)
    world.api.update(policy("p", pods(app="web"), ingress=[allow(pods(app="client"), ports=many)]))
    world.becomes(client=False, stranger=False)
    assert world.is_proven()


def test_a_policy_of_ten_thousand_peers(world):
    many = [block(f"192.{number >> 8}.{number & 255}.0/28", f"192.{number >> 8}.{number & 255}.4/30") for number in range(9999)]
    world.api.create(policy("p", pods(app="web"), ingress=[allow(*many, pods(app="client"))]))
    world.becomes(client=True, stranger=False)
    world.api.update(policy("p", pods(app="web"), ingress=[allow(*many)]))
    world.becomes(client=False, stranger=False)
    assert world.is_proven()


def limit(pid, number):
    subprocess.run(["prlimit", "--pid", str(pid), f"--nofile={number}:"], check=True)


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_no_descriptor_is_left(world):
    """What is installed is enforced meanwhile, and when there are some again, what has changed."""
    pids = [world.agent.daemon.process.pid, *world.agent.feeders()]
    for pid in pids:
        limit(pid, open_files(pid))
    world.api.create(ALLOW_CLIENT)
    line = world.agent.wait_for("enforcing failed; it is tried again")
    assert "Too many open files" in line["why"]
    for pid in pids:
        limit(pid, 1024)
    world.becomes(client=True, stranger=False)
    eventually(world.agent.is_ready)
    assert world.is_proven()


def test_clients_that_say_nothing(nft_world):
    """Of the socket, more than are let in."""
    world = nft_world
    before = open_files(world.agent.daemon.process.pid)
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(world.agent.socket))
        world.api.create(ALLOW_CLIENT)
        world.becomes(client=True, stranger=False)
        assert open_files(world.agent.daemon.process.pid) <= before + 5  # four, and one that libuv holds
        assert world.agent.ask("verify").returncode == 0  # when those before have been sent away
    eventually(lambda: open_files(world.agent.daemon.process.pid) == before)
