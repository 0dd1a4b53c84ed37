"""Whatever happens to the API server, and on the way to it: what is enforced stays enforced, and what
has changed meanwhile is followed as soon as the agent hears of it."""

import re

import pytest
from agents import eventually
from cables import ADDRESS
from servers import code
from worlds import ALLOW_CLIENT, STRANGER_TOO, here

IDLE = 200  # seconds within which a connection that is half open must be found dead; it takes 90


@pytest.fixture
def faulty(new_world):
    """With packets that keep coming, until the test ends."""
    world = new_world()
    world.api.create(ALLOW_CLIENT)
    world.start()
    world.becomes(client=True, stranger=False)
    with world.traffic() as traffic:
        yield world
    traffic.assert_faultless()
    assert world.is_proven()


def follows(world):
    """What happens from now on is seen."""
    count = world.agent.metric("penstock_objects", kind="Pod")
    world.api.create(here_too())
    eventually(lambda: world.agent.metric("penstock_objects", kind="Pod") == count + 1)
    world.api.delete("Pod", "later")
    eventually(lambda: world.agent.metric("penstock_objects", kind="Pod") == count)
    assert world.is_proven()


def here_too():
    made = here("later", at="web", app="client")
    made["status"]["podIPs"] = [{"ip": "10.0.9.9"}]
    return made


def erase(plane, *keys):
    """Of etcd, while nobody watches."""
    for key in keys:
        answer = plane.etcd.ask("kv/deleterange", {"key": code(f"/registry/{key}".encode())})
        assert answer["deleted"] == "1", key


def test_the_server_is_killed_and_comes_back(faulty):
    faulty.plane.kill()
    faulty.agent.wait_for("the API server", kind="Pod")
    assert faulty.agent.is_ready() and faulty.agent.get("/healthz")[0] == 200
    faulty.plane.start()
    follows(faulty)
    assert faulty.agent.metric("penstock_api_errors_total", kind="Pod") > 0


def test_what_vanished_while_the_server_was_away_is_gone(faulty):
    """Also of what no watch tells any more: its history is compacted."""
    plane = faulty.plane
    faulty.api.create(here_too())
    faulty.api.create(STRANGER_TOO)
    faulty.becomes(stranger=True)
    eventually(lambda: faulty.agent.metric("penstock_objects", kind="Pod") == 4)
    plane.kill()
    erase(plane, "pods/default/later", "networkpolicies/default/q")
    plane.etcd.compact()
    plane.start()
    faulty.becomes(stranger=False, client=True)
    eventually(lambda: faulty.agent.metric("penstock_objects", kind="Pod") == 3)
    assert faulty.agent.metric("penstock_api_watches_expired_total", kind="NetworkPolicy") >= 1


def test_history_is_compacted_while_the_agent_is_cut_off(faulty):
    plane, name = faulty.plane, faulty.node.name
    plane.cut(name)
    faulty.api.create(STRANGER_TOO)
    plane.kill()
    plane.heal(name)  # whoever is there now says that nobody is
    plane.etcd.compact()
    plane.start()
    faulty.becomes(stranger=True, client=True)
    faulty.api.delete("NetworkPolicy", "q")
    faulty.becomes(stranger=False)


def test_etcd_is_restored_to_an_older_state(faulty):
    """Whose versions are older than those that the agent has seen."""
    snapshot = faulty.plane.snapshot()
    faulty.api.create(STRANGER_TOO)
    faulty.becomes(client=True, stranger=True)
    for number in range(20):
        faulty.label("stranger", number=str(number))
    faulty.plane.restore(snapshot)
    faulty.becomes(client=True, stranger=False)
    follows(faulty)


def test_nothing_passes_for_a_moment(faulty):
    """Then what was sent meanwhile arrives."""
    faulty.plane.cut(faulty.node.name)
    faulty.api.create(STRANGER_TOO)
    faulty.still(client=True, stranger=False)
    assert faulty.agent.is_ready()
    faulty.plane.heal(faulty.node.name)
    faulty.becomes(client=True, stranger=True)


def test_connections_that_are_half_open(faulty):
    """Nothing of them comes through any more, and nobody has told: only silence says so."""
    plane = faulty.plane
    standing = faulty.node.run("ss", "-tnH", "dst", ADDRESS).stdout
    ports = ", ".join(re.findall(rf":(\d+) +{ADDRESS}:", standing))
    plane.run("nft", "add", "chain", "inet", "cut", "old", "{ type filter hook postrouting priority raw; }")
    plane.run("nft", "add", "rule", "inet", "cut", "old", "tcp", "dport", f"{{ {ports} }}", "drop")
    try:
        faulty.api.create(STRANGER_TOO)
        eventually(lambda: faulty.are(stranger=True, client=True), seconds=IDLE)
    finally:
        plane.run("nft", "flush", "chain", "inet", "cut", "old")
    silent = [line for line in faulty.agent.log() if "nothing" in line.get("why", "")]
    assert silent, faulty.agent.tail()


def test_the_token_is_rotated(new_world, plane, tmp_path):
    token = tmp_path / "token"
    token.write_text(plane.token("agent"))
    world = new_world(kubeconfig=plane.kubeconfig(token_file=token))
    world.api.create(ALLOW_CLIENT)
    world.start()
    with world.traffic() as traffic:
        plane.rotate_tokens()
        unauthorized = lambda: [line for line in world.agent.log() if "401 Unauthorized" in line.get("why", "")]
        eventually(unauthorized)
        world.still(client=True, stranger=False)
        token.write_text(plane.token("agent"))
        follows(world)
    traffic.assert_faultless()


def test_the_servers_certificate_has_expired(faulty):
    """Whoever it is is not believed; what was true before stays enforced."""
    plane = faulty.plane
    plane.renew_server_certificate(seconds=-60)
    plane.restart()
    eventually(lambda: [line for line in faulty.agent.log() if "expired" in line.get("why", "")])
    faulty.api.create(STRANGER_TOO)
    faulty.still(client=True, stranger=False)
    plane.renew_server_certificate()
    plane.restart()
    faulty.becomes(stranger=True)


def test_in_a_pod(new_world, plane):
    """By its service account, with the rights that deploy/ gives it."""
    command, environment, _ = plane.in_pod(plane.api.token("penstock", "kube-system"))
    world = new_world(kubeconfig="", within=command, env=environment)
    world.api.create(ALLOW_CLIENT)
    world.start()
    world.becomes(client=True, stranger=False)
    follows(world)
