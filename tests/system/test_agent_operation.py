"""How the agent is operated: started twice, asked whether it is well, asked what it knows, told to stop."""

import json
import os
import shutil
import signal
import subprocess

import pytest
from agents import Agent, eventually
from manifests import allow, pod, pods, policy
from worlds import ALLOW_CLIENT, STRANGER_TOO

ELSEWHERE = ["unshare", "-m", "sh", "-ec", 'mount -t tmpfs none /run; exec "$@"', "sh"]


def refused(agent):
    agent.start()
    assert agent.daemon.ended_within(30)
    assert agent.daemon.process.wait() == 3
    assert "another agent runs in this network namespace" in agent.tail()


@pytest.mark.parametrize("within", [[], ELSEWHERE], ids=["here", "in another mount namespace"])
def test_a_second_one_refuses(nft_world, within):
    """With a socket of its own, too; the first goes on."""
    world = nft_world
    second = Agent(world.node, world.plane.kubeconfig(), "--metrics", "127.0.0.1:9470", within=within)
    try:
        refused(second)
        second.flags += ["--socket", str(world.agent.socket)]
        refused(second)
    finally:
        second.done()
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    assert world.agent.ask("verify").returncode == 0
    world.agent.stop()
    third = Agent(world.node, world.plane.kubeconfig())
    third.start()
    third.wait_for("enforcing")
    third.done()


def test_health_before_and_after_the_first_list(new_world):
    """What was installed stays until all is known."""
    world = new_world()
    world.node.apply([*json.loads(world.manifests())["items"], ALLOW_CLIENT])
    world.becomes(client=True, stranger=False)
    before = world.node.state()
    world.plane.cut(world.node.name)
    with world.traffic() as traffic:
        world.agent.start()
        eventually(lambda: world.agent.get("/healthz")[0] == 200)
        status, why = world.agent.get("/readyz")
        assert status == 503 and "waiting for the list of" in why
        assert world.agent.metric("penstock_enforcing") == 0
        assert '"whole"' not in world.agent.ask("verify", status=3).stdout
        assert world.node.sets() == before["sets"]
    traffic.assert_faultless()
    world.api.create(policy("all", pods(), ingress=[allow()]))
    world.plane.heal(world.node.name)
    eventually(world.agent.is_ready)
    assert world.agent.get("/readyz") == (200, world.agent.get("/readyz")[1])
    assert world.agent.metric("penstock_enforcing") == 1
    world.becomes(client=True, stranger=True)


def test_commands_ask_the_agent(world):
    """And say what they say of manifests."""
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    manifests = world.manifests()
    for source in ["client", "stranger"]:
        words = [f"default/{source}", "default/web", "--port", "8080", "--protocol", "UDP", "-o", "json"]
        asked = world.agent.ask("explain", *words, status=None)
        given = world.node.penstock("explain", "-f", "-", *words, stdin=manifests, status=None)
        assert asked.returncode == given.returncode == (0 if source == "client" else 1)
        assert json.loads(asked.stdout) == json.loads(given.stdout)
    assert world.agent.ask("verify").returncode == 0
    assert world.is_proven()
    listed = world.agent.ask("list", "policies", "-o", "json")
    assert "p" in listed.stdout
    world.node.iptables("-I", "FORWARD", "-j", "ACCEPT")  # before the agent can have put it right, or after
    eventually(world.is_proven)


def test_a_feeder_that_hangs_is_replaced(new_world):
    """It lives, and says nothing more: not what changes, nor /healthz."""
    world = new_world()
    world.agent.configure(feederSilence=3)
    world.start()
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    with world.traffic() as traffic:
        (feeder,) = world.agent.feeders()
        os.kill(feeder, signal.SIGSTOP)
        world.api.create(STRANGER_TOO)
        dropped = world.agent.wait_for("the feeder is dropped")
        assert dropped["why"] == "it has said nothing for 3 seconds"
        world.becomes(client=True, stranger=True)
        assert not os.path.exists(f"/proc/{feeder}")
        assert world.agent.metric("penstock_feeder_restarts_total") == 1
    traffic.assert_faultless()
    assert world.is_proven()


def test_an_agent_that_was_stopped_holds_nothing_against_its_feeder(new_world):
    """Nor does a machine that slept: a silence that nobody was there to hear is none."""
    world = new_world()
    world.agent.configure(feederSilence=3)
    world.start()
    world.agent.daemon.send(signal.SIGSTOP)
    eventually(lambda: world.agent.get("/healthz")[0] == 503)
    world.agent.daemon.send(signal.SIGCONT)
    eventually(world.agent.is_ready)
    assert world.agent.metric("penstock_feeder_restarts_total") == 0


@pytest.mark.parametrize("content", [None, "clusters: {}", "{}"], ids=["absent", "no kubeconfig", "empty"])
def test_a_kubeconfig_of_no_use_ends_it(new_world, tmp_path, content):
    path = tmp_path / "config"
    if content:
        path.write_text(content)
    world = new_world(kubeconfig=str(path))
    world.agent.start()
    assert world.agent.daemon.ended_within(30)
    assert world.agent.daemon.process.wait() == 3
    assert str(path) in world.agent.wait_for("cannot go on", process="feeder")["why"]
    assert "no API server to follow" in world.agent.tail()


def test_a_kubeconfig_that_goes_away_may_come_back(new_world, tmp_path):
    path = tmp_path / "config"
    world = new_world()
    shutil.copy(world.agent.flags[1], path)
    world.agent.flags[1] = str(path)
    world.start()
    path.rename(tmp_path / "away")
    (feeder,) = world.agent.feeders()
    os.kill(feeder, signal.SIGKILL)
    world.agent.wait_for("cannot go on", process="feeder")
    (tmp_path / "away").rename(path)
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)


def test_metrics_are_of_the_moment(nft_world):
    """What the feeder counts, too, which the agent hears of every few seconds otherwise."""
    for number in range(1, 6):
        nft_world.api.create(policy(f"p{number}", pods(app="web")))
        nft_world.agent.wait_for("applied")
        assert nft_world.agent.metric("penstock_api_events_total", kind="NetworkPolicy") >= number


def test_what_the_agent_does_not_know_is_not_said_of_manifests(nft_world):
    nft_world.api.create(pod("starting", node="here", app="starting"))
    words = ["explain", "default/client", "default/starting", "--port", "80"]
    said = "default/starting: has no address that the agent knows (.status.podIPs)"
    eventually(lambda: said in nft_world.agent.ask(*words, status=None).stderr)


def test_commands_where_no_agent_is(new_world):
    world = new_world()
    done = world.agent.ask("verify", status=2)
    assert str(world.agent.socket) in done.stderr


def test_the_log_level_changes(nft_world):
    agent = nft_world.agent
    for wanted in ["info", "debug", "info"]:
        agent.daemon.send(signal.SIGUSR1)
        agent.wait_for("log level changed", level=wanted, process="agent")
    nft_world.api.create(ALLOW_CLIENT)
    nft_world.becomes(client=True, stranger=False)
    assert agent.daemon.runs


def test_it_is_told_to_stop(world):
    """All stays, and is enforced; its processes and its socket are gone."""
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    sets, (feeder,) = world.node.sets(), world.agent.feeders()
    descriptor = os.pidfd_open(feeder)
    assert world.agent.stop() == 0
    assert not world.agent.socket.exists()
    world.still(client=True, stranger=False)
    assert world.node.sets() == sets
    eventually(lambda: not os.path.exists(f"/proc/{feeder}"))
    os.close(descriptor)


def test_the_feeder_is_killed(world):
    """Another begins where it ended; what is enforced stays."""
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    with world.traffic() as traffic:
        for number in range(1, 4):
            (feeder,) = eventually(world.agent.feeders)
            os.kill(feeder, signal.SIGKILL)
            assert eventually(lambda: (answer := world.agent.get("/healthz"))[0] and answer) == (200, "ok\n")
            world.api.create(STRANGER_TOO) if number % 2 else world.api.delete("NetworkPolicy", "q")
            world.becomes(stranger=bool(number % 2), client=True)
            assert world.agent.metric("penstock_feeder_restarts_total") == number
    traffic.assert_faultless()
    assert world.is_proven()
