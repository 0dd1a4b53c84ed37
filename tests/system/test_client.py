"""The client against a real API server: who it takes whom for, and that it loses nothing."""

import base64
import contextlib
import json
import os
import pathlib
import queue
import socket
import stat
import subprocess
import threading

import pytest
from certificates import Authority
from control_plane import ADDRESS, PORT
from manifests import namespace, pod, pods, policy
from sockets import netns

FOLLOW = str(pathlib.Path(os.environ.get("PENSTOCK", "build/debug/src/cmd/penstock")).resolve().parents[2] / "tests/follow")
PATIENCE = 30  # seconds until a line that does not come fails the test
QUICK = ["--delay", "0.2"]


class Follow:
    """Lines of the program, as they come."""

    def __init__(self, plane, config, *words, command=(), environment=None):
        line = ["ip", "netns", "exec", plane.name, *command, FOLLOW, config, *words]
        self.process = subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **(environment or {})}
        )
        self.lines = queue.Queue()
        self.seen = []
        self.stopped = False
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def until(self, *wanted):
        """Lines up to the one in which all of these words are."""
        lines = []
        while True:
            try:
                line = self.lines.get(timeout=PATIENCE)
            except queue.Empty:
                line = None
            assert line is not None, f"{wanted} did not come:\n" + "\n".join(self.seen)
            self.seen.append(line)
            lines.append(line)
            if all(word in line for word in wanted):
                return lines

    def names(self, *wanted):
        """Of the objects that came before such a line."""
        return [line.split()[2].split("@")[0] for line in self.until(*wanted) if line.split()[1] in "+-"]

    def __enter__(self):
        return self

    def stop(self):
        """What it counted."""
        self.process.terminate()
        self.stopped = True
        return self.until("objects, ")[-1]

    def __exit__(self, *error):
        if not self.stopped:
            self.process.terminate()
        assert self.process.wait(PATIENCE) == 0, self.seen


def follow(plane, *words, **credentials):
    return Follow(plane, plane.kubeconfig(**credentials), "pods", *QUICK, *words)


def refused(plane, why, **more):
    with follow(plane, **more) as client:
        (*_, line) = client.until("pods retrying GET /api/v1/pods")
        assert why in line


@pytest.mark.parametrize("words", [["--page", "2"], [], ["--streaming"]])
def test_lists_and_watches(plane, words):
    plane.api.create_all([pod(f"p{i}") for i in range(5)])
    with follow(plane, *words) as client:
        assert sorted(set(client.names("pods end"))) == [f"default/p{i}" for i in range(5)]
        client.until("pods connected")
        plane.api.create(pod("later"))
        client.until("pods +", "default/later")
        plane.api.delete("Pod", "p3")
        client.until("pods -", "default/p3")
        assert ", 1 lists of pods," in client.stop()  # with --streaming too: this server has it


def test_each_kind(plane):
    plane.api.create_all([namespace("team"), {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}])
    plane.api.create(policy("p", pods(), ns="team", ingress=[]))
    config = plane.kubeconfig()
    for kind, name in {"nodes": "/n", "namespaces": "/team", "networkpolicies": "team/p"}.items():
        with Follow(plane, config, kind) as client:
            assert name in client.names(f"{kind} end")


class plane_of:
    """For whom a node's name is the namespace to be in."""

    def __init__(self, node):
        self.name = node.name


@pytest.fixture
def remote(plane, new_node):
    """Follows from a node, whose network can be cut."""
    node = new_node("nft")
    plane.connect(node.name)

    def make(*words):
        patience = ["--idle", "2", "--connect", "1", "--distrust", "3600"]
        return Follow(plane_of(node), plane.kubeconfig(), "pods", *patience, *QUICK, *words)

    make.name = node.name
    return make


def test_a_cut_network_is_noticed(plane, remote):
    with remote() as client:
        client.until("pods connected")
        plane.cut(remote.name)
        client.until("nothing came for 2 seconds")
        plane.api.create(pod("meanwhile"))
        plane.heal(remote.name)
        client.until("pods +", "default/meanwhile")


@pytest.mark.parametrize("words", [[], ["--streaming"]])
def test_history_is_gone(plane, remote, words):
    plane.api.create(pod("a"))
    with remote(*words) as client:
        client.until("pods connected")
        plane.cut(remote.name)
        client.until("nothing came for 2 seconds")
        plane.api.create(pod("b"))
        plane.api.delete("Pod", "a")
        plane.forget_history()
        plane.heal(remote.name)
        client.until("pods gone", "too old resource version")
        assert client.names("pods end") == ["default/b"]


def test_a_server_that_is_killed(plane):
    plane.api.create(pod("a"))
    with follow(plane, "--distrust", "3600") as client:
        client.until("pods connected")
        plane.restart()
        client.until("pods connected")
        plane.api.create(pod("b"))
        client.until("pods +", "default/b")
        assert not [line for line in client.seen if line.startswith("pods begin")][1:]


@pytest.mark.parametrize("words", [[], ["--streaming"]])
def test_a_restored_etcd(plane, words):
    """Its versions are older than those that the client has seen."""
    plane.api.create(pod("a"))
    snapshot = plane.snapshot()
    plane.api.create_all([pod(f"b{i}") for i in range(20)])
    with follow(plane, *words) as client:
        client.until("pods connected")
        plane.restore(snapshot)
        while client.names("pods end") != ["default/a"]:
            pass
        client.until("pods connected")
        plane.api.create(pod("c"))
        client.until("pods +", "default/c")


# Whom the client takes the server for


def test_another_authority(plane, tmp_path):
    other = Authority(tmp_path / "other", "others")
    refused(plane, "certificate", cluster={"certificate-authority": str(other.certificate)})


def test_the_systems_authorities_are_not_asked_besides(plane, tmp_path):
    """Nor is a server believed that only they would vouch for; nobody is, without an authority."""
    refused(plane, "certificate", cluster={"certificate-authority": None})


def test_another_name(plane):
    plane.renew_server_certificate(names=["DNS:elsewhere"])
    plane.restart()
    refused(plane, "no alternative certificate subject name matches")
    with follow(plane, cluster={"tls-server-name": "elsewhere"}) as client:
        client.until("pods end")
    everyone = {"certificate-authority": None, "insecure-skip-tls-verify": True}
    with follow(plane, cluster=everyone) as client:
        client.until("pods end")


def test_an_expired_certificate(plane):
    plane.renew_server_certificate(seconds=-60)
    plane.restart()
    refused(plane, "expired")


def test_an_authority_in_the_kubeconfig(plane):
    text = base64.b64encode(plane.authority.certificate.read_bytes()).decode()
    data = {"certificate-authority": None, "certificate-authority-data": text}
    with follow(plane, cluster=data) as client:
        client.until("pods end")


# Who the client is


def test_nobody(plane):
    with Follow(plane, plane.kubeconfig("nobody"), "pods", *QUICK) as client:
        client.until("pods forbidden GET /api/v1/pods: 403 Forbidden: pods is forbidden")
    refused(plane, "401 Unauthorized", token="wrong")


def test_a_certificate(plane):
    certificate, key = plane.authority.issue("agent")
    with follow(plane, client_certificate=certificate, client_key=key) as client:
        client.until("pods end")
    texts = {"client_certificate_data": certificate, "client_key_data": key}
    with follow(plane, **{name: base64.b64encode(file.read_bytes()).decode() for name, file in texts.items()}) as client:
        client.until("pods end")


def test_a_token_that_is_rotated(plane, tmp_path):
    token = tmp_path / "token"
    token.write_text(plane.token("agent") + "\n")
    with follow(plane, token_file=token) as client:
        client.until("pods connected")
        plane.rotate_tokens()
        client.until("401 Unauthorized")
        token.write_text(plane.token("agent"))
        client.until("pods connected")


def test_a_service_account(plane):
    plane.bind("pod", "penstock")
    command, environment, token = plane.in_pod(plane.token("agent"))
    with Follow(plane, "pod", "pods", command=command, environment=environment) as client:
        client.until("pods end")


def plugin(tmp_path, script, **more):
    path = tmp_path / "plugin"
    path.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path), "interactiveMode": "Never", **more}


def plugin_config(plane, exec):
    path = pathlib.Path(plane.kubeconfig())
    config = json.loads(path.read_text())
    config["users"][0]["user"] = {"exec": exec}
    path.write_text(json.dumps(config))
    return str(path)


CREDENTIAL = 'echo \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":%s}\''


def test_a_plugin_is_asked_again_when_it_is_refused(plane, tmp_path):
    token = tmp_path / "token"
    token.write_text(plane.token("agent"))
    script = CREDENTIAL % '{"token":"\'$(cat $WHERE)\'"}'
    exec = plugin(tmp_path, script, env=[{"name": "WHERE", "value": str(token)}])
    with Follow(plane, plugin_config(plane, exec), "pods", *QUICK) as client:
        client.until("pods connected")
        assert (tmp_path / "runs").read_text() == "run\n"
        plane.rotate_tokens()
        token.write_text(plane.token("agent"))
        client.until("pods connected")
        assert len((tmp_path / "runs").read_text().split()) > 1


def test_a_token_that_expires(plane, tmp_path):
    """Each request is made with a new one, then: the list, and the watch."""
    script = CREDENTIAL % f'{{"token":"{plane.token("agent")}","expirationTimestamp":"2020-01-02T03:04:05Z"}}'
    with Follow(plane, plugin_config(plane, plugin(tmp_path, script)), "pods") as client:
        client.until("pods connected")
    assert (tmp_path / "runs").read_text() == "run\nrun\n"


def test_a_plugin_that_gives_a_certificate(plane, tmp_path):
    certificate, key = plane.authority.issue("agent")
    status = {"clientCertificateData": certificate.read_text(), "clientKeyData": key.read_text()}
    (tmp_path / "answer").write_text(
        json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})
    )
    exec = plugin(tmp_path, f'printf %s "$KUBERNETES_EXEC_INFO" > {tmp_path}/info; cat "$1"', args=[str(tmp_path / "answer")])
    with Follow(plane, plugin_config(plane, {**exec, "provideClusterInfo": True}), "pods") as client:
        client.until("pods end")
    info = json.loads((tmp_path / "info").read_text())
    assert info["kind"] == "ExecCredential" and info["spec"]["interactive"] is False
    assert info["spec"]["cluster"]["server"] == f"https://{ADDRESS}:{PORT}"


@pytest.mark.parametrize(
    "script, why",
    [
        ("echo no luck >&2; exit 3", "ended with status 3: no luck"),
        ("kill -9 $$", "was ended by signal 9"),
        ("echo '{'", "what it printed is no JSON"),
        ("echo '{}'", "kind is"),
        (CREDENTIAL % "{}", "neither a token nor a certificate"),
        (CREDENTIAL % '{"token":"x","expirationTimestamp":"soon"}', "expirationTimestamp is no time"),
    ],
)
def test_a_plugin_that_fails(plane, tmp_path, script, why):
    exec = plugin(tmp_path, script, installHint="Look for it there.")
    with Follow(plane, plugin_config(plane, exec), "pods", *QUICK) as client:
        client.until("credential plugin", why)
        client.until("Look for it there.")


def test_a_plugin_that_is_not_there(plane, tmp_path):
    exec = {**plugin(tmp_path, ""), "command": str(tmp_path / "nothing")}
    with Follow(plane, plugin_config(plane, exec), "pods", *QUICK) as client:
        client.until("nothing: cannot be run: no such file or directory")


# Through others


def relay(one, other):
    with contextlib.suppress(OSError):  # a client that has seen enough ends it abruptly
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


def serve(connection, seen, path):
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    seen.append(head.split(b"\r\n")[0].decode())
    with netns(path):
        server = socket.create_connection((ADDRESS, PORT))
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    threading.Thread(target=relay, args=(connection, server), daemon=True).start()
    relay(server, connection)


def test_a_proxy(plane):
    path, seen = f"/run/netns/{plane.name}", []
    with netns(path):
        listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: serve(listener.accept()[0], seen, path), daemon=True).start()
    with follow(plane, cluster={"proxy-url": f"http://127.0.0.1:{listener.getsockname()[1]}"}) as client:
        client.until("pods connected")
    assert seen == [f"CONNECT {ADDRESS}:{PORT} HTTP/1.1"]
    listener.close()


# Events


def event(name):
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "default"},
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "a"},
        "reason": "Test",
        "message": "hello",
        "type": "Warning",
    }


def test_an_event_is_posted(plane):
    path = "/api/v1/namespaces/default/events"
    config = plane.kubeconfig()
    now = plane.api.list("Event")["metadata"]["resourceVersion"]  # tests before this one left some
    with plane.api.watch("Event", resourceVersion=now) as watch:
        with Follow(plane, config, "pods", "--post", path, json.dumps(event("posted"))) as client:
            client.until("pods connected")
            assert next(watch)["object"]["metadata"]["name"] == "posted"
