"""The command line: what a person types and reads, without touching the kernel."""

import json
import os
import pathlib
import re
import subprocess

import pytest

PENSTOCK = os.environ["PENSTOCK"]
SOURCE = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = SOURCE / "examples/frontend-backend"
COMMANDS = ["render", "apply", "agent", "list", "explain", "verify", "lab", "cleanup"]
LAB_COMMANDS = ["up", "apply", "probe", "explain", "exec", "down"]

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: default, labels: {{app: {name}}}}}
spec:
  nodeName: node-1
  containers: [{{name: main, ports: [{ports}]}}]
status: {{phase: Running, podIPs: [{ips}]}}
---
"""
ONLY_IPV4 = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: only-ipv4, namespace: default}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: http}]}]
---
"""


def pod(name, *ips, ports=""):
    return POD.format(name=name, ips=", ".join(f"{{ip: '{ip}'}}" for ip in ips), ports=ports)


CLUSTER = (
    pod("web", "10.244.0.2", "fd00::2", ports="{name: http, containerPort: 8080}")
    + pod("client", "10.244.0.3", "fd00::3")
    + pod("old", "10.244.0.4")
    + ONLY_IPV4
)
STARTING = pod("starting", ports="{name: http, containerPort: 8080}")


def run(*words, stdin=None, status=None):
    done = subprocess.run([PENSTOCK, *words], input=stdin, capture_output=True, text=True)
    if status is not None:
        assert done.returncode == status, done.stdout + done.stderr
    return done


def explain(*words, stdin=CLUSTER + STARTING, status):
    return run("explain", "-f", "-", *words, stdin=stdin, status=status)


def test_without_a_command_it_says_what_there_is():
    done = run(status=2)
    assert done.stdout == ""
    for command in COMMANDS:
        assert f"\n  {command} " in done.stderr
    assert run("--help", status=0).stdout == done.stderr
    assert "nonsense: no such command" in run("nonsense", status=2).stderr


def test_version():
    assert re.fullmatch(r"penstock \d+\.\d+\.\d+\n", run("--version", status=0).stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_a_man_page_and_completion(command):
    text = run(command, "--help", status=0).stdout
    assert text.startswith(f"Usage: penstock {command}")
    page = (SOURCE / f"man/penstock-{command}.8").read_text().replace("Fl -", "--")
    for option in set(re.findall(r"--[a-z-]+", text)) - {"--help"}:
        short = re.search(rf"-(\w), *{option}\b", text)
        assert option in page or (short and f"Fl {short[1]}" in page), f"{option} is not in the man page"
    assert re.search(rf'commands="[^"]*\b{command}\b', (SOURCE / "completions/penstock.bash").read_text())


@pytest.mark.parametrize("words", [[command] for command in COMMANDS] + [["lab", word] for word in LAB_COMMANDS])
def test_help_fits_100_columns(words):
    for line in run(*words, "--help", status=0).stdout.splitlines():
        assert len(line) <= 100, line


def complete(*words):
    """What bash offers for the last word."""
    script = f"""source {SOURCE}/completions/penstock.bash
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) && _penstock && printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_completion_knows_commands_options_and_values():
    assert set(COMMANDS) < set(complete("penstock", ""))
    assert complete("penstock", "lab", "") == LAB_COMMANDS
    assert complete(PENSTOCK, "apply", "--dry") == ["--dry-run"]
    assert complete(PENSTOCK, "lab", "probe", "--time") == ["--timeout"]
    assert complete(PENSTOCK, "cleanup", "-") == ["--dry-run", "--wait", "--help"]
    assert "--noflush" not in complete(PENSTOCK, "render", "--n")
    assert complete("penstock", "explain", "--protocol", "S") == ["SCTP"]
    assert complete("penstock", "render", "-f", str(SOURCE / "exam")) == [str(SOURCE / "examples")]


@pytest.mark.parametrize("words, says", [
    (["apply"], "-f PATH is missing"),
    (["apply", "--nonsense"], "--nonsense: unknown option"),
    (["apply", "-f"], "-f: wants an argument"),
    (["apply", "-f", "x", "extra"], "extra: one argument too many"),
    (["apply", "-f", "x", "--deny", "loudly"], "--deny loudly: not drop or reject"),
    (["apply", "-f", "x", "--wait", "-1"], "--wait -1: not seconds, 0 to 3600"),
    (["render", "-f", "x", "--part", "all"], "--part all: not sets, ipv4 or ipv6"),
    (["list", "nonsense"], "nonsense: not policies, pods, chains or sets"),
    (["list", "-o", "yaml"], "--output yaml: not text or json"),
    (["explain", "-f", "x", "a"], "FROM and TO are needed"),
    (["agent", "-f", "x"], "-f: unknown option"),
    (["agent", "--deny", "loudly"], "--deny loudly: not drop or reject"),
    (["agent", "--metrics", "host:80"], "--metrics host:80: not ADDRESS:PORT"),
    (["agent", "--socket", "agent.sock"], "--socket agent.sock: not an absolute path"),
    (["agent", "--log-level", "loud"], "--log-level loud: not error, warning, info or debug"),
    (["agent", "--node", "Node"], "--node Node: not a node's name"),
    (["lab"], "up, apply, probe, explain, exec or down?"),
    (["lab", "nonsense"], "nonsense: no such command"),
])
def test_bad_usage_is_named(words, says):
    done = run(*words, status=2)
    assert f"penstock {words[0]}: " in done.stderr
    assert says in done.stderr
    assert done.stdout == ""


def test_explain_tells_who_allows_and_who_denies():
    done = run("explain", "-f", str(EXAMPLE), "frontend", "backend", "--port", "8080", status=0)
    assert ": Allowed\n" in done.stdout
    assert "default/allow-frontend-to-backend ingress[0]" in done.stdout
    done = run("explain", "-f", str(EXAMPLE), "other", "backend", "--port", "8080", status=1)
    assert ": Denied\n" in done.stdout
    assert "default/allow-frontend-to-backend" in done.stdout
    assert "\033" not in done.stdout


def test_explain_in_json():
    done = explain("client", "web", "-p", "http", "-o", "json", status=1)
    answer = json.loads(done.stdout)
    assert answer["verdict"] == "Denied"
    assert answer["egress"] == {"isolated": False, "exempt": None, "allowedBy": [], "policies": []}
    assert answer["ingress"]["policies"] == ["default/only-ipv4"]
    ipv4, ipv6 = answer["addresses"]
    assert (ipv4["verdict"], ipv4["source"], ipv4["destination"]) == ("Allowed", "10.244.0.3", "10.244.0.2")
    assert ipv4["ingress"]["allowedBy"] == [{"policy": "default/only-ipv4", "rule": 0}]
    assert (ipv6["verdict"], ipv6["source"], ipv6["destination"]) == ("Denied", "fd00::3", "fd00::2")


@pytest.mark.parametrize("words, status", [
    (["10.244.0.4", "web"], 0),  # the one port that web has
    (["old", "default/web", "--port", "8081"], 1),
    (["192.0.2.1", "10.244.0.2", "-p", "8080"], 0),
    (["fd00::9", "web", "-p", "8080"], 1),
    (["node", "web", "-p", "1"], 0),  # always, whatever addresses it uses
    (["web", "node/node-1", "-p", "1"], 0),
    (["node", "starting"], 0),  # whatever address it will have
    (["starting", "node", "-p", "1"], 0),
    (["client", "old", "--protocol", "ICMP"], 0),
    (["client", "web", "--protocol", "ICMP"], 1),
])
def test_explain_verdicts(words, status):
    explain(*words, status=status)


@pytest.mark.parametrize("words, status, says", [
    (["nobody", "web"], 2, "no pod nobody in namespace default"),
    (["client", "web", "-p", "https"], 2, "has no TCP port of that name"),
    (["client", "web", "-p", "0"], 2, "not 1 to 65535"),
    (["client", "web", "-p", "65536"], 2, "not 1 to 65535"),
    (["web", "client"], 2, "--port PORT is needed"),
    (["web", "192.0.2.1", "-p", "http"], 2, "only pods have named ports"),
    (["web", "client", "-p", "80", "--protocol", "ICMP"], 2, "ICMP has no ports"),
    (["node/other", "web"], 2, "no Node of that name"),
    (["node", "192.0.2.1", "-p", "1"], 2, "runs on no node"),
    (["old", "fd00::2", "-p", "1"], 3, "have no address of one family"),
    (["client", "starting"], 3, "default/starting: has no address in the manifests (.status.podIPs)"),
    (["starting", "web"], 3, "default/starting: has no address in the manifests (.status.podIPs)"),
    (["starting", "node", "-p", "1", "--own-node-egress", "Policy"], 3, "default/starting: has no address"),
    (["web", "node", "-p", "1", "--own-node-egress", "Policy"], 3, "has no address in the manifests (.status.addresses)"),
])
def test_explain_says_what_it_can_not_answer(words, status, says):
    assert says in explain(*words, status=status).stderr


def test_all_problems_of_all_files_are_reported_at_once(tmp_path):
    (tmp_path / "a.yaml").write_text(CLUSTER.replace("port: http", "port: 99999"))
    (tmp_path / "b.json").write_text('{"apiVersion": "v1",\n "kind": "Pod",\n "metadata": {"name": "UPPER"}}')
    (tmp_path / "c.yaml").write_text("a: [")
    done = run("render", "-f", str(tmp_path), status=2)
    assert done.stdout == ""
    assert re.search(r"a\.yaml:\d+: NetworkPolicy default/only-ipv4: \.spec\.ingress\[0\]\.ports\[0\]\.port: ", done.stderr)
    assert re.search(r"b\.json:\d+: Pod default/UPPER: \.metadata\.name: ", done.stderr)
    assert re.search(r"c\.yaml:\d+: ", done.stderr)


def test_kinds_without_use_are_passed_over_and_counted():
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n---\n"
    done = run("render", "-f", "-", "-v", stdin=service * 2 + CLUSTER, status=0)
    assert "passed over: 2 Service\n" in done.stderr
    assert run("render", "-f", "-", stdin=service + CLUSTER, status=0).stderr == ""


def test_a_node_that_nobody_knows_is_refused():
    done = run("render", "-f", "-", "--node", "typo", stdin=CLUSTER, status=2)
    assert "--node typo: no Node of that name and no pod on it (known: node-1)" in done.stderr


@pytest.mark.parametrize("command", [["render"], ["apply", "--dry-run"]])
def test_policies_without_pods_are_refused_for_they_would_open_every_pod(command):
    done = run(*command, "-f", "-", stdin=ONLY_IPV4, status=2)
    assert "the manifests know no node" in done.stderr
    assert done.stdout == ""


def test_all_problems_of_a_configuration_are_reported_and_nothing_starts(tmp_path):
    (tmp_path / "agent.yaml").write_text(
        "apiVersion: penstock.dev/v1alpha1\nkind: AgentConfiguration\nlogLevels: debug\ndeny: loudly\n")
    done = run("agent", "--config", str(tmp_path / "agent.yaml"), status=2)
    assert done.stderr == (f"{tmp_path}/agent.yaml:3: .logLevels: unknown field\n"
                           f'{tmp_path}/agent.yaml:4: .deny: "loudly": not drop or reject\n2 problems\n')
    assert ": the path does not exist" in run("agent", "--config", str(tmp_path / "none"), status=2).stderr


def test_a_full_disk_is_told():
    with open("/dev/full", "w") as full:
        done = subprocess.run([PENSTOCK, "render", "-f", "-"], input=CLUSTER, text=True, stdout=full,
                              stderr=subprocess.PIPE)
    assert done.returncode == 3
    assert "writing to standard output" in done.stderr
