"""Objects that the API server has stored, and that the agent can't accept: what they select is closed, the
rest goes on, and people are told."""

import uuid

import pytest
from agents import eventually
from manifests import allow, block, pod, pods, policy
from stored import put
from worlds import ADDRESSES, ALLOW_CLIENT


def smuggle(plane, thing):
    """Behind the API server's back. Its uid."""
    uid = str(uuid.uuid4())
    plane.etcd.ask("kv/txn", {"success": [put({**thing, "metadata": {"uid": uid, **thing["metadata"]}})]})
    return uid


def events_about(world, uid):
    return [event for event in world.api.list("Event")["items"] if event["involvedObject"].get("uid") == uid]


def with_rule(rule, **more):
    made = policy("bad", pods(app="web"), ingress=[])
    made["spec"].update({"ingress": [rule], **more})
    return made


BAD = {
    "cidr": with_rule({"from": [{"ipBlock": {"cidr": "10.0.0.0/33"}}]}),
    "except": with_rule({"from": [block("10.0.0.0/8", "192.0.2.0/24")]}),
    "endPort": with_rule({"ports": [{"protocol": "UDP", "port": 8080, "endPort": 80}]}),
    "named": with_rule({"ports": [{"protocol": "UDP", "port": "name", "endPort": 80}]}),
    "protocol": with_rule({"ports": [{"protocol": "ICMP", "port": 80}]}),
    "operator": with_rule({"from": [{"podSelector": {"matchExpressions": [{"key": "app", "operator": "Near", "values": ["web"]}]}}]}),
    "type": with_rule({}, policyTypes=["Ingress", "Sideways"]),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_policy_closes_what_it_selects(nft_world, bad):
    world = nft_world
    other = policy("other", pods(app="client"), ingress=[allow(pods(app="stranger"))])
    uid = smuggle(world.plane, bad)
    world.becomes(client=False, stranger=False)
    line = next(line for line in world.agent.log() if line["message"] == "an object is not accepted")
    assert (line["kind"], line["namespace"], line["name"]) == ("NetworkPolicy", "default", "bad")
    assert ".spec." in line["why"] and line["level"] == "warning"
    assert world.agent.is_ready()
    assert world.agent.metric("penstock_refused_objects", kind="NetworkPolicy") == 1

    # The others go on, and what they allow of the same pods is open.
    world.api.create(other)
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    world.api.delete("NetworkPolicy", "p")
    world.becomes(client=False)

    (event,) = eventually(events_about, world, uid)
    about = event["involvedObject"]
    assert (about["kind"], about["namespace"], about["name"]) == ("NetworkPolicy", "default", "bad")
    assert event["type"] == "Warning" and line["why"].splitlines()[0] in event["message"]

    world.api.update(policy("bad", pods(app="web"), ingress=[allow(pods())]))
    world.becomes(client=True, stranger=True)
    assert world.agent.metric("penstock_refused_objects", kind="NetworkPolicy") == 0


def test_from_the_beginning_and_again(new_world):
    """It is there when the agent starts, is told once for each start, and goes."""
    world = new_world("legacy")
    uid = smuggle(world.plane, BAD["cidr"])
    world.start()
    world.becomes(client=False, stranger=False)
    world.agent.kill()
    world.start()
    world.still(client=False, stranger=False)
    told = [line for line in world.agent.log() if line["message"] == "an object is not accepted"]
    assert len(told) == 2
    eventually(events_about, world, uid)
    world.api.delete("NetworkPolicy", "bad")
    world.becomes(client=True, stranger=True)
    assert len(events_about(world, uid)) == 1  # all agents say one thing once


def test_it_becomes_bad(nft_world):
    """What it allowed is closed; no older state of it goes on."""
    nft_world.api.create({**ALLOW_CLIENT, "metadata": {"name": "bad", "namespace": "default"}})
    nft_world.becomes(client=True, stranger=False)
    smuggle(nft_world.plane, BAD["cidr"])
    nft_world.becomes(client=False, stranger=False)


def test_a_pod_and_a_namespace(nft_world):
    """An address that is none is nobody's, and the pod's others count; labels that are none are no peer's."""
    world = nft_world
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    bad = pod("bad", node="here", ips=[ADDRESSES["stranger"][0], "10.0.0.999"], app="client")
    world.api.delete("Pod", "stranger")
    smuggle(world.plane, bad)
    smuggle(world.plane, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bad", "labels": {"a b": "c"}}})
    eventually(lambda: world.agent.metric("penstock_refused_objects", kind="Pod") == 1)
    eventually(lambda: world.agent.metric("penstock_refused_objects", kind="Namespace") == 1)
    world.still(client=True)
    assert world.agent.is_ready()
    world.label("client", app="else")
    world.becomes(client=False)
