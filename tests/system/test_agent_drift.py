"""Others change what the agent installed, its tools fail, its locks are held: it is put right."""

import contextlib
import fcntl
import os
import re

import pytest
from agents import eventually
from manifests import allow, pods, policy
from nodes import Saboteur, own
from worlds import ADDRESSES, ALLOW_CLIENT

PERIOD = 1  # seconds, of reading all: what no kernel tells


def installed(node):
    """penstock's, without what is counted."""
    rules = {family: own(re.sub(r"^\[\d+:\d+\] ", "", line) for line in node.save(family)) for family in ["iptables", "ip6tables"]}
    return {family: [re.sub(r" \[\d+:\d+\]$", "", line) for line in lines] for family, lines in rules.items()}, node.sets()


RULES = {
    "a rule": "{4} -D PENSTOCK-FORWARD 1; {6} -D PENSTOCK-FORWARD 1",
    "a chain's rules": "{4} -F PENSTOCK-INGRESS; {6} -F PENSTOCK-INGRESS",
    "a rule too many": "{4} -I PENSTOCK-FORWARD -j ACCEPT",
    "the jump": "{4} -D FORWARD 1; {6} -D FORWARD 1",
    "the jump is not the first": "{4} -I FORWARD -j ACCEPT",
    "all of FORWARD": "{4} -F FORWARD; {6} -F FORWARD",
    "all rules": "{4} -F; {6} -F",
    "all chains": "{4} -F; {4} -X; {6} -F; {6} -X",
}


def spoil(node, command):
    tools = {"4": f"iptables-{node.flavour}", "6": f"ip6tables-{node.flavour}"}
    for name, tool in tools.items():
        command = command.replace(f"{{{name}}}", tool)
    node.run("sh", "-c", command)


def becomes_again(node, wanted):
    """Put right; by what it was noticed, the log says."""
    eventually(lambda: installed(node) == wanted)


@pytest.mark.parametrize("command", RULES.values(), ids=RULES)
def test_rules_are_put_right_at_once(nft_world, command):
    world = nft_world
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    before = installed(world.node)
    spoil(world.node, command)
    becomes_again(world.node, before)
    world.still(client=True, stranger=False)
    eventually(lambda: world.agent.metric("penstock_drift_repairs_total") >= 1)
    world.agent.wait_for("others have changed what penstock installed", noticedBy="notification")


def test_rules_of_legacy_are_put_right_within_the_period(new_world):
    world = new_world("legacy", "--period", str(PERIOD))
    world.api.create(ALLOW_CLIENT)
    world.start()
    before = installed(world.node)
    for number, command in enumerate(RULES.values(), 1):
        spoil(world.node, command)
        becomes_again(world.node, before)
        eventually(lambda number=number: world.agent.metric("penstock_drift_repairs_total") >= number)
    world.becomes(client=True, stranger=False)


def test_all_of_nf_tables_is_flushed(nft_world):
    nft_world.api.create(ALLOW_CLIENT)
    nft_world.becomes(client=True, stranger=False)
    before = installed(nft_world.node)
    nft_world.node.run("nft", "flush", "ruleset")
    becomes_again(nft_world.node, before)
    nft_world.agent.wait_for("others have changed what penstock installed", noticedBy="notification")
    nft_world.still(client=True, stranger=False)


def test_sets_are_put_right_within_seconds(world):
    """Whoever took an element out, or put one in; the sizes tell."""
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    before = installed(world.node)
    name = next(name for name, lines in before[1].items() if any(ADDRESSES["client"][0] in line for line in lines[1:]))
    for number, command in enumerate([f"del {name} {ADDRESSES['client'][0]}", f"add {name} 10.0.0.77"], 1):
        world.node.run("ipset", *command.split())
        becomes_again(world.node, before)
        eventually(lambda number=number: world.agent.metric("penstock_drift_repairs_total") == number)


def test_others_change_their_own(nft_world):
    """It is left alone, and costs no repair."""
    world = nft_world
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    for words in ["-A FORWARD -p tcp -j ACCEPT", "-N OTHER", "-A OTHER -j DROP", "-A FORWARD -s 192.0.2.1 -j OTHER"]:
        world.node.iptables(*words.split())
    others = [line for line in world.node.save() if "OTHER" in line]
    world.label("stranger", app="client")
    world.becomes(client=True, stranger=True)
    assert [line for line in world.node.save() if "OTHER" in line] == others
    assert world.agent.metric("penstock_drift_repairs_total") == 0


@pytest.mark.parametrize("flavour", ["nft", "legacy"])
@pytest.mark.parametrize("tool", ["{4}-restore", "{6}-restore", "ipset"])
def test_a_tool_fails_for_a_while(new_world, tmp_path, flavour, tool):
    tool = tool.replace("{4}", f"iptables-{flavour}").replace("{6}", f"ip6tables-{flavour}")
    saboteur = Saboteur(tmp_path)
    world = new_world(flavour, env=saboteur.env("fail", f"{tool} [5-9]"))
    world.start()
    world.api.create(ALLOW_CLIENT)
    others = iter(range(1000))
    broken = lambda: [line for line in world.agent.log() if line["message"].startswith("enforcing failed")]

    def change():
        """Each is a new policy and a new set: every tool has something to do."""
        number = next(others)
        world.api.create(policy(f"q{number}", pods(app="web"), ingress=[allow(pods(number=str(number)))]))
        return broken()

    eventually(change)
    status, why = eventually(lambda: next(filter(lambda said: said[0] == 503, [world.agent.get("/readyz")]), None))
    assert "sabotaged" in why
    assert world.agent.get("/healthz")[0] == 200
    eventually(world.agent.is_ready)
    world.becomes(client=True, stranger=False)
    assert world.is_proven()
    delays = [line["seconds"] for line in broken()]
    assert delays[:3] == sorted(set(delays[:3])), "each is longer than the one before"
    assert world.agent.metric("penstock_syncs_total", result="failed") == len(delays)


@contextlib.contextmanager
def held(path):
    with open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.mark.parametrize("flavour, lock", [("legacy", "xtables"), ("legacy", "penstock"), ("nft", "penstock")])
def test_somebody_holds_the_lock(new_world, flavour, lock):
    """For longer than it waits; the agent is at work meanwhile."""
    world = new_world(flavour)
    world.start()
    world.node.run(f"iptables-{flavour}", "-L")  # the lock's file is there
    path = os.environ["XTABLES_LOCKFILE"] if lock == "xtables" else f"/run/netns/{world.node.name}"
    with held(path):
        world.api.create(ALLOW_CLIENT)
        world.agent.wait_for("enforcing failed; it is tried again")
        eventually(lambda: world.agent.get("/readyz")[0] == 503)
        assert world.agent.get("/healthz")[0] == 200
        world.still(client=True, stranger=True)
    eventually(world.agent.is_ready)
    world.becomes(client=True, stranger=False)
