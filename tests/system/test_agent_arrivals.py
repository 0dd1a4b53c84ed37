"""Pods of the node come and go: their rules and the sets that they are in change one after the other. Before and after
each step the same packets are denied; not one comes through in between."""

import pytest
from agents import eventually
from manifests import allow, pods, policy
from nodes import FLAVOURS
from worlds import ADDRESSES, flow, here

TIMES = 20
# Each end lets through what the other denies: whoever meets the egress of one state and the ingress of the other passes.
POLICIES = [
    policy("web", pods(app="web"), ingress=[allow(pods(app="client"), pods(app="stranger"))], egress=[allow(pods(app="stranger"))]),
    policy("stranger", pods(app="stranger"), ingress=[allow(pods(app="client"))], egress=[]),
]
FLOWS = [
    flow("stranger", "web", 80, allowed=False),
    flow("web", "stranger", 80, allowed=False),
    flow("client", "web", 80, allowed=True),
    flow("client", "stranger", 80, allowed=True),
]


def is_known(world):
    """By every set that asks for it, in both families."""
    listed = " ".join(line for lines in world.node.sets().values() for line in lines)
    return {address in listed for address in ADDRESSES["stranger"]}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_pods_of_the_node_come_and_go(new_world, flavour):
    world = new_world(flavour)
    world.api.create_all(POLICIES)
    world.start()
    with world.traffic(FLOWS) as traffic:
        for _ in range(TIMES):
            world.api.delete("Pod", "stranger")
            eventually(lambda: is_known(world) == {False})
            world.api.create(here("stranger"))
            eventually(lambda: is_known(world) == {True})
    traffic.assert_faultless()
    assert world.agent.metric("penstock_drift_repairs_total") == 0
