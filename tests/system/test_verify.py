"""verify: what the kernel enforces is what the policies mean, or here is the packet."""

import json
import select
import signal
import subprocess

import pytest
from nodes import (
    PENSTOCK,
    Saboteur,
    block,
    foreign,
    manifest_text,
    pod,
    pods,
    policy,
    tcp,
)

WEB, DATABASE, CLIENT, FAR = "10.9.0.1", "10.9.0.2", "10.9.0.3", "10.9.1.1"
CLUSTER = [
    pod("web", WEB, "fd00::1", app="web"),
    pod("database", DATABASE, "fd00::2", app="database"),
    pod("client", CLIENT, "fd00::3", app="client"),
    pod("far", FAR, "fd00:1::1", node="there", app="client"),
    policy("allow-web", {"app": "web"}, [{"from": [pods(app="client")], "ports": tcp(80, 443)}]),
    policy("closed", {"app": "database"}, []),
    policy("out", {"app": "client"}, egress=[{"to": [block("10.0.0.0/8", "10.9.2.0/24")]}]),
]
# Rules of others that allow nothing which policies deny.
OTHERS = """*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.0.2.1:6443
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OTHERS - [0:0]
:UNUSED - [0:0]
-A FORWARD -s 192.0.2.0/24 -j OTHERS
-A OTHERS -p tcp -m tcp --dport 80 -j RETURN
-A UNUSED -j DROP
COMMIT
"""


def verify(node, *words, manifests=CLUSTER, **more):
    words = ["verify", "-f", "-", "--node", "here", *words]
    return node.penstock(*words, stdin=manifest_text(manifests), **more)


def verify_json(node, *words, **more):
    return json.loads(verify(node, "-o", "json", *words, **more).stdout)


def applied(node):
    node.restore(OTHERS)
    node.apply(CLUSTER)
    return node


def packets(answer, kind):
    """(from, to, protocol, port, state) of the findings of a kind."""
    names = ["from", "to", "protocol", "port", "state"]
    found = [finding["packet"] for finding in answer["findings"] if finding["kind"] == kind]
    return [tuple(packet[name] for name in names) for packet in found]


def test_equal_after_apply(node):
    applied(node)
    before = node.state()
    done = verify(node)
    assert done.stdout.startswith("node here: equal: 3 pods, ")
    assert len(done.stdout.splitlines()) == 1
    assert node.state() == before


def test_nothing_installed_lets_denied_packets_pass(node):
    answer = verify_json(node, status=1)
    assert answer["result"] == "different" and answer["counts"]["open"] > 0
    assert answer["backends"] == []
    assert all(finding["decidedBy"] is None for finding in answer["findings"])


def test_without_policies_nothing_needs_to_be_installed(node):
    bare = [thing for thing in CLUSTER if thing["kind"] == "Pod"]
    assert verify(node, manifests=bare).stdout.startswith("node here: equal: ")


def test_a_deleted_jump(node):
    applied(node)
    node.iptables("-D", "FORWARD", "1")
    answer = verify_json(node, status=1)
    assert answer["result"] == "different"
    assert {finding["packet"]["family"] for finding in answer["findings"]} == {"IPv4"}
    assert all(finding["kind"] == "open" for finding in answer["findings"])


def test_a_foreign_accept_in_front_is_named(node):
    applied(node)
    node.iptables("-I", "FORWARD", "-s", FAR, "-d", DATABASE, "-j", "ACCEPT")
    answer = verify_json(node, status=1)
    assert answer["counts"]["open"] > 0 and answer["counts"]["shut"] == 0
    for finding in answer["findings"]:
        decided = finding["decidedBy"]
        assert decided["backend"] == f"iptables-{node.flavour}"
        assert (decided["table"], decided["chain"], decided["rule"]) == ("filter", "FORWARD", 1)
        assert decided["text"] == f"-A FORWARD -s {FAR}/32 -d {DATABASE}/32 -j ACCEPT"
        assert finding["packet"]["from"] == f"default/far ({FAR})"
        assert finding["packet"]["to"] == f"default/database ({DATABASE})"
        assert finding["policies"] == "Denied" and finding["rules"] == "passes"
        assert finding["verdict"]["ingress"]["policies"] == ["default/closed"]
    text = verify(node, status=1).stdout
    assert f"OPEN     default/far ({FAR}) → default/database ({DATABASE}), " in text
    assert "ingress: no policy allows it; isolated by default/closed" in text
    assert f"iptables-{node.flavour} filter FORWARD 1: -A FORWARD -s {FAR}/32 " in text


def test_a_foreign_accept_of_what_is_allowed_is_equal(node):
    applied(node)
    words = ["-s", CLIENT, "-d", WEB, "-p", "tcp", "--dport", "80", "-m", "conntrack"]
    node.iptables("-I", "FORWARD", *words, "--ctstate", "NEW", "--syn", "-j", "ACCEPT")
    verify(node)


def test_an_element_that_is_missing(node):
    applied(node)
    [name] = [name for name, lines in node.sets().items() if f"add {name} {FAR}" in lines]
    node.run("ipset", "del", name, FAR)
    answer = verify_json(node, status=1)
    ways = {(f"default/far ({FAR})", f"default/web ({WEB})", "TCP", 80, "NEW"),
            (f"default/far ({FAR})", f"default/web ({WEB})", "TCP", 443, "NEW")}  # fmt: skip
    shut = packets(answer, "shut")
    assert shut and set(shut) <= ways and answer["counts"]["open"] == 0
    rule = {"policy": "default/allow-web", "rule": 0}
    assert answer["findings"][0]["verdict"]["ingress"]["allowedBy"] == [rule]
    assert "ingress: default/allow-web ingress[0]" in verify(node, status=1).stdout


def test_what_others_stop_is_no_difference_and_is_told(node):
    applied(node)
    node.iptables("-A", "FORWARD", "-s", CLIENT, "-d", WEB, "-j", "DROP")
    answer = verify_json(node)
    assert answer["result"] == "equal" and answer["counts"]["shutByOthers"] > 0
    assert {finding["kind"] for finding in answer["findings"]} == {"shutByOthers"}
    assert answer["findings"][0]["decidedBy"]["text"].endswith("-j DROP")


def test_a_rule_that_nobody_understands(node):
    applied(node)
    words = ["-m", "u32", "--u32", "0 >> 28 = 4", "-j", "ACCEPT"]
    node.iptables("-I", "FORWARD", *words)
    answer = verify_json(node, status=3)
    assert answer["result"] == "unproven" and answer["counts"]["unproven"] > 0
    [finding, *_] = [finding for finding in answer["findings"] if finding["kind"] == "unproven"]
    assert "-m u32" in finding["decidedBy"]["text"] and finding["rules"] == "unknown"
    assert "UNPROVEN" in verify(node, status=3).stdout


def test_both_flavours_count(new_node):
    node = applied(new_node("nft"))
    node.restore("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n", flavour="legacy")
    answer = verify_json(node)
    assert answer["backends"] == ["iptables-nft", "iptables-legacy"]
    assert answer["counts"]["shutByOthers"] > 0


def test_nftables_own_tables_are_noted(new_node):
    node = applied(new_node("nft"))
    lines = ["table inet fw {", "chain gate { type filter hook forward priority 0; policy drop; }", "}"]
    node.run("nft", "-f", "-", stdin="\n".join(lines))
    done = verify(node)
    assert "note: nftables table inet fw (gate) is beside iptables' and not read" in done.stdout
    [note] = verify_json(node)["notes"]
    assert note.startswith("nftables table inet fw (gate)")


def test_json_has_what_it_promises(node):
    applied(node)
    node.iptables("-I", "FORWARD", "-j", "ACCEPT")
    answer = verify_json(node, "--timings", status=1)
    assert list(answer) == [
        "node", "result", "source", "backends", "pods", "addressClasses", "cases", "counts",
        "findings", "bridge", "notes", "seconds",
    ]  # fmt: skip
    assert (answer["node"], answer["source"], answer["bridge"]) == ("here", "kernel", None)
    assert answer["pods"] == 3 and answer["cases"] > 0
    assert list(answer["addressClasses"]) == ["IPv4", "IPv6"]
    assert list(answer["counts"]) == ["open", "shut", "shutByOthers", "unproven"]
    assert list(answer["seconds"]) == ["manifests", "reading", "classes", "proof"]
    for finding in answer["findings"]:
        assert list(finding) == [
            "kind", "packet", "hook", "pod", "policies", "expected", "rules", "doubt", "verdict",
            "decidedBy", "addressClasses",
        ]  # fmt: skip
        assert list(finding["packet"]) == [
            "family", "source", "from", "destination", "to", "protocol", "sourcePort", "port",
            "state", "tcpFlags", "icmpType", "icmpCode", "inInterface", "outInterface", "mark",
        ]  # fmt: skip
        assert finding["hook"] == "FORWARD" and finding["addressClasses"] >= 1


# Files.


def saved(node, directory):
    """--rules and --sets of what this node holds."""
    words = []
    for family in ["iptables", "ip6tables"]:
        path = directory / family
        path.write_text(node.run(f"{family}-{node.flavour}-save", "-c").stdout)
        words += ["--rules", path]
    path = directory / "sets"
    path.write_text(node.run("ipset", "save").stdout)
    return [*words, "--sets", path]


def anywhere(*words, status):
    words = [PENSTOCK, "verify", "-f", "-", "--node", "here", *words]
    done = subprocess.run(words, input=manifest_text(CLUSTER), capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("fault", [None, ["-D", "FORWARD", "1"], ["-I", "FORWARD", "-j", "ACCEPT"]])
def test_files_say_the_same_as_the_kernel(node, tmp_path, fault):
    applied(node)
    if fault:
        node.iptables(*fault)
    status = 1 if fault else 0
    live = verify_json(node, status=status)
    files = json.loads(anywhere(*saved(node, tmp_path), "-o", "json", status=status).stdout)
    assert files.pop("source") == "files" and live.pop("source") == "kernel"
    assert files.pop("backends") == []
    del live["backends"]
    for finding in files["findings"] + live["findings"]:
        for key in ["inInterface", "outInterface"]:  # files don't know the links
            del finding["packet"][key]
        if finding["decidedBy"]:
            del finding["decidedBy"]["backend"]
    assert files == live


def test_files_that_are_missing_are_named(node, tmp_path):
    applied(node)
    saved(node, tmp_path)
    done = anywhere("--rules", str(tmp_path / "iptables"), status=1)
    assert "note: --rules have no table of IPv6" in done.stdout
    assert "is in none of --sets" in done.stdout


def test_files_that_are_bad(node, tmp_path):
    applied(node)
    words = saved(node, tmp_path)
    assert "/nonexistent" in anywhere("--rules", "/nonexistent", status=2).stderr
    assert "no --watch" in anywhere(*words, "--watch", status=2).stderr
    assert "no --repair" in anywhere(*words, "--repair", status=2).stderr
    (tmp_path / "iptables").write_text("*filter\n-A NOWHERE -j DROP\nCOMMIT\n")
    assert "line 2" in anywhere(*words, status=2).stderr


# Repair.


def test_repair_leaves_alone_what_is_equal(node):
    applied(node)
    before = node.state()
    done = verify(node, "--repair")
    assert len(done.stdout.splitlines()) == 1 and node.state() == before


def test_repair_mends_that_and_nothing_else(node):
    node.restore(OTHERS)
    node.apply(CLUSTER)
    whole = node.state()
    [name] = [name for name, lines in node.sets().items() if f"add {name} {FAR}" in lines]
    node.run("ipset", "del", name, FAR)
    node.iptables("-D", "FORWARD", "1")
    done = verify(node, "--repair", "-v")
    lines = done.stdout.splitlines()
    assert f"+ ipset add {name} {FAR}" in lines
    assert any(line.startswith("node here: applied ") and " +1 -0," in line for line in lines)
    assert any(line.startswith("node here: equal: ") for line in lines)
    assert node.state() == whole


def test_what_is_taken_from_conntrack_is_told(node):
    applied(node)
    assert "connection tracking" not in verify(node).stdout
    node.restore("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp -j CT --notrack\nCOMMIT\n")
    assert (
        "IPv4 raw PREROUTING 1 takes packets out of connection tracking" in verify(node).stdout
    )


def test_what_others_did_is_not_repaired(node):
    applied(node)
    node.iptables("-I", "FORWARD", "-d", DATABASE, "-j", "ACCEPT")
    others = {family: foreign(node.save(family)) for family in ["iptables", "ip6tables"]}
    done = verify(node, "--repair", status=None)
    assert {family: foreign(node.save(family)) for family in others} == others
    # penstock's jump goes back to the top where it is not; then the other rule decides nothing.
    assert done.returncode == 0 and "node here: applied" in done.stdout


def test_repair_says_which_rule_of_others_remains(node):
    applied(node)
    node.iptables("-D", "FORWARD", "1")
    words = ["-m", "u32", "--u32", "0 >> 28 = 4", "-j", "DROP"]
    node.iptables("-t", "mangle", "-I", "FORWARD", "-d", DATABASE, *words)
    done = verify(node, "--repair", "-o", "json", status=3)
    assert "node here: applied" in done.stderr
    answer = json.loads(done.stdout)
    assert answer["result"] == "unproven"
    for finding in answer["findings"]:
        assert (finding["decidedBy"]["table"], finding["decidedBy"]["rule"]) == ("mangle", 1)


# A reading that may be lying.


@pytest.mark.parametrize(
    "edit, why",
    [
        (r"s/ -m set --match-set penstock-\S+ src//", "has the match set"),
        (r"s/ -m conntrack --ctstate RELATED,ESTABLISHED//", "has the match conntrack"),
        (r"s/^(.*-A FORWARD) .*-j PENSTOCK-FORWARD/\1 -j PENSTOCK-FORWARD/", "has the match comment"),
        (r"s/ --dport 80 / /", "has a test or action of payload"),
        (r"s/ -d 10.9.0.1\/32 / /", "has a test or action of payload"),
        (r"/PENSTOCK-DENY .*-j DROP$/d", "chain PENSTOCK-DENY has 1 rules, and 0 were shown"),
        (r"s/^:FORWARD ACCEPT/:FORWARD DROP/", "chain FORWARD has ACCEPT, and DROP was shown"),
        (r"/UNUSED/d", "table filter, chain UNUSED with 1 rules is missing"),
    ],
)
def test_a_tool_that_shows_less_than_there_is(new_node, tmp_path, edit, why):
    node = applied(new_node("nft"))
    env = Saboteur(tmp_path).env("edit", "iptables-nft-save 1", edit)
    done = verify(node, status=3, env=env)
    assert done.stdout == "" and why in done.stderr


def test_a_chain_that_is_declared_nowhere(node, tmp_path):
    applied(node)
    save = f"iptables-{node.flavour}-save 1"
    done = verify(node, status=3, env=Saboteur(tmp_path).env("edit", save, r"/^:OTHERS/d"))
    assert f"reading what iptables-{node.flavour}-save wrote" in done.stderr


@pytest.mark.parametrize("fault", ["fail", "kill", "garble"])
def test_a_tool_that_fails(node, tmp_path, fault):
    applied(node)
    tools = [f"iptables-{node.flavour}-save", f"ip6tables-{node.flavour}-save", "ipset"]
    for tool in tools:
        directory = tmp_path / tool
        directory.mkdir()
        done = verify(node, status=3, env=Saboteur(directory).env(fault, f"{tool} *"))
        assert tool in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    "edit, why",
    [
        (rf"/^add .* {FAR}$/d", "elements, and "),
        (r"/ penstock-isolated-4( |$)/d", "set penstock-isolated-4 is missing"),
    ],
)
def test_ipset_shows_less_than_there_is(node, tmp_path, edit, why):
    applied(node)
    done = verify(node, status=3, env=Saboteur(tmp_path).env("edit", "ipset *", edit))
    assert why in done.stderr and done.stdout == ""


def test_sets_that_change_meanwhile_are_read_again(node, tmp_path):
    applied(node)
    edit = rf"/^add .* {FAR}$/d"
    env = Saboteur(tmp_path).env("edit", "ipset 1", edit)
    assert verify(node, env=env).stdout.startswith("node here: equal: ")


def test_what_cannot_be_restored(node, tmp_path):
    applied(node)
    env = Saboteur(tmp_path).env("fail", f"iptables-{node.flavour}-restore 1")
    done = verify(node, status=3, env=env)
    assert "restoring it fails" in done.stderr and "sabotaged" in done.stderr


def test_rules_that_change_meanwhile_are_read_again(new_node, tmp_path):
    node = applied(new_node("nft"))
    env = Saboteur(tmp_path).env("meddle", "iptables-nft-save 1")
    assert verify(node, env=env).stdout.startswith("node here: equal: ")


def test_a_table_that_sleeps(new_node):
    node = applied(new_node("nft"))
    node.run("nft", "add table ip filter { flags dormant; }")
    assert "dormant" in verify(node, status=3).stderr


def test_rules_of_nftables_own_among_iptables(new_node):
    node = applied(new_node("nft"))
    node.run("nft", "add rule ip filter FORWARD ct mark 4 accept")
    assert "cannot read" in verify(node, status=3).stderr


def test_tools_that_are_missing(node, tmp_path):
    applied(node)
    missing = {f"iptables-{node.flavour}-save", "ipset"}
    for tool in missing:
        directory = tmp_path / tool
        directory.mkdir()
        done = verify(node, status=3, env=Saboteur(directory, missing=[tool]).env())
        assert f"{tool} is not installed" in done.stderr


def test_not_root(node):
    applied(node)
    words = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", PENSTOCK, "verify", "-f", "-"]
    done = node.run(*words, "--node", "here", stdin=manifest_text(CLUSTER), status=3)
    assert "only root may read what the kernel enforces" in done.stderr


def test_bad_input(node):
    assert "no Node of that name" in verify(node, "--node", "nowhere", status=2).stderr
    done = node.penstock("verify", "-f", "/nonexistent.yaml", status=2)
    assert "/nonexistent.yaml" in done.stderr
    assert "--watch reads the manifests each time" in verify(node, "--watch", status=2).stderr
    assert "--period" in verify(node, "--period", "0", status=2).stderr
    assert "goes with --watch" in verify(node, "--period", "5", status=2).stderr
    assert "go with --repair" in verify(node, "--deny", "reject", status=2).stderr
    assert "does not exist" in node.penstock("verify", "-f", "/none", "--watch", status=2).stderr


# Watching.


class Watch:
    """A verify --watch under way, and the lines that it prints."""

    def __init__(self, node, path, *words):
        words = [PENSTOCK, "verify", "-f", path, "--node", "here", "--watch", *words]
        self.process = subprocess.Popen(
            node.command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.rest = b""

    def line(self, word):
        """The next line with that word in it."""
        while True:
            while b"\n" not in self.rest:
                ready, _, _ = select.select([self.process.stdout], [], [], 60)
                assert ready, f"nothing was said of {word}"
                piece = self.process.stdout.read1(65536)
                assert piece, self.process.wait()
                self.rest += piece
            line, _, self.rest = self.rest.partition(b"\n")
            print(line.decode())
            if word in line.decode():
                return line.decode()

    def end(self, number):
        self.process.send_signal(number)
        rest = self.process.stdout.read().decode()
        return self.process.wait(), rest


@pytest.fixture
def new_watch(tmp_path):
    watches = []

    def make(node, *words):
        path = tmp_path / "cluster.json"
        path.write_text(manifest_text(CLUSTER))
        watches.append(Watch(node, path, *words))
        watches[-1].path = path
        return watches[-1]

    yield make
    for watch in watches:
        if watch.process.poll() is None:
            watch.process.kill()
            watch.process.wait()


def test_watch_is_told_of_changes(new_node, new_watch):
    node = applied(new_node("nft"))
    watch = new_watch(node, "--period", "86400")
    assert watch.line("node here")[20:].startswith(" node here: equal: ")
    node.iptables("-I", "FORWARD", "-d", DATABASE, "-j", "ACCEPT")
    assert " node here: different: " in watch.line("node here")
    node.iptables("-D", "FORWARD", "1")
    assert " node here: equal: " in watch.line("node here")
    assert watch.end(signal.SIGTERM) == (0, "")


def test_watch_looks_every_period(node, new_watch):
    applied(node)
    watch = new_watch(node, "--period", "1")
    assert " node here: equal: " in watch.line("node here")
    [name] = [name for name, lines in node.sets().items() if f"add {name} {FAR}" in lines]
    node.run("ipset", "del", name, FAR)
    assert " node here: different: " in watch.line("node here")
    assert watch.end(signal.SIGINT)[0] == 1


def test_watch_reads_the_manifests_again(node, new_watch):
    applied(node)
    watch = new_watch(node, "--period", "1")
    assert " node here: equal: " in watch.line("node here")
    watch.path.write_text(manifest_text(CLUSTER + [policy("more", {"app": "web"}, egress=[])]))
    assert " node here: different: " in watch.line("node here")
    watch.path.write_text("{")
    assert "cluster.json" in watch.line("cluster.json")
    watch.path.write_text(manifest_text(CLUSTER))
    assert " node here: equal: " in watch.line("node here")


def test_watch_repairs(new_node, new_watch):
    node = applied(new_node("nft"))
    whole = node.state()
    watch = new_watch(node, "--period", "86400", "--repair")
    assert " node here: equal: " in watch.line("node here")
    node.iptables("-D", "FORWARD", "1")
    watch.line("node here: applied")
    assert watch.end(signal.SIGTERM)[0] == 0
    assert node.state() == whole
