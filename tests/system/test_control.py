"""The agent's socket: commands that are given no manifests ask it, and nobody can hold it up."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import time

import pytest
from nodes import PENSTOCK, manifest_text, pod, pods, policy, tcp

SERVER = pathlib.Path(PENSTOCK).parents[2] / "tests/control_server"
STALL_SECONDS = 5  # CONTROL_STALL_SECONDS, CONTROL_QUESTION_SECONDS
MAX_CLIENTS = 4

WEB = pod("web", "10.244.0.2", app="web")
CLIENT = pod("client", "10.244.0.3", app="client")
ONLY_CLIENT = policy("only-client", {"app": "web"}, [{"from": [pods(app="client")], "ports": tcp(80)}])
CLUSTER = [WEB, CLIENT, pod("other", "10.244.0.4"), ONLY_CLIENT]


class Server:
    """tests/system/control_server.c, in a node's network namespace or in this one."""

    def __init__(self, path, objects, node=None, name="here", own_node_egress="Allow", why=None, alone=False):
        self.path = path
        self.manifests = path.parent.parent / f"{path.name}.json"
        self.write(objects)
        words = [SERVER, ("alone:" if alone else "") + str(path), self.manifests, name, "iptables-nft", own_node_egress]
        words = [str(word) for word in words + ([why] if why else [])]
        self.process = subprocess.Popen(node.command(*words) if node else words, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.ready = self.process.stdout.readline() == "ready\n"

    def write(self, objects):
        self.manifests.write_text(manifest_text(objects))

    def again(self, objects):
        self.write(objects)
        self.process.send_signal(signal.SIGUSR1)
        assert self.process.stdout.readline() == "again\n"

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def refused(self):
        """What it says that does not start."""
        assert not self.ready
        message = self.process.communicate()[1]
        assert self.process.returncode == 3, message
        return message

    def done(self):
        if self.process.returncode is not None:
            return
        self.process.terminate()
        message = self.process.communicate()[1]
        assert self.process.returncode == 0, message  # sanitizers speak here
        assert not self.path.exists()

    def proc(self, *names):
        return pathlib.Path("/proc", str(self.process.pid), *names)

    def descriptors(self):
        return len(list(self.proc("fd").iterdir()))

    def children(self):
        return self.proc("task", str(self.process.pid), "children").read_text().split()

    def memory(self, field):
        return int(re.search(rf"{field}:\s+(\d+) kB", self.proc("status").read_text())[1])

    def connect(self, question=b"cluster\n"):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(str(self.path))  # waits where many do; with a time-out it would not
        client.settimeout(60)
        client.sendall(question)
        return client

    def ask(self, question=b"cluster\n"):
        with self.connect(question) as client:
            return take_all(client)


def take_all(client):
    pieces = []
    while piece := client.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.fixture
def new_server(tmp_path):
    servers = []

    def make(objects=CLUSTER, path="run/agent.sock", **more):
        servers.append(Server(tmp_path / path, objects, **more))
        return servers[-1]

    with contextlib.ExitStack() as stack:
        yield make
        for server in servers:
            stack.callback(server.done)


@pytest.fixture
def nft_node(new_node):
    return new_node("nft")


@pytest.fixture
def server(new_server):
    server = new_server(alone=True)
    assert server.ready
    return server


def run(*words, status):
    done = subprocess.run([PENSTOCK, *words], capture_output=True, text=True)
    print(f"$ penstock {' '.join(words)}\n{done.stdout}{done.stderr}[{done.returncode}]")
    assert done.returncode == status
    return done


def many(pods_each, policies):
    """A large cluster: its text is megabytes."""
    objects = [pod(f"pod-{i}", f"10.{100 + i // 65536}.{i // 256 % 256}.{i % 256}", node=f"node-{i % 100}",
                   app=f"app-{i % 500}", zone=f"zone-{i % 7}") for i in range(pods_each)]
    return objects + [policy(f"policy-{i}", {"app": f"app-{i % 500}"}, [{"from": [pods(zone=f"zone-{i % 7}")]}])
                      for i in range(policies)]


def wait_for(what):
    """A state that comes by itself, within what the test allows for it."""
    end = time.monotonic() + 4 * STALL_SECONDS
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


# Commands without manifests


def test_explain_asks_the_agent(server):
    path = str(server.path)
    done = run("explain", "--socket", path, "client", "web", "--port", "80", status=0)
    assert "default/only-client ingress[0]" in done.stdout
    run("explain", "--socket", path, "other", "web", "--port", "80", status=1)
    server.again([WEB, CLIENT, pod("other", "10.244.0.4")])
    run("explain", "--socket", path, "other", "web", "--port", "80", status=0)


def test_what_the_agent_says_is_what_manifests_say(server):
    """The answer is a list of manifests itself."""
    words = ["client", "web", "--port", "80", "-o", "json"]
    saved = server.path.parent / "answer.json"
    saved.write_bytes(server.ask())
    expected = run("explain", "-f", str(server.manifests), *words, status=0).stdout
    assert run("explain", "--socket", str(server.path), *words, status=0).stdout == expected
    assert run("explain", "-f", str(saved), *words, status=0).stdout == expected


def test_the_agent_says_whether_egress_applies_to_its_node(new_server):
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "here"},
            "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}}
    silent = policy("silent", {"app": "web"}, egress=[])
    words = ["web", "node/here", "--port", "80"]
    for path, own_node_egress, status in [("a/a.sock", "Allow", 0), ("b/b.sock", "Policy", 1)]:
        server = new_server([*CLUSTER, node, silent], path, own_node_egress=own_node_egress, alone=True)
        run("explain", "--socket", str(server.path), *words, status=status)
        done = run("explain", "--socket", str(server.path), "--own-node-egress", "Allow", *words, status=2)
        assert "--own-node-egress goes with -f" in done.stderr


def test_verify_asks_the_agent_for_cluster_and_node(new_server, nft_node):
    nft_node.apply(CLUSTER)
    server = new_server(node=nft_node)
    path = str(server.path)
    assert "node here: equal" in nft_node.penstock("verify", "--socket", path).stdout
    server.again(CLUSTER[:-1])
    assert "node here: different" in nft_node.penstock("verify", "--socket", path, status=1).stdout
    nft_node.penstock("verify", "--socket", path, "--repair")
    assert "node here: equal" in nft_node.penstock("verify", "--socket", path).stdout
    done = nft_node.penstock("explain", "--socket", path, "other", "web", "--port", "80", "--live")
    assert "the kernel of here: passes" in done.stdout


def test_verify_finds_a_node_without_pods(new_server, nft_node):
    """Nobody but the agent knows that node."""
    nft_node.apply(CLUSTER, "--node", "here")
    server = new_server(node=nft_node, name="empty")
    assert "node empty: " in nft_node.penstock("verify", "--socket", str(server.path), status=None).stdout


def test_verify_watch_asks_again(new_server, nft_node):
    nft_node.apply(CLUSTER)
    server = new_server(node=nft_node)
    words = [PENSTOCK, "verify", "--socket", str(server.path), "--watch", "--period", "3600"]
    watch = subprocess.Popen(nft_node.command(*words), stdout=subprocess.PIPE, text=True)
    try:
        assert "equal" in watch.stdout.readline()
        server.again(CLUSTER[:-1])
        nft_node.iptables("-N", "TOUCHED")
        assert "different" in watch.stdout.readline()
    finally:
        watch.terminate()
        watch.communicate()
    assert watch.returncode == 1


def test_list_says_whether_the_agent_enforces(new_server, nft_node):
    nft_node.apply(CLUSTER)
    words = ["list", "--backend", "nft", "--socket"]
    server = new_server(node=nft_node)
    assert nft_node.penstock(*words, str(server.path)).stdout.startswith("node here: the agent enforces (iptables-nft)\n")
    assert json.loads(nft_node.penstock(*words, str(server.path), "-o", "json").stdout)
    server = new_server(path="b/b.sock", node=nft_node, why="ipset is not installed", alone=True)
    line = nft_node.penstock(*words, str(server.path)).stdout.splitlines()[0]
    assert line == "node here: the agent is NOT enforcing: ipset is not installed"
    server = new_server(path="c/c.sock", alone=True)  # of another network namespace
    assert nft_node.penstock(*words, str(server.path)).stdout == nft_node.penstock(*words, "/nowhere").stdout


def test_list_does_not_wait_for_an_agent_that_is_stuck(new_server, nft_node):
    server = new_server(node=nft_node)
    server.process.send_signal(signal.SIGSTOP)
    done = nft_node.penstock("list", "--backend", "nft", "--socket", str(server.path))
    server.process.send_signal(signal.SIGCONT)
    assert done.stdout.startswith(f"{server.path}: the agent does not answer\n")


@pytest.mark.parametrize("command", [["explain", "a", "b"], ["verify"]])
def test_without_manifests_and_agent_both_ways_are_said(command, tmp_path):
    done = run(*command, "--socket", str(tmp_path / "none"), status=2)
    assert f"neither manifests (-f PATH…) nor an agent to ask: {tmp_path}/none: No such file or directory" in done.stderr


@pytest.mark.parametrize("words, says", [
    (["explain", "-f", "x", "--socket", "y", "a", "b"], "--socket y: with -f the manifests are asked"),
    (["explain", "--own-node-egress", "Policy", "a", "b"], "--own-node-egress goes with -f"),
    (["explain", "--node", "n", "a", "b", "--live"], "--node goes with -f"),
    (["verify", "--node", "n"], "--node goes with -f"),
    (["verify", "--repair", "--backend", "nft"], "--backend goes with -f"),
    (["verify", "--repair", "--deny", "reject"], "--deny goes with -f"),
])
def test_what_the_agent_decides_is_no_flag(words, says):
    assert says in run(*words, status=2).stderr


def test_an_agent_that_does_not_know_the_cluster_is_not_believed(new_server):
    server = new_server(why="starting", alone=True)
    done = run("explain", "--socket", str(server.path), "client", "web", "--port", "80", status=3)
    assert "the agent does not know the whole cluster yet: starting" in done.stderr


def test_an_agent_that_does_not_enforce_is_told(new_server):
    server = new_server(why="the disk is on fire", alone=True)
    done = run("explain", "--socket", str(server.path), "client", "web", "--port", "80", status=0)
    assert "note: the agent is not enforcing: the disk is on fire" in done.stderr


def test_an_agent_of_another_network_namespace_is_not_compared_with(new_server, nft_node):
    server = new_server(alone=True)
    words = ["--socket", str(server.path)]
    for command in (["verify"], ["explain", "client", "web", "--port", "80", "--live"]):
        assert "runs in another network namespace" in nft_node.penstock(*command, *words, status=3).stderr
    nft_node.penstock("explain", "client", "web", "--port", "80", *words)


# What a false or broken agent says


@contextlib.contextmanager
def false_agent(path, answer):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        child = os.fork()
        if child == 0:
            connection, _ = listener.accept()
            connection.recv(100)
            connection.sendall(answer)
            connection.close()
            os._exit(0)
        yield
        os.waitpid(child, 0)


@pytest.mark.parametrize("cut, says", [
    (0, "the agent gave no answer"),
    (-10, "unexpected end of JSON input"),
    (None, None),
])
def test_an_answer_that_is_cut_is_no_answer(server, tmp_path, cut, says):
    with false_agent(tmp_path / "false", server.ask()[:cut]):
        done = run("explain", "--socket", str(tmp_path / "false"), "client", "web", "--port", "80", status=3 if says else 0)
    assert not says or says in done.stderr


@pytest.mark.parametrize("answer", [b"{}", b'{"items": []}', b'{"agent": {"node": "here"}}', b"hello", b"[" * 1000,
                                    b'{"agent": {"node": "here", "ownNodeEgress": "Allow", "whole": true}} {}'])
def test_what_is_no_answer_is_refused(tmp_path, answer):
    with false_agent(tmp_path / "false", answer):
        assert "the agent" in run("explain", "--socket", str(tmp_path / "false"), "a", "b", status=3).stderr


def test_a_socket_of_somebody_else_is_not_asked(tmp_path):
    tmp_path.chmod(0o777)
    script = f"""import os, socket, sys
os.setgid(65534); os.setuid(65534)
listener = socket.socket(socket.AF_UNIX); listener.bind("{tmp_path}/theirs"); listener.listen()
print("ready", flush=True); sys.stdin.read()"""
    os.chmod(tmp_path.parent, 0o755)
    os.chmod(tmp_path.parent.parent, 0o755)
    theirs = subprocess.Popen(["python3", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert theirs.stdout.readline() == "ready\n"
        done = run("explain", "--socket", str(tmp_path / "theirs"), "a", "b", status=2)
    finally:
        theirs.communicate()
    assert "is not root's but of user 65534" in done.stderr


# The socket


def test_the_socket_is_roots_alone(server):
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.path.parent.stat().st_mode) == 0o700
    # Even where it can be reached: whoever is not root is not answered.
    for path in [server.path, *list(server.path.parents)[:4]]:
        if path != pathlib.Path("/"):
            path.chmod(path.stat().st_mode | 0o777)
    script = f"""import os, socket
os.setgid(65534); os.setuid(65534)
client = socket.socket(socket.AF_UNIX); client.connect("{server.path}")
try:
    client.sendall(b"cluster\\n"); print(len(client.recv(100)))
except (ConnectionResetError, BrokenPipeError):
    print(0)"""
    assert subprocess.run(["python3", "-c", script], capture_output=True, text=True).stdout == "0\n"
    assert len(server.ask()) > 100


def test_a_dead_agents_socket_is_replaced(new_server):
    first = new_server(alone=True)
    first.kill()
    assert first.path.exists()
    second = new_server(alone=True)
    assert second.ready and second.ask()


def test_a_living_agents_socket_is_not(new_server):
    first = new_server(alone=True)
    assert f"another agent runs here (pid {first.process.pid})" in new_server(alone=True).refused()
    assert first.ask()


def test_nothing_but_a_socket_is_ever_removed(new_server, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/agent.sock").write_text("precious")
    assert "is there, and is no socket" in new_server(alone=True).refused()
    assert (tmp_path / "run/agent.sock").read_text() == "precious"


def test_a_socket_that_is_another_agents_by_now_stays(new_server):
    first = new_server(alone=True)
    first.path.unlink()
    second = new_server(alone=True)
    first.process.terminate()
    first.process.communicate()
    assert second.ask()


# One agent in each network namespace


def test_two_agents_in_one_network_namespace_refuse(new_server, nft_node, new_node):
    first = new_server(path="a/a.sock", node=nft_node)
    assert first.ready
    refused = new_server(path="b/b.sock", node=nft_node).refused()
    assert f"another agent runs in this network namespace (pid {first.process.pid})" in refused
    assert new_server(path="c/c.sock", node=new_node("nft")).ready


def test_whoever_takes_the_agents_name_is_named(new_server, nft_node):
    script = """import os, socket, sys
os.setgid(65534); os.setuid(65534)
listener = socket.socket(socket.AF_UNIX); listener.bind("\\0penstock-agent"); listener.listen()
print(os.getpid(), flush=True); sys.stdin.read()"""
    taker = subprocess.Popen(nft_node.command("python3", "-c", script), stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    try:
        pid = int(taker.stdout.readline())
        refused = new_server(node=nft_node).refused()
    finally:
        taker.communicate()
    assert f"is taken by pid {pid} of user 65534, which is no agent" in refused


def test_a_killed_agent_makes_room_at_once_whoever_still_reads_its_answer(new_server, nft_node):
    first = new_server(many(5000, 0), node=nft_node)
    with first.connect() as client:
        client.recv(1)
        first.kill()  # and waits until nobody has its standard error any more
        assert new_server(node=nft_node).ready
        with pytest.raises(json.JSONDecodeError):
            json.loads(b"{" + take_all(client))


# Slow, vanishing and too many clients


def test_clients_that_vanish_leave_nothing(new_server):
    server = new_server(many(2000, 100), alone=True)
    before = server.descriptors()
    for question in [b"", b"clus", b"cluster\n", b"state\n", b"nonsense\n", b"x" * 100, b"\n", b"cluster\ncluster\n"] * 10:
        server.connect(question).close()
    assert len(server.ask()) > 100000
    wait_for(lambda: server.descriptors() == before and not server.children())


def test_what_is_no_question_is_not_answered(server):
    for question in [b"nonsense\n", b"\n", b"clusters\n", b"x" * 100, b"CLUSTER\n"]:
        with contextlib.suppress(ConnectionResetError):
            assert server.ask(question) == b""
    assert json.loads(server.ask(b"state\n"))["agent"]["pid"] == server.process.pid
    assert "items" not in json.loads(server.ask(b"state\n"))


@pytest.mark.parametrize("question", [b"cluster\n", b""], ids=["take nothing", "ask nothing"])
def test_slow_clients_hold_nobody_up_for_long(new_server, question):
    server = new_server(many(5000, 500), alone=True)
    before = server.descriptors()
    stalled = [server.connect(question) for _ in range(MAX_CLIENTS)]
    began = time.monotonic()
    answer = json.loads(server.ask())
    assert STALL_SECONDS * 0.9 < time.monotonic() - began < STALL_SECONDS * 3
    assert len(answer["items"]) == 5500
    for client in stalled:
        client.close()
    wait_for(lambda: server.descriptors() == before and not server.children())


def test_the_agent_works_on_while_an_answer_is_taken(new_server):
    """And the answer is the cluster as it was when the question came."""
    server = new_server(many(5000, 0), alone=True)
    with server.connect() as client:
        client.recv(1)
        server.again([WEB])
        assert [item["metadata"]["name"] for item in json.loads(server.ask())["items"]] == ["web"]
        old = json.loads(b"{" + take_all(client))
    assert len(old["items"]) == 5000


def test_answers_cost_the_agent_no_memory(new_server):
    server = new_server(many(10000, 5000), alone=True)
    assert len(server.ask()) > 3e6
    before = server.memory("VmRSS")
    for _ in range(5):
        assert len(json.loads(server.ask())["items"]) == 15000
    assert server.memory("VmRSS") - before < 500
    with server.connect() as client:
        client.recv(1)
        [child] = server.children()
        status = pathlib.Path(f"/proc/{child}/status").read_text()
        own = int(re.search(r"RssAnon:\s+(\d+)", status)[1]) - before
        assert own < 2000, "the writer holds more than a piece"
        take_all(client)


def test_a_big_cluster_is_taken_whole(new_server):
    server = new_server(many(10000, 5000), alone=True)
    words = ["pod-1", "pod-501", "--port", "80", "-o", "json"]
    done = run("explain", "--socket", str(server.path), *words, status=0)
    assert done.stdout == run("explain", "-f", str(server.manifests), *words, status=0).stdout


def test_an_agent_that_ends_takes_its_answers_with_it(new_server):
    server = new_server(many(5000, 0), alone=True)
    with server.connect() as client:
        client.recv(1)
        [child] = server.children()
        server.done()
        assert not pathlib.Path(f"/proc/{child}").exists()
