"""The agent with what deploy/ gives it and no more: it enforces. With less it could not, and says so."""

import copy

import pytest
from agents import eventually
from containers import Contained, only
from manifests import pod
from nodes import FLAVOURS, own
from test_deploy import DEPLOY, judged, kustomized
from worlds import ALLOW_CLIENT

SETTING = "net.bridge.bridge-nf-call-iptables"
# By which the kubelet says what the node's rules are made with; the manifest does not.
HINT = "*mangle\n:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT\n"


@pytest.fixture
def new_contained(new_world, plane):
    """A world whose agent is a container of deploy/kustomize's, less a capability."""
    daemonset = judged(plane, kustomized())["DaemonSet"]
    plane.kubectl("apply", "-k", DEPLOY / "kustomize")

    def make(flavour, without=None):
        changed = copy.deepcopy(daemonset)
        context = only(changed["spec"]["template"]["spec"]["containers"])["securityContext"]
        if without:
            context["capabilities"]["add"].remove(without)
        world = new_world(flavour, agent=lambda node: Contained(node, plane, changed))
        world.node.restore(HINT)
        return world

    return make


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_what_the_daemonset_says_is_enough(new_contained, flavour):
    """To enforce, to answer who asks in the container and the kubelet, to go away and to come back."""
    world = new_contained(flavour)
    world.start()
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    assert own(world.node.save()) and own(world.node.save("ip6tables"))
    with world.traffic() as traffic:
        eventually(lambda: world.agent.probed() == [200, 200])
        assert world.agent.exec("verify").returncode == 0
        assert "default/p" in world.agent.exec("list", "policies").stdout
        assert world.agent.ask("verify").returncode == 0
        world.agent.exec("explain", "default/stranger", "default/web", "--port", "8080", status=1)
        assert world.agent.stop() == 0
        world.start()
        world.agent.kill()  # what is left of its socket is no one's
        world.start()
        assert world.is_proven()
    traffic.assert_faultless()
    world.api.delete("NetworkPolicy", "p")
    world.becomes(client=True, stranger=True)
    lines = world.agent.log()
    assert not [line for line in lines if line["level"] in ["warning", "error"]], lines


def test_nothing_else_can_be_written(new_contained):
    """The test's own container is as strict as the manifest says."""
    world = new_contained("nft")
    world.start()
    status = world.agent.status()
    assert int(status["CapBnd"], 16) == int(status["CapPrm"], 16) == 1 << 12 | 1 << 13
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp_filters"] == "2"  # the runtime's, and its own
    assert world.agent.writable() == {"/run/penstock", "/run/xtables.lock", "/proc"}


def ends_with(agent, status):
    agent.start()
    assert agent.daemon.ended_within(30)
    assert agent.daemon.process.wait() == status
    return agent.tail()


def test_pods_behind_a_bridge_are_up_to_the_node(new_contained):
    """A container's /proc/sys is read-only: who runs the node switches it on, and is told to."""
    world = new_contained("nft")
    world.node.run("sysctl", "-q", "-w", f"{SETTING}=0")
    world.node.run("ip", "link", "add", "br0", "up", "type", "bridge")
    world.node.run("ip", "address", "add", "10.9.0.1/24", "dev", "br0")
    world.api.create_all([ALLOW_CLIENT, pod("bridged", node="here", ips=["10.9.0.2"])])
    world.agent.start()
    failed = world.agent.wait_for("enforcing failed; it is tried again")
    assert SETTING in failed["why"]
    world.becomes(client=True, stranger=False)
    assert world.agent.probed() == [200, 503]
    world.node.run("sysctl", "-q", "-w", f"{SETTING}=1")
    eventually(lambda: world.agent.probed() == [200, 200])


def test_without_net_admin_it_does_not_start(new_contained):
    world = new_contained("nft", without="NET_ADMIN")
    assert "CAP_NET_ADMIN" in ends_with(world.agent, 3)


def test_without_net_raw_it_does_not_see_what_legacy_has(new_contained):
    """And does not take that for nothing."""
    world = new_contained("legacy", without="NET_RAW")
    assert "which iptables holds the node's rules can't be seen" in ends_with(world.agent, 3)
    assert not world.node.sets()


def test_without_net_raw_no_rule_can_name_a_set(new_contained):
    world = new_contained("nft", without="NET_RAW")
    world.api.create(ALLOW_CLIENT)
    world.agent.start()
    world.agent.wait_for("enforcing failed; it is tried again")
    assert world.agent.probed() == [200, 503]
