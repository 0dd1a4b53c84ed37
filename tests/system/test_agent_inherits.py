"""The agent starts over what another version of it, or one with the other iptables, has left: with traffic
all the while, and nothing of it is left."""

import contextlib
import re

import pytest
from manifests import allow, pods, policy
from nodes import FLAVOURS, own
from sockets import Connection
from test_agent_drift import installed
from worlds import ADDRESSES, ALLOW_CLIENT
from worlds import PORT as UDP

PORT = 9090
FAMILIES = ["iptables", "ip6tables"]
OTHER = {"nft": "legacy", "legacy": "nft"}


class Left:
    """What an agent left, as text to be changed and loaded again."""

    def __init__(self, node):
        self.sets = node.run("ipset", "save").stdout
        self.rules = {family: self.of_filter(node, family) for family in FAMILIES}

    @staticmethod
    def of_filter(node, family):
        text = node.run(f"{family}-{node.flavour}-save", "-t", "filter").stdout
        return "".join(f"{line}\n" for line in text.splitlines() if not line.startswith("#"))

    def replace(self, pattern, new):
        """In all of it. Something must be replaced."""
        texts = [self.sets, *self.rules.values()]
        assert any(re.search(pattern, text, re.MULTILINE) for text in texts), pattern
        sub = lambda text: re.sub(pattern, new, text, flags=re.MULTILINE)
        self.sets = sub(self.sets)
        self.rules = {family: sub(text) for family, text in self.rules.items()}

    def load(self, node, flavour):
        node.run("ipset", "restore", stdin=self.sets)
        for family, text in self.rules.items():
            node.run(f"{family}-{flavour}-restore", "--noflush", stdin=text)


def as_it_was(left):
    pass


def other_names(left):
    left.replace(r"PENSTOCK-", "PENSTOCK-0")
    left.replace(r"penstock-", "penstock-0")


def other_jumps(left):
    """Not the first rules, said otherwise, and one in INPUT."""
    left.replace(r"^-A FORWARD .*-j PENSTOCK-FORWARD$", "-A FORWARD -p 132 -j RETURN\n-A FORWARD -g PENSTOCK-FORWARD")
    left.replace(r"^(:FORWARD .*)$", r"\1\n:PENSTOCK-INPUT - [0:0]")
    left.replace(r"^COMMIT$", "-A INPUT -j PENSTOCK-INPUT\n-A PENSTOCK-INPUT -p 132 -j RETURN\nCOMMIT")


def other_rules(left):
    """That mean the same, in chains of today's names."""
    left.replace(r"-m conntrack --ctstate RELATED,ESTABLISHED", "-m state --state RELATED,ESTABLISHED")
    left.replace(r'-m comment --comment "[^"]*"', '-m comment --comment "as it was said once"')


def other_sets(left):
    """Of another type and size, with names of today's."""
    left.replace(r"^(create \S+) hash:ip (family \S+ ).*$", r"\1 hash:net \2maxelem 4096 counters")


VERSIONS = [as_it_was, other_names, other_jumps, other_rules, other_sets]


@pytest.fixture(params=FLAVOURS)
def left(request, new_world):
    """A world whose agent has gone, what it left, and today's of it."""
    world = new_world(request.param)
    world.api.create(ALLOW_CLIENT)
    world.start()
    world.becomes(client=True, stranger=False)
    assert world.agent.stop() == 0
    world.today = installed(world.node)
    world.left = Left(world.node)
    world.node.penstock("cleanup")
    assert not world.node.sets()
    return world


def starts_over(world, change, flavour):
    """flavour: that of what is left, which is enforced."""
    change(world.left)
    world.left.load(world.node, flavour)
    assert (world.today == installed(world.node)) == (change is as_it_was and flavour == world.node.flavour)
    world.still(client=True, stranger=False)
    starts_amid_traffic(world)
    assert installed(world.node) == world.today
    assert not others(world.node)


def others(node):
    """What is penstock's in the flavour that the agent does not use."""
    return [line for family in FAMILIES for line in own(node.save(family, OTHER[node.flavour]))]


def starts_amid_traffic(world):
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(contextlib.closing(world.serve("web", "TCP", ADDRESSES["web"][0], PORT)))
        stands = stack.enter_context(contextlib.closing(Connection(world.path("client"), server, ADDRESSES["web"][0], PORT)))
        with world.traffic() as traffic:
            world.start()
        traffic.assert_faultless()
        assert stands.lives()
    assert world.is_proven()
    assert world.agent.ask("verify").returncode == 0


@pytest.mark.parametrize("change", VERSIONS)
def test_another_version(left, change):
    starts_over(left, change, left.node.flavour)


@pytest.mark.parametrize("change", [as_it_was, other_names])
def test_the_other_flavour(left, change):
    starts_over(left, change, OTHER[left.node.flavour])


@pytest.mark.parametrize("change", [as_it_was, other_names])
@pytest.mark.parametrize("whose", ["the same flavour's", "the other flavour's"])
def test_the_cluster_has_changed_meanwhile(left, change, whose):
    """The stranger is now what the client was, and the rule that it meets another: an old rule with a new
    set, or the other way round, would let it through, or the client not."""
    change(left.left)
    left.left.load(left.node, left.node.flavour if whose == "the same flavour's" else OTHER[left.node.flavour])
    left.label("client", app="friend")
    left.label("stranger", app="client")
    left.api.update(policy("p", pods(app="web"), ingress=[allow(pods(app="friend")), allow(pods(app="client"), ports=[("UDP", UDP)])]))
    starts_amid_traffic(left)
    left.becomes(client=True, stranger=True)
    assert not others(left.node)
    rules, sets = installed(left.node)
    assert not re.search(r"PENSTOCK-0|penstock-\d", f"{rules} {sets}")
