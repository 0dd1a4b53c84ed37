"""Pods come, get their address, end, go, and leave their address to others; the agent follows."""

import pytest
from agents import eventually
from manifests import allow, pod, pods, policy
from worlds import ADDRESSES, ALLOW_CLIENT, here


@pytest.fixture
def shut(world):
    """Only who is labelled client reaches web, and nobody is."""
    world.label("client", app="nobody")
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=False, stranger=False)
    return world


def test_a_pod_gets_its_address_later(shut):
    shut.api.delete("Pod", "client")
    late = pod("late", node="here", app="client")
    shut.api.create({**late, "status": {}})
    shut.still(client=False)
    shut.api.set_status({**late, "status": here("client")["status"]})
    shut.becomes(client=True, stranger=False)


def test_a_pod_that_is_isolated_from_its_first_moment(nft_world):
    """The policy is there before it."""
    nft_world.api.delete("Pod", "web")
    nft_world.api.create(ALLOW_CLIENT)
    nft_world.becomes(client=True, stranger=True)
    late = pod("web", node="here", app="web")
    nft_world.api.create({**late, "status": {}})
    nft_world.api.set_status({**late, "status": here("web")["status"]})
    nft_world.becomes(client=True, stranger=False)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_ends_frees_its_address(shut, phase):
    shut.label("client", app="client")
    shut.becomes(client=True)
    shut.api.patch("Pod", "client", {"status": {"phase": phase}}, "default", "status")
    shut.becomes(client=False)
    shut.api.create(here("next", at="client", app="client"))
    shut.becomes(client=True, stranger=False)
    shut.api.delete("Pod", "client")
    shut.label("stranger", app="client")  # whoever sees this has seen that
    shut.becomes(client=True, stranger=True)


def test_another_pod_at_the_same_address(shut):
    shut.label("client", app="client")
    shut.becomes(client=True)
    shut.api.delete("Pod", "client")
    shut.becomes(client=False)
    shut.api.create(here("next", at="client"))
    shut.label("stranger", app="client")
    shut.becomes(client=False, stranger=True)
    shut.api.delete("Pod", "next")
    shut.api.create(here("client"))
    shut.becomes(client=True)


def test_one_name_another_pod(shut):
    """As of a StatefulSet: the same name, another address."""
    shut.api.delete("Pod", "stranger")
    shut.label("client", app="client")
    shut.becomes(client=True, stranger=False)
    shut.api.delete("Pod", "client")
    shut.api.create(here("client", at="stranger", app="client"))
    shut.becomes(client=False, stranger=True)


def test_addresses_change_places(nft_world):
    """Of two pods, between one look and the next: each keeps its labels."""
    world = nft_world
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    world.plane.cut(world.node.name)
    for name in ["client", "stranger"]:
        world.api.delete("Pod", name)
    world.api.create_all([here("client", at="stranger"), here("stranger", at="client")])
    world.plane.heal(world.node.name)
    world.becomes(client=False, stranger=True)


def test_a_terminating_pod_counts_until_it_is_gone(shut):
    shut.label("client", app="client")
    shut.becomes(client=True)
    shut.api.delete("Pod", "client", grace=3600)
    shut.label("stranger", app="client")
    shut.becomes(client=True, stranger=True)
    shut.api.delete("Pod", "client")
    shut.becomes(client=False, stranger=True)


def test_a_pod_with_the_nodes_network_is_no_peer(shut):
    shut.api.delete("Pod", "stranger")
    host = pod("host", node="there", ips=ADDRESSES["stranger"], host=True, app="client")
    shut.api.create(host)
    shut.label("client", app="client")
    shut.becomes(client=True, stranger=False)
    shut.api.delete("Pod", "host")
    shut.api.create(here("stranger", app="client"))
    shut.becomes(stranger=True)


def test_a_family_more(nft_world):
    """A pod is all its addresses, and only those."""
    world = nft_world
    four, six = ADDRESSES["client"]
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    for ips in [[four], [six], [six, four]]:
        world.api.delete("Pod", "client")
        world.api.create(pod("client", node="here", ips=ips, app="client"))
        wanted = {web for web, client in zip(ADDRESSES["web"], ADDRESSES["client"]) if client in ips}
        eventually(lambda wanted=wanted: world.passed("client")["client"] == wanted)


def test_a_peer_on_another_node(shut):
    shut.api.delete("Pod", "client")
    shut.api.create(pod("far", node="there", ips=ADDRESSES["client"], app="client"))
    shut.becomes(client=True, stranger=False)
    shut.label("far", app="other")
    shut.becomes(client=False)
    shut.api.create(policy("q", pods(app="web"), ingress=[allow(pods(app="other"))]))
    shut.becomes(client=True)
