"""Connections that stand go on whatever happens to the agent, and end when a change no longer allows them."""

import contextlib
import os
import pathlib
import re
import shutil

import pytest
from agents import eventually
from manifests import allow, pods, pods_in, policy
from nodes import PENSTOCK, Saboteur
from storms import Storm
from sockets import Connection
from worlds import ADDRESSES, ALLOW_CLIENT, here

PORT = 9090
TIMES = 5
WAYS = [(protocol, family) for protocol in ["TCP", "UDP"] for family in [0, 1]]


class Standing:
    """A connection by each protocol and family from client and from stranger to web."""

    def __init__(self, world, stack):
        self.by = {"client": [], "stranger": []}
        for protocol, family in WAYS:
            address = ADDRESSES["web"][family]
            server = stack.enter_context(contextlib.closing(world.serve("web", protocol, address, PORT)))
            for name, made in self.by.items():
                made.append(stack.enter_context(contextlib.closing(self.connect(world, name, server, address))))

    @staticmethod
    def connect(world, name, server, address):
        return Connection(world.path(name), server, address, PORT)

    def live(self, name):
        return [connection.lives() for connection in self.by[name]] == [True] * len(WAYS)

    def are_cut(self, name):
        """Neither what the client sends arrives, nor what a server of TCP answers. What one of UDP sends by
        itself is a connection of its own, which policies may allow."""
        for connection, (protocol, _) in zip(self.by[name], WAYS):
            if connection.to_server() or (protocol == "TCP" and connection.to_client()):
                return False
        return True


def without_counters(node):
    return [re.sub(r"\[\d+:\d+\]", "", line) for line in node.save()]


def test_they_outlive_the_agent(world, tmp_path):
    """Stopped, killed, started, another program in its place; with policies that allow them."""
    world.api.create_all([ALLOW_CLIENT, policy("too", pods(app="web"), ingress=[allow(pods(app="stranger"))])])
    eventually(world.is_proven)
    rules = without_counters(world.node)
    with contextlib.ExitStack() as stack:
        standing = Standing(world, stack)
        live = lambda: standing.live("client") and standing.live("stranger")
        assert world.agent.stop() == 0
        assert live()
        world.start()
        assert live()
        world.agent.kill()
        assert live()
        for name in ["penstock", "penstock-feeder"]:
            shutil.copy2(pathlib.Path(PENSTOCK).with_name(name), tmp_path)
        world.agent.program = str(tmp_path / "penstock")
        world.start()
        assert os.readlink(f"/proc/{world.agent.daemon.process.pid}/exe") == world.agent.program
        assert live()
        assert world.agent.metric("penstock_connections_cut_total") == 0
    assert without_counters(world.node) == rules


def policy_comes(world):
    world.api.create(ALLOW_CLIENT)


def policy_changes(world):
    """It allows both before."""
    world.api.update(policy("both", pods(app="web"), ingress=[allow(pods(app="client"))]))


def label_changes(world):
    world.label("stranger", role="none")


def pod_goes(world):
    world.api.delete("Pod", "stranger")


def pod_is_replaced(world):
    """By one of other labels at its address."""
    world.api.delete("Pod", "stranger")
    world.api.create(here("other", at="stranger"))


def namespace_changes(world):
    world.api.patch("Namespace", "default", {"metadata": {"labels": {"team": None}}})


def agent_was_away(world):
    """What the change did not allow while nobody was there to see it."""
    world.agent.kill()
    world.api.create(policy("q", pods(app="stranger"), egress=[]))
    world.start()


BOTH = policy("both", pods(app="web"), ingress=[allow(pods(app="client")), allow(pods(app="stranger"))])
FRIENDS = policy("friends", pods(app="web"), ingress=[allow(pods(role="friend"))])
TEAM = policy("team", pods(app="web"), ingress=[allow(pods(app="client")), allow(pods_in({"team": "a"}, app="stranger"))])
CUTS = [
    (policy_comes, []),
    (policy_changes, [BOTH]),
    (label_changes, [FRIENDS]),
    (pod_goes, [FRIENDS]),
    (pod_is_replaced, [FRIENDS]),
    (namespace_changes, [TEAM]),
    (agent_was_away, []),
]


@pytest.mark.parametrize("change, before", CUTS, ids=lambda item: getattr(item, "__name__", ""))
def test_they_end_when_they_are_no_longer_allowed(world, change, before):
    world.api.patch("Namespace", "default", {"metadata": {"labels": {"team": "a"}}})
    for name in ["client", "stranger"]:
        world.label(name, role="friend")
    world.api.create_all(before)
    eventually(world.is_proven)
    with contextlib.ExitStack() as stack:
        standing = Standing(world, stack)
        change(world)
        eventually(standing.are_cut, "stranger")
        assert standing.live("client")
        assert world.agent.metric("penstock_connections_cut_total") >= len(WAYS)


def test_they_end_amid_changes_without_end(world):
    """Others that shut something come faster than one is over."""
    world.api.create(BOTH)
    eventually(world.is_proven)
    with contextlib.ExitStack() as stack:
        standing = Standing(world, stack)
        with Storm(world.api, 1):
            policy_changes(world)
            eventually(standing.are_cut, "stranger")
            assert standing.live("client")


def test_they_end_before_the_agent_does(world):
    """It is stopped as soon as new rules are in force; again and again, as it may have been quicker."""
    for _ in range(TIMES):
        eventually(world.is_proven)
        with contextlib.ExitStack() as stack:
            standing = Standing(world, stack)
            world.api.create(ALLOW_CLIENT)
            world.agent.wait_for("applied", level="info")
            assert world.agent.stop() == 0
            assert standing.are_cut("stranger")
            assert standing.live("client")
        world.api.delete("NetworkPolicy", ALLOW_CLIENT["metadata"]["name"])
        world.start()


# Of an apply, as long as DIRECTORY/broken is there: each restore works once, and none where 4 or 6 is there
# already; after IPv4's, ipset works no more, so that nothing can be read or undone.
HALF_WAY = """
test -e {0}/broken || exit 0
read -r line </proc/$PPID/cmdline
case $line in
*-save*) exit 0 ;;
*ipset*) mark= ;;
*ip6tables*) mark=6 ;;
*) mark=4 ;;
esac
if test -e {0}/${{mark:-4}}; then kill -KILL $PPID; fi
if test $mark; then : >{0}/$mark; fi
"""


@pytest.mark.parametrize("at", ["before IPv6's rules", "after all rules"])
@pytest.mark.parametrize("flavour", ["nft", "legacy"])
def test_what_an_apply_shut_that_failed_half_way_is_cut(new_world, tmp_path, flavour, at):
    """What is left for the next one to do shuts nothing."""
    saboteur = Saboteur(tmp_path)
    env = saboteur.env("race", "ip*", HALF_WAY.format(tmp_path))
    world = new_world(flavour, env=env)
    world.api.create(BOTH)
    world.start()
    eventually(world.is_proven)
    with contextlib.ExitStack() as stack:
        standing = Standing(world, stack)
        if at == "before IPv6's rules":
            (tmp_path / "6").touch()
        (tmp_path / "broken").touch()
        policy_changes(world)
        failed = world.agent.wait_for("enforcing failed; it is tried again")
        assert "could not be undone" in failed["why"]
        (tmp_path / "broken").unlink()
        eventually(standing.are_cut, "stranger")
        assert standing.live("client")
        world.becomes(client=True, stranger=False)
        assert world.is_proven()
