"""Apply: from any state to the wanted one, by what differs, and nobody else's rules touched."""

import os
import re
import signal
import subprocess

import pytest
from nodes import (
    FLAVOURS,
    PENSTOCK,
    SOURCE,
    Saboteur,
    block,
    foreign,
    manifest_text,
    own,
    pod,
    pods,
    policy,
    tcp,
)
from states import JUMP, NET, NEW, OLD, between, changes

GOLDEN = SOURCE / "tests/golden"


def assert_in_force(node, manifests):
    """Nothing is left to be done."""
    assert "unchanged" in node.apply(manifests).stdout
    assert [line for line in node.save() if "-A FORWARD " in line][0].endswith(JUMP)


def test_a_second_apply_sends_nothing(node, tmp_path):
    saboteur = Saboteur(tmp_path)
    first = node.apply(OLD, env=saboteur.env())
    assert "applied" in first.stdout
    assert f"iptables-{node.flavour}-restore 1" in saboteur.runs()
    before = node.state()
    second = node.apply(OLD, env=saboteur.env())
    assert second.stdout == f"node here: unchanged (iptables-{node.flavour})\n"
    assert not [run for run in saboteur.runs() if "restore" in run or run == "ipset 2"]
    assert node.state() == before


def test_all_that_changes_changes(node, new_node):
    node.apply(OLD)
    node.apply(NEW)
    assert_in_force(node, NEW)
    fresh = new_node(node.flavour)
    fresh.apply(NEW)
    assert node.state() == fresh.state()


def test_others_rules_stay_to_the_byte(node):
    node.load_others()
    before = {family: node.save(family) for family in ["iptables", "ip6tables"]}
    sets = node.sets()
    for manifests in [OLD, NEW, OLD]:
        node.apply(manifests)
        for family in before:
            assert foreign(node.save(family)) == before[family]
            assert own(node.save(family))
        assert {name: node.sets()[name] for name in sets} == sets
    node.penstock("cleanup")
    assert {family: node.save(family) for family in before} == before
    assert node.sets() == sets


def test_only_what_one_policy_changed_is_sent(node, tmp_path):
    objects = [pod(f"p{i}", NET[i], f"fd00::{i}", app=f"a{i}") for i in range(1, 30)]
    objects += [
        policy(f"n{i}", {"app": f"a{i}"}, [{"from": [pods(app=f"a{i - 1}")], "ports": tcp(80)}])
        for i in range(1, 30)
    ]
    node.apply(objects)
    objects[-1]["spec"]["ingress"][0]["ports"] = tcp(81)
    done = node.apply(objects)
    assert changes(done.stdout) == ((0, 2, 0), (0, 0, 0), (0, 0))  # the class's chain, of both families
    objects[-1]["spec"]["ingress"][0]["from"] = [pods(app="a3")]
    done = node.apply(objects)
    assert changes(done.stdout) == ((0, 2, 0), (0, 0, 2), (0, 2))  # another set, which was there
    objects.append(pod("more", NET[40], "fd00::40", node="there", app="a3"))
    done = node.apply(objects)
    assert changes(done.stdout) == ((0, 0, 0), (0, 2, 0), (2, 0))  # a pod that comes is no rule


def test_a_pod_that_comes_is_one_transaction(node, tmp_path):
    """Its address comes into sets that only deny: there is nothing to be careful about."""
    closed = policy("closed", {}, [])
    node.apply([pod("one", NET[1], "fd00::1"), closed])
    saboteur = Saboteur(tmp_path)
    node.apply([pod("one", NET[1], "fd00::1"), pod("two", NET[2], "fd00::2"), closed], env=saboteur.env())
    restore = f"iptables-{node.flavour}-restore"
    assert [run for run in saboteur.runs() if run.startswith(restore)] == [f"{restore} 1"]


def test_counters_of_what_stays_are_kept(node):
    node.apply(OLD)
    rule = next(line for line in node.save() if "default/web ingress[0]" in line)
    name, body = re.match(r"\[0:0\] -A (\S+) (.*)", rule).groups()
    node.restore(f"*filter\n-D {name} {body}\n[7:420] -I {name} 1 {body}\nCOMMIT\n")
    changed = [dict(item) for item in OLD]
    changed[4] = policy(
        "web",
        {"app": "web"},
        [{"from": [pods(app="client")], "ports": tcp(80, 443)}, {"from": [block("192.0.2.0/24")]}],
    )
    node.apply(changed)
    assert f"[7:420] -A {name} {body}" in node.save()
    node.apply(NEW)
    node.apply(OLD)
    assert f"[0:0] -A {name} {body}" in node.save()


@pytest.mark.parametrize(
    "spoil",
    [
        ["-D FORWARD {jump}"],
        ["-A FORWARD {jump}"],
        ["-D FORWARD {jump}", "-A FORWARD {jump}"],
        ["-I FORWARD 1 -j DROP"],
        ["-D FORWARD {jump}", "-I FORWARD 2 -i eth0 {jump}", "-I INPUT -g PENSTOCK-DENY"],
        ["-F FORWARD"],
        ["-F PENSTOCK-FORWARD"],
        ["-A PENSTOCK-DENY -j ACCEPT"],
        ["-I PENSTOCK-INGRESS 1 -j ACCEPT"],
        ["-N PENSTOCK-OLD", "-A PENSTOCK-OLD -j PENSTOCK-DENY"],
        ["-F"],
        ["-F", "-X"],
    ],
)
def test_what_was_spoilt_is_put_back(node, spoil):
    node.restore("*filter\n[3:4] -A FORWARD -s 192.0.2.1 -j DROP\n[1:1] -A FORWARD -j RETURN\nCOMMIT\n")
    node.apply(OLD)
    before = node.state()
    for words in spoil:
        words = words.format(jump=JUMP.split("FORWARD ", 1)[1])
        node.run("sh", "-c", f"iptables-{node.flavour} {words}")
    others = foreign(node.save())
    assert node.state() != before
    node.apply(OLD)
    assert_in_force(node, OLD)
    assert foreign(node.save()) == others
    assert own(node.save()) == own(before[f"iptables {node.flavour}"])


def test_sets_that_were_spoilt_are_put_right(node):
    node.apply(OLD)
    before = node.sets()
    name = next(name for name in before if any(NET[3] in line for line in before[name]))
    blocks = next(name for name in before if any("nomatch" in line for line in before[name]))
    spoil = [
        f"ipset flush {name}",
        f"ipset add {name} 192.0.2.77",
        f"ipset del {blocks} 10.0.0.0/8 && ipset add {blocks} 10.0.0.0/8",
        "ipset create penstock-stale hash:ip",
    ]
    for command in spoil:
        node.run("sh", "-c", command)
        assert node.sets() != before
        node.apply(OLD)
        assert node.sets() == before


def test_a_set_of_another_kind_is_replaced(node):
    """It is in use by penstock's own rules by then: it can't be removed, filled or renamed."""
    node.apply(OLD)
    before = node.state()
    name = next(name for name in before["sets"] if "isolated-4" in name)
    node.penstock("cleanup")
    for made in ["hash:net", "hash:ip maxelem 2", "hash:ip timeout 100", "hash:ip family inet6"]:
        node.run("ipset", "create", name, *made.split())
        assert "applied" in node.apply(OLD).stdout
        assert_in_force(node, OLD)
        assert node.state() == before
        node.penstock("cleanup")
    # … and while a rule of penstock's uses it.
    node.run("ipset", "create", name, "hash:net")
    node.iptables("-N", "PENSTOCK-MIDSTREAM")
    node.iptables(*f"-A PENSTOCK-MIDSTREAM -m set --match-set {name} src -j DROP".split())
    node.apply(OLD)
    assert node.state() == before


def test_a_set_of_another_kind_that_others_use(node):
    name = "penstock-isolated-4"
    node.run("ipset", "create", name, "hash:net")
    node.iptables(*f"-A OUTPUT -m set --match-set {name} dst -j ACCEPT".split())
    done = node.apply(OLD, status=3)
    assert "the policies are in force with sets of other names" in done.stderr
    assert own(node.save()) and f"[0:0] {JUMP}" in node.save()
    before = node.state()
    node.apply(OLD, status=3)
    assert node.state() == before
    node.iptables("-F", "OUTPUT")
    node.apply(OLD)
    assert_in_force(node, OLD)


def test_others_that_use_what_is_penstocks(node):
    """Their rules stay, and so does what these need; the rest is done."""
    node.apply(OLD)
    name = next(name for name in node.sets() if any("nomatch" in line for line in node.sets()[name]))
    chain = next(
        line.split()[0][1:] for line in node.save() if line.startswith(":PENSTOCK-E-")
    )
    node.iptables("-N", "MINE")
    node.iptables(*f"-A MINE -m set --match-set {name} src -j DROP".split())
    node.iptables("-A", "MINE", "-j", chain)
    others = foreign(node.save())
    mine = [line for line in node.save() if "-A MINE" in line]
    done = node.apply(OLD[:-1])
    assert f"set {name} is no longer needed, but rules of others use it" in done.stderr
    assert f"chain {chain}" in done.stderr
    assert [line for line in node.save() if "-A MINE" in line] == mine
    assert foreign(node.save()) == others
    assert f":{chain} - [0:0]" in node.save()
    assert "unchanged" not in done.stdout
    again = node.apply(OLD[:-1])
    assert "unchanged" in again.stdout
    done = node.penstock("cleanup")
    assert [line for line in own(node.save())] == [f":{chain} - [0:0]", mine[1]]
    assert list(node.sets()) == [name]
    node.iptables("-F", "MINE")
    node.penstock("cleanup")
    assert own(node.save()) == [] and node.sets() == {}


def test_a_set_that_is_being_listed_is_removed_after_all(node, tmp_path):
    """A listing that nobody reads on with holds its set; no rule does."""
    many = [pod(f"p{i}", f"10.10.{i // 250}.{i % 250}", node="there", app="client") for i in range(5000)]
    isolated = [pod("web", NET[1], app="web"), policy("closed", {"app": "web"}, [])]
    node.apply([*isolated, *many, policy("web", {"app": "web"}, [{"from": [pods(app="client")]}])])
    name = max(node.sets(), key=lambda name: len(node.sets()[name]))
    listing = subprocess.Popen(node.command("ipset", "save", name), stdout=subprocess.PIPE)
    listing.stdout.read(1)
    saboteur = Saboteur(tmp_path)
    process = subprocess.Popen(
        node.command(PENSTOCK, "apply", "-f", "-", "--node", "here", "--backend", f"iptables-{node.flavour}"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **saboteur.env()},
        text=True,
    )
    process.stdin.write(manifest_text([*isolated, *many]))
    process.stdin.close()
    while process.poll() is None and "ipset 5" not in saboteur.runs():
        pass
    listing.kill()
    listing.wait()
    assert process.wait() == 0 and "is left" not in process.stderr.read()
    assert name not in node.sets()
    assert "unchanged" in node.apply([*isolated, *many]).stdout


def test_dry_run_changes_nothing_and_shows_it_all(node):
    nothing = node.state()
    shown = node.apply(OLD, "--dry-run")
    assert node.state() == nothing
    node.apply(OLD)
    for line in own(node.save()):
        if line.startswith("[0:0] -A PENSTOCK"):
            assert f"+ iptables-{node.flavour} {line[6:]}\n" in shown.stdout
    before = node.state()
    lines = node.apply(NEW, "--dry-run").stdout.splitlines()
    assert node.state() == before
    assert f"- ipset add penstock-isolated-4 {NET[2]}" in lines
    assert f"+ ipset add penstock-isolated-4 {NET[5]}" in lines
    assert "node here: would apply" in lines[-1]
    assert "unchanged" in node.apply(OLD, "--dry-run").stdout


@pytest.fixture
def way(node, tmp_path):
    """A node with others' rules at OLD, the states before and after an apply of NEW, and the runs of
    tools on the way."""

    class Way:
        saboteur = Saboteur(tmp_path)

        def go(self, fault, at, status=3):
            return node.apply(NEW, env=self.saboteur.env(fault, at), status=status)

    way = Way()
    way.node = node
    node.load_others()
    node.apply(OLD)
    way.old = node.state()
    way.go("", "", status=0)
    way.runs = way.saboteur.runs()
    way.new = node.state()
    node.apply(OLD)
    assert node.state() == way.old
    assert len(way.runs) >= 7  # three saves, two sets, two transactions
    return way


@pytest.mark.parametrize("fault", ["fail", "kill", "garble"])
def test_a_tool_that_fails_leaves_all_as_it_was(way, fault):
    saves = [run for run in way.runs if "save" in run or run == "ipset 1"]
    for at in saves if fault == "garble" else way.runs:
        done = way.go(fault, at)
        assert at.split()[0] in done.stderr
        assert re.search("nothing was changed|everything is as it was before", done.stderr)
        assert way.node.state() == way.old, at
    way.go("", "", status=0)
    assert way.node.state() == way.new


def test_penstock_killed_at_any_run_is_repaired(way):
    for at in way.runs:
        way.go("murder", at, status=None)
        way.node.wait_for_tools()
        dead = way.node.state()
        between(way.old, dead, way.new)
        way.node.apply(NEW)
        assert way.node.state() == way.new, at
        assert_in_force(way.node, NEW)
        way.node.apply(OLD)
        assert way.node.state() == way.old, at


def test_a_tool_that_outlives_penstock_is_waited_for(way):
    """What it is about to do would overtake what the next apply reads."""
    words = ["--node", "here", "--backend", f"iptables-{way.node.flavour}"]
    process = subprocess.Popen(
        way.node.command(PENSTOCK, "apply", "-f", "-", *words),
        stdin=subprocess.PIPE,
        env={**os.environ, **way.saboteur.env("linger", "ipset 2")},
        text=True,
    )
    process.communicate(manifest_text(NEW))
    assert process.returncode == -signal.SIGKILL
    done = way.node.apply(NEW, "--wait", "0", status=3)
    assert "another penstock is at work" in done.stderr
    assert way.node.state() == way.old
    way.saboteur.go.write_text("go\n")
    way.node.apply(NEW)
    assert way.node.state() == way.new


def test_rules_that_change_while_they_are_read_are_read_again(way):
    """What iptables-nft-save shows then may be no state at all."""
    way.go("meddle", "iptables-nft-save 1", status=0)
    again = [run for run in way.saboteur.runs() if run not in way.runs]
    assert [run.split()[0] for run in again if "iptables-nft" in run and "ip6" not in run] == [
        "iptables-nft",
        "iptables-nft-save",
    ]
    assert_in_force(way.node, NEW)


def test_rules_that_never_stop_changing_stay_as_they_are(way):
    before = own(way.node.save())
    done = way.go("meddle", "iptables-nft-save *")
    assert "nothing was changed: rules changed while they were read, 20 times" in done.stderr
    assert own(way.node.save()) == before


def test_an_undo_that_fails_says_what_is_there(way):
    """Everything after the first family's rules fails."""
    restore = f"iptables-{way.node.flavour}-restore"
    real = way.saboteur.directory / f"ip6tables-{way.node.flavour}-restore"
    real.write_text("#!/bin/sh\necho broken >&2\nexit 4\n")
    (way.saboteur.directory / restore).write_text(
        (way.saboteur.directory / restore)
        .read_text()
        .replace("\ncase ", '\n[ "$count" = 1 ] || { echo broken >&2; exit 4; }\ncase ', 1)
    )
    done = way.go("", "")
    assert "could not be undone" in done.stderr
    assert "the new rules for IPv4, the old rules for IPv6" in done.stderr
    between(way.old, way.node.state(), way.new)
    way.node.apply(NEW)
    assert way.node.state() == way.new


def test_a_missing_tool_is_named(node, tmp_path):
    for name in [f"iptables-{node.flavour}-restore", f"ip6tables-{node.flavour}-restore", "ipset"]:
        directory = tmp_path / name
        directory.mkdir()
        before = node.state()
        env = Saboteur(directory, missing=[name]).env()
        done = node.apply(OLD, env=env, status=3)
        assert f"{name} is not installed (not in PATH)" in done.stderr
        assert node.sets() == before["sets"]
        assert not own(node.save()) and not own(node.save("ip6tables"))


def test_bad_input_changes_nothing(node):
    node.apply(OLD)
    before = node.state()
    bad = NEW + [policy("bad", {"app": "web"}, [{"ports": [{"port": 80, "endPort": 70}]}])]
    done = node.apply(bad, status=2)
    assert "NetworkPolicy default/bad: .spec.ingress[0].ports[0].endPort" in done.stderr
    assert node.state() == before


def test_applies_wait_for_each_other(node):
    node.apply(OLD)
    before = node.state()
    holder = subprocess.Popen(
        node.command("flock", "/proc/self/ns/net", "sh", "-c", "echo locked; read line"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"locked\n"
    done = node.apply(NEW, "--wait", "0", status=3)
    assert "another penstock is at work in this network namespace (waited 0 s)" in done.stderr
    assert node.state() == before
    waiting = subprocess.Popen(
        node.command("sh", "-c", f'"$0" apply -f - --node here --backend {node.flavour}', PENSTOCK),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    waiting.stdin.write(manifest_text(NEW))
    waiting.stdin.close()
    holder.communicate(b"go\n")
    assert "applied" in waiting.stdout.read()
    assert waiting.wait() == 0
    assert_in_force(node, NEW)


def test_the_lock_of_iptables_is_waited_for(new_node, tmp_path):
    node = new_node("legacy")
    env = {"XTABLES_LOCKFILE": str(tmp_path / "lock")}
    node.apply(OLD)
    before = node.state()
    holder = subprocess.Popen(
        ["flock", env["XTABLES_LOCKFILE"], "sh", "-c", "echo locked; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"locked\n"
    done = node.apply(NEW, "--wait", "0", status=3, env=env)
    assert "xtables lock" in done.stderr
    assert node.state() == before
    holder.communicate(b"go\n")
    node.apply(NEW, env=env)


def test_cleanup_leaves_nothing(node):
    assert "nothing of penstock's is here" in node.penstock("cleanup").stdout
    node.load_others()
    before = node.state()
    node.apply(OLD)
    done = node.penstock("cleanup", "--dry-run")
    assert "would remove" in done.stdout and "- ipset create penstock-isolated-4" in done.stdout
    assert node.state() != before
    assert "removed" in node.penstock("cleanup").stdout
    assert node.state() == before
    assert "nothing of penstock's is here" in node.penstock("cleanup").stdout


@pytest.mark.parametrize(
    "half",
    [
        "iptables-{0} -D FORWARD 1",
        "iptables-{0} -F; iptables-{0} -X",
        "ip6tables-{0} -F; ip6tables-{0} -X; for s in $(ipset list -n | grep 6); do ipset destroy $s; done",
        "iptables-{0} -F PENSTOCK-FORWARD; iptables-{0} -F PENSTOCK-DENY",
        "ipset flush",
    ],
)
def test_cleanup_of_what_is_half_gone(node, half):
    node.apply(OLD)
    node.run("sh", "-c", half.format(node.flavour), status=None)
    node.penstock("cleanup")
    for flavour in FLAVOURS:
        assert not own(node.save("iptables", flavour) + node.save("ip6tables", flavour))
    assert node.sets() == {}


def test_the_other_flavours_rules_are_removed(new_node, tmp_path):
    """The new ones are in force by then, and nothing of them is lost where that fails."""
    for flavour, other in [("nft", "legacy"), ("legacy", "nft")]:
        node = new_node(flavour)
        node.apply(OLD)
        before = node.state()
        directory = tmp_path / flavour
        directory.mkdir()
        saboteur = Saboteur(directory)
        env = saboteur.env("fail", f"ip6tables-{flavour}-restore 1")
        node.apply(NEW, flavour=other, env=env, status=3)
        after = node.state()
        for key in before:  # legacy's tables, once loaded, stay, empty
            assert own(after[key]) == own(before[key]) if key != "sets" else after[key] == before[key]
        node.apply(NEW, flavour=other)
        assert own(node.save("iptables", other)) and own(node.save("ip6tables", other))
        assert not own(node.save("iptables", flavour)) and not own(node.save("ip6tables", flavour))
        assert "unchanged" in node.apply(NEW, flavour=other).stdout


def test_the_flavour_is_found(new_node):
    """Each step is stronger than those before it."""

    def detected(node):
        done = node.penstock("apply", "-f", "-", "--node", "here", "--dry-run", stdin=manifest_text(OLD))
        return re.search(r"\(iptables-(\w+)\)", done.stdout).group(1)

    node = new_node("legacy")
    assert detected(node) == "nft"  # what plain iptables is on Debian
    for number in ["192.0.2.1", "192.0.2.2"]:
        node.run("iptables-legacy", "-A", "INPUT", "-s", number, "-j", "ACCEPT")
    node.run("iptables-nft", "-A", "INPUT", "-j", "ACCEPT")
    assert detected(node) == "legacy"  # it holds more rules
    node.run("iptables-nft", "-t", "mangle", "-N", "KUBE-IPTABLES-HINT")
    assert detected(node) == "nft"  # kubelet says so
    node.apply(OLD)
    assert detected(node) == "legacy"  # penstock is there already
    node.penstock("cleanup")
    assert detected(node) == "nft"
    # Looking does not load what is not there.
    assert not new_node("nft").run("cat", "/proc/net/ip_tables_names").stdout


def test_many_addresses_and_many_policies(node):
    addresses = [f"10.{i // 250}.{i % 250}.0/24" for i in range(5000)]
    objects = [
        pod("web", NET[1], "fd00::1", app="web"),
        policy("wide", {"app": "web"}, [{"from": [block(cidr) for cidr in addresses]}]),
    ]
    objects += [
        policy(f"p{i}", {"app": "web"}, [{"from": [pods(app=f"a{i}")], "ports": tcp(i + 1)}])
        for i in range(200)
    ]
    node.apply(objects)
    assert_in_force(node, objects)
    assert sum(" ingress[0]" in line for line in node.save()) == 201
    assert max(len(lines) for lines in node.sets().values()) > 4000


def test_more_elements_than_ipsets_default(node):
    """A set that may not grow beyond 65,536 would refuse the next pod."""
    cidrs = [f"{10 + (i >> 16)}.{i >> 8 & 255}.{i & 255}.0/25" for i in range(70000)]
    objects = [
        pod("web", NET[1], app="web"),
        policy("wide", {"app": "web"}, [{"from": [block(cidr) for cidr in cidrs]}]),
    ]
    node.apply(objects)
    assert max(len(lines) for lines in node.sets().values()) == 70001
    assert "unchanged" in node.apply(objects).stdout


def test_an_address_that_moves_to_another_pod(node):
    web, database = pod("web", NET[1], app="web"), pod("database", NET[2], app="database")
    policies = OLD[4:]
    node.apply([web, database, *policies])
    moved = [pod("web", NET[2], app="web"), pod("database", NET[1], app="database")]
    node.apply(moved + policies)
    saved = "\n".join(node.save())
    assert f'-d {NET[2]}/32 -m comment --comment "penstock: pod default/web"' in saved
    assert f'-d {NET[1]}/32 -m comment --comment "penstock: pod default/database"' in saved
    assert_in_force(node, moved + policies)


def test_rules_that_iptables_cannot_read(new_node):
    """Not knowing what is there is no reason to add to it."""
    node = new_node("nft")
    node.run("nft", "add table ip filter { chain INPUT { type filter hook input priority 0; }; }")
    node.run("nft", "add rule ip filter INPUT numgen inc mod 2 0 drop")
    before = node.run("nft", "list", "ruleset").stdout
    done = node.apply(OLD, status=3)
    assert "a table that iptables cannot read" in done.stderr
    assert node.run("nft", "list", "ruleset").stdout == before and node.sets() == {}
    done = node.apply(OLD, flavour="legacy")
    assert "cannot show all that is in its filter table" in done.stderr
    assert node.run("nft", "list", "ruleset").stdout == before


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir()))
def test_the_tools_print_what_penstock_prints(node, name):
    """Fed to the tools by hand, rendered text is what apply wants to see, and the tools print its
    rules to the byte."""
    options = GOLDEN / name / "options"
    words = ["-f", str(GOLDEN / name), *(options.read_text().split() if options.exists() else [])]
    parts = {
        part: node.penstock("render", *words, "--part", part).stdout
        for part in ["sets", "ipv4", "ipv6"]
    }
    node.run("ipset", "restore", stdin=parts["sets"])
    for part, family in [("ipv4", "iptables"), ("ipv6", "ip6tables")]:
        node.restore(parts[part], family)
        saved = [line.split("] ", 1)[1] for line in node.save(family) if line.startswith("[")]
        rendered = re.sub(r"^-I (\w+) 1 ", r"-A \1 ", parts[part], flags=re.MULTILINE)
        assert sorted(saved) == sorted(
            line for line in rendered.splitlines() if line.startswith("-A ")
        )
    done = node.penstock("apply", *words, "--backend", f"iptables-{node.flavour}")
    assert "unchanged" in done.stdout


# Answers each datagram with who sent it. Says whose came when it is told to end.
SERVER = """
import select, socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", 80))
print("ready", flush=True)
seen = set()
while True:
    readable = select.select([server, sys.stdin], [], [])[0]
    if server in readable:
        data, sender = server.recvfrom(64)
        seen.add(sender[0])
        server.sendto(data, sender)
    elif sys.stdin in readable:
        break
print(" ".join(sorted(seen)))
"""
# Opens one connection after the other until it is told to end. Says how many had no answer.
CLIENT = """
import select, socket, sys
server, wanted = sys.argv[1], sys.argv[2] == "allowed"
asked = lost = 0
while sys.stdin not in select.select([sys.stdin], [], [], 0)[0]:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(5 if wanted else 0.0005)
    client.connect((server, 80))
    asked += 1
    try:
        client.send(b"hello")
        client.recv(64)
    except OSError:
        lost += 1
    client.close()
    if asked == 1:
        print("ready", flush=True)
print(asked, lost)
"""


def start(node, name, script, *words):
    process = subprocess.Popen(
        ["ip", "netns", "exec", f"{node.name}.{name}", "python3", "-c", script, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def test_no_packet_meets_anything_between_the_old_and_the_new(new_node):
    """What both allow passes at every moment, what neither allows at none, while policies, sets and
    the flavour change under new connections."""
    node = new_node("nft")
    addresses = {"web": NET[1], "friend": NET[2], "stranger": NET[3]}
    for name, address in addresses.items():
        node.add_pod(name, address)
    objects = [pod(name, address, app=name) for name, address in addresses.items()]
    udp = [{"protocol": "UDP", "port": 80}]
    allow = policy("a", {"app": "web"}, [{"from": [pods(app="friend")], "ports": udp}])
    also = policy("e", {"app": "web"}, [{"from": [pods(app="friend")], "ports": tcp(81)}])
    moved = policy("a", {"app": "web"}, [{"from": [pods(app="x")], "ports": udp}])
    states = [
        [*objects, allow],
        [*objects, policy("b", {"app": "web"}, [{"from": [block(f"{NET[2]}/32")]}])],
        [*objects, allow, policy("c", {}, [], [{"to": [pods(app="web")]}])],
        [*objects, policy("a", {"app": "web"}, [{"from": [pods(app="friend"), pods(app="x")]}])],
        [*objects, pod("x", NET[9], app="x"), allow, policy("d", {"app": "web"}, [])],
        # The friend leaves one set, which stays, and comes to another one.
        [*objects, allow, also],
        [objects[0], pod("friend", NET[2], app="x"), objects[2], moved, also],
    ]
    node.apply(states[0])
    server = start(node, "web", SERVER)
    friend = start(node, "friend", CLIENT, NET[1], "allowed")
    stranger = start(node, "stranger", CLIENT, NET[1], "denied")
    for flavour in ["nft", "legacy", "nft"]:
        for state in states:
            node.apply(state, flavour=flavour)
    asked, lost = friend.communicate("\n")[0].split()
    assert int(asked) > 100 and lost == "0"
    asked, lost = stranger.communicate("\n")[0].split()
    assert int(asked) > 100 and lost == asked
    assert server.communicate("\n")[0] == f"{NET[2]}\n"


def test_an_undo_lets_nothing_through_either(new_node, tmp_path):
    """One family's rules are at their sets' right names again when the other's fail: the way back is
    by the stand-ins, or the new rules would meet the old peers."""
    node = new_node("nft")
    addresses = {"web": (NET[1], "fd00::1"), "one": (NET[2], "fd00::2"), "two": (NET[3], "fd00::3")}
    for name in ["web", "one"]:
        node.add_pod(name, addresses[name][0])

    def state(one, two, port):
        labels = {"web": "web", "one": one, "two": two}
        objects = [pod(name, *addresses[name], app=labels[name]) for name in labels]
        rule = {"from": [pods(app="friend")], "ports": [{"protocol": "UDP", "port": port}]}
        return [*objects, policy("a", {"app": "web"}, [rule])]

    old, new = state("friend", "else", 81), state("else", "friend", 80)
    node.apply(old)
    before = node.state()
    server = start(node, "web", SERVER)
    stranger = start(node, "one", CLIENT, NET[1], "denied")
    saboteur = Saboteur(tmp_path)
    for _ in range(20):
        done = node.apply(new, env=saboteur.env("fail", "ip6tables-nft-restore 2"), status=3)
        assert "everything is as it was before" in done.stderr
        assert own(node.save()) and node.sets() == before["sets"]
    asked, lost = stranger.communicate("\n")[0].split()
    assert int(asked) > 100 and lost == asked
    assert server.communicate("\n")[0] == "\n"
