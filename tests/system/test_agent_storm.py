"""Changes without end, and an agent that is killed again and again amid them: what all states of the
cluster agree on is true at every moment, and at the end the kernel holds what the cluster means.

PENSTOCK_SEED chooses the changes, PENSTOCK_KILLS how often the agent is killed, PENSTOCK_STORM_SECONDS
how long a storm lasts.
"""

import os
import random
import statistics
import time

import pytest
from agents import eventually
from storms import Flood, Storm
from worlds import ALLOW_CLIENT

SEED = int(os.environ.get("PENSTOCK_SEED", "1"))
KILLS = int(os.environ.get("PENSTOCK_KILLS", "100"))
SECONDS = float(os.environ.get("PENSTOCK_STORM_SECONDS", "5"))
PROVEN_EVERY = 10
LIFE = 0.8  # seconds at most until the agent is killed: it takes half of that to enforce
LAG = 10  # seconds at most behind a storm on a machine that does nothing else as fast as it can


def is_enforced(world):
    """The storm is over: what the API server has, the kernel comes to hold."""
    eventually(world.is_proven)


def test_killed_again_and_again(new_world):
    """At random moments: of starting, listing, compiling, applying."""
    world = new_world("nft" if SEED % 2 else "legacy")
    world.api.create(ALLOW_CLIENT)
    world.start()
    world.becomes(client=True, stranger=False)
    chance = random.Random(SEED)
    with world.traffic() as traffic:
        for number in range(1, KILLS + 1):
            with Storm(world.api, SEED * 1000 + number):
                assert not world.agent.daemon.ended_within(chance.uniform(0, LIFE)), world.agent.tail()
                world.agent.kill()
            world.agent.start()
            if number % PROVEN_EVERY == 0:
                is_enforced(world)
    traffic.assert_faultless()
    is_enforced(world)


def in_a_storm(world, storm):
    """Of changes that go on for a while: the agent keeps up, what changes is enforced soon."""
    lags = []
    with world.traffic() as traffic:
        with storm:
            began = time.monotonic()
            while (seconds := time.monotonic() - began) < SECONDS:
                lags.append(lag(world, allowed=len(lags) % 2 == 0))
        lags.append(lag(world, allowed=False))
    print(f"{storm.changes / seconds:.0f} changes a second; enforced after {statistics.median(lags):.2f} s, at most {max(lags):.2f}")
    traffic.assert_faultless()
    is_enforced(world)
    assert max(lags) < LAG
    assert world.agent.metric("penstock_syncs_total", result="failed") == 0


@pytest.fixture(params=["nft", "legacy"])
def calm(request, new_world):
    world = new_world(request.param)
    world.api.create(ALLOW_CLIENT)
    world.start()
    return world


def test_as_many_changes_as_the_server_takes(calm):
    in_a_storm(calm, Storm(calm.api, SEED))


def test_a_thousand_changes_a_second(calm):
    in_a_storm(calm, Flood(calm.plane, SEED, 1000))


def lag(world, allowed):
    """From a change's answer by the API server to the packet that shows it."""
    world.api.patch("Pod", "stranger", {"metadata": {"labels": {"role": "guest" if allowed else "none"}}})
    began = time.monotonic()
    eventually(lambda: world.are(stranger=allowed))
    return time.monotonic() - began
