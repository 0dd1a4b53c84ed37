"""The agent follows a real API server, and packets show what it makes of it."""

from manifests import allow, block, namespace, pod, pods, pods_in, policy
from worlds import ADDRESSES, ALLOW_CLIENT


def test_a_policy_comes_changes_and_goes(world):
    world.becomes(client=True, stranger=True)
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    world.api.update(policy("p", pods(app="web"), ingress=[allow(pods(app="stranger"))]))
    world.becomes(client=False, stranger=True)
    world.api.delete("NetworkPolicy", "p")
    world.becomes(client=True, stranger=True)
    assert world.agent.stop() == 0


def test_labels_of_pods_and_namespaces_change(world):
    world.api.create(ALLOW_CLIENT)
    world.becomes(client=True, stranger=False)
    world.label("client", app="other")
    world.becomes(client=False, stranger=False)
    world.label("stranger", app="client")
    world.becomes(client=False, stranger=True)
    world.api.update(policy("p", pods(app="web"), ingress=[allow(pods_in({"team": "a"}))]))
    world.becomes(client=False, stranger=False)
    world.api.patch("Namespace", "default", {"metadata": {"labels": {"team": "a"}}})
    world.becomes(client=True, stranger=True)
    world.label("web", app="else")
    world.api.patch("Namespace", "default", {"metadata": {"labels": {"team": None}}})
    world.becomes(client=True, stranger=True)
    world.label("web", app="web")
    world.becomes(client=False, stranger=False)


def test_egress_and_blocks(nft_world):
    world = nft_world
    web = [block(f"{ADDRESSES['web'][0]}/32"), block(f"{ADDRESSES['web'][1]}/128")]
    out = lambda *peers: policy("out", pods(app="client"), egress=[allow(*peers)] if peers else [])
    world.api.create(out())
    world.becomes(client=False, stranger=True)
    world.api.update(out(*web))
    world.becomes(client=True)
    world.api.update(out(block("10.0.0.0/8", f"{ADDRESSES['web'][0]}/32"), block("fd00::/64", f"{ADDRESSES['web'][1]}/128")))
    world.becomes(client=False)
    world.api.delete("NetworkPolicy", "out")
    world.becomes(client=True)


def test_namespaces_come_and_go(nft_world):
    """With policies and pods in them."""
    world = nft_world
    world.api.create(policy("p", pods(app="web"), ingress=[allow(pods_in({"team": "a"}))]))
    world.becomes(client=False, stranger=False)
    world.api.delete("Pod", "client")
    world.api.create(namespace("team", team="a"))
    guest = pod("guest", ns="team", node="here", ips=ADDRESSES["client"])
    world.api.create(guest)
    world.becomes(client=True, stranger=False)
    world.api.create(policy("shut", pods(), ns="team", egress=[]))
    world.becomes(client=False)
    world.api.delete("NetworkPolicy", "shut", "team")
    world.becomes(client=True)
    world.api.delete_namespace("team")
    world.becomes(client=False)
    world.api.create(namespace("team"))
    world.api.create(guest)
    world.api.patch("Namespace", "team", {"metadata": {"labels": {"team": "a"}}})
    world.becomes(client=True, stranger=False)
    assert world.is_proven()


def test_all_goes_at_once(nft_world):
    world = nft_world
    world.api.create_all([ALLOW_CLIENT, policy("q", pods(), ingress=[]), policy("r", pods(), egress=[])])
    world.becomes(client=False, stranger=False)
    world.api.request("DELETE", "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies")
    world.becomes(client=True, stranger=True)
    assert world.agent.metric("penstock_isolated_pods") == 0
