"""The control plane that other tests rely on does what they ask it for."""

import select
import ssl

import pytest
from control_plane import ADDRESS, ADDRESS6, KUBECTL, PORT
from kube_api import Api, ApiError
from manifests import allow, namespace, pod, pods, policy
from sockets import SILENCE

WEB = pod("web", node="here", ips=["10.0.0.1"], app="web")


def version(plane):
    return plane.api.list("Pod")["metadata"]["resourceVersion"]


def refused(status, request, *words, **more):
    with pytest.raises(ApiError) as error:
        request(*words, **more)
    assert error.value.status == status


def events(watch, n):
    return [(event["type"], event["object"]["metadata"]["name"]) for event in (next(watch) for _ in range(n))]


def silent(watch):
    sock = watch.answer.fp.raw._sock
    return not sock.pending() and not select.select([sock], [], [], SILENCE)[0]


@pytest.mark.parametrize("again", [False, True])
def test_each_test_finds_a_new_cluster(plane, again):
    assert plane.api.names("Pod") == plane.api.names("NetworkPolicy") == plane.api.names("Node") == []
    assert "extra" not in plane.api.names("Namespace")
    assert "team" not in plane.api.get("Namespace", "default")["metadata"]["labels"]
    plane.api.create(namespace("extra"))
    plane.api.create_all([WEB, pod("web", ns="extra"), policy("p", pods(app="web"), ingress=[])])
    plane.api.patch("Namespace", "default", {"metadata": {"labels": {"team": "a"}}})


def test_objects_are_listed_with_their_status(plane):
    plane.api.create(WEB)
    (item,) = plane.api.list("Pod")["items"]
    assert item["status"]["phase"] == "Running"
    assert item["status"]["podIPs"] == [{"ip": "10.0.0.1"}]
    plane.api.update(pod("web", node="here", ips=["10.0.0.1"], phase="Succeeded", app="other"))
    (item,) = plane.api.list("Pod", "default", labelSelector="app=other")["items"]
    assert item["status"]["phase"] == "Succeeded"


def test_changes_are_watched(plane):
    with plane.api.watch("Pod", resourceVersion=version(plane)) as watch:
        plane.api.create(WEB)
        plane.api.patch("Pod", "web", {"metadata": {"labels": {"app": "db"}}})
        plane.api.delete("Pod", "web")
        # Its status, its label, and the mark that it is being deleted.
        assert [kind for kind, _ in events(watch, 5)] == ["ADDED", *["MODIFIED"] * 3, "DELETED"]
        plane.api.create(WEB)
        assert events(watch, 1) == [("ADDED", "web")]


def test_a_pod_that_ends_in_its_own_time(plane):
    plane.api.create(WEB)
    plane.api.delete("Pod", "web", grace=30)
    assert "deletionTimestamp" in plane.api.get("Pod", "web")["metadata"]
    plane.api.delete("Pod", "web")
    refused(404, plane.api.get, "Pod", "web")


def test_a_namespace_goes_with_all_in_it(plane):
    plane.api.create(namespace("team"))
    plane.api.create_all([pod("web", ns="team"), policy("p", pods(), ns="team", ingress=[allow(pods())])])
    plane.api.delete_namespace("team")
    assert "team" not in plane.api.names("Namespace")
    assert plane.api.names("Pod") == plane.api.names("NetworkPolicy") == []


def test_what_is_not_valid_is_refused(plane):
    refused(422, plane.api.create, policy("p", pods(), ingress=[allow(ports=[("TCP", 80, 79)])]))


def test_the_server_comes_back_with_what_it_knew(plane):
    plane.api.create(WEB)
    watch = plane.api.watch("Pod", resourceVersion=version(plane))
    plane.kill()
    assert list(watch) == []
    with pytest.raises(ConnectionRefusedError):
        plane.client("admin").list("Pod")
    plane.start()
    assert plane.api.names("Pod") == ["web"]


def test_history_that_is_forgotten_is_gone(plane):
    before = version(plane)
    plane.api.create(WEB)
    plane.forget_history()
    with plane.api.watch("Pod", resourceVersion=before) as watch:
        event = next(watch)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert plane.api.names("Pod") == ["web"]


def test_an_older_state_comes_back(plane):
    plane.api.create(WEB)
    snapshot, before = plane.snapshot(), version(plane)
    plane.api.create(pod("later"))
    plane.api.delete("Pod", "web")
    after = version(plane)
    plane.restore(snapshot)
    assert plane.api.names("Pod") == ["web"]
    assert int(before) <= int(version(plane)) < int(after) + 100  # writes of its own at each start


def test_users_may_do_what_their_roles_say(plane):
    agent, nobody = plane.client("agent"), plane.client("nobody")
    for kind in ["Pod", "Namespace", "Node", "NetworkPolicy"]:
        agent.list(kind)
        agent.watch(kind).__exit__()
        refused(403, nobody.list, kind)
    for kind in ["Secret", "Service", "DaemonSet", "ServiceAccount"]:
        refused(403, agent.list, kind)
    refused(403, agent.create, WEB)
    refused(403, agent.delete, "Pod", "web")


def test_tokens_rotate(plane):
    old = plane.client("agent")
    plane.rotate_tokens()
    old.forget_connections()
    refused(401, old.list, "Pod")
    plane.client("agent").list("Pod")


def test_certificates_expire(plane):
    where = plane.api.namespace, "127.0.0.1", PORT, plane.authority.certificate
    Api(*where, certificate=plane.authority.issue("admin", ["system:masters"])).list("Pod")
    expired = Api(*where, certificate=plane.authority.issue("admin", ["system:masters"], seconds=-60))
    refused(401, expired.list, "Pod")


def test_a_server_is_known_by_its_certificate(plane):
    plane.renew_server_certificate(seconds=-60)
    plane.restart()
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        plane.client("agent").list("Pod")
    plane.renew_server_certificate(names=["IP:192.0.2.1"])
    plane.restart()
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        plane.client("agent").list("Pod")
    plane.api.create(WEB)


@pytest.mark.parametrize("address", [ADDRESS, f"[{ADDRESS6}]"])
@pytest.mark.parametrize("credentials", ["token", "token file", "certificate"])
def test_a_node_reaches_the_server_with_a_kubeconfig(plane, new_node, address, credentials, tmp_path):
    node = new_node("nft")
    plane.connect(node.name)
    more = {}
    if credentials == "token file":
        more["token_file"] = tmp_path / "token"
        more["token_file"].write_text(plane.token("agent"))
    elif credentials == "certificate":
        more["client_certificate"], more["client_key"] = plane.authority.issue("agent")
    config = plane.kubeconfig("agent", server=f"https://{address}:{PORT}", **more)
    plane.api.create(WEB)
    listed = node.run(KUBECTL, "--kubeconfig", config, "get", "pods", "-o", "name")
    assert listed.stdout == "pod/web\n"


def test_a_pod_reaches_the_server_with_its_service_account(plane, new_node):
    node = new_node("nft")
    plane.connect(node.name)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bound", "namespace": "kube-system"}}
    plane.api.create(secret)
    token = plane.api.token("penstock", "kube-system", bound_to=secret)
    command, environment, _ = plane.in_pod(token, KUBECTL, "auth", "whoami")
    answer = node.run(*command, env=environment)
    assert "system:serviceaccount:kube-system:penstock" in answer.stdout


def test_a_cut_cable_is_silent(plane, new_node):
    node = new_node("nft")
    plane.connect(node.name)
    far = Api(f"/run/netns/{node.name}", ADDRESS, PORT, plane.authority.certificate, plane.token("agent"))
    with far.watch("Pod", resourceVersion=version(plane)) as watch:
        plane.cut(node.name)
        plane.api.create(WEB)
        assert silent(watch)
        plane.heal(node.name)
        assert events(watch, 1) == [("ADDED", "web")]
