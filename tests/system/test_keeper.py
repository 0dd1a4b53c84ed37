"""A keeper applies time after time without reading what is installed, and notices what others change."""

import contextlib
import os
import pathlib
import random
import shutil
import signal
import subprocess

import pytest
from nodes import PENSTOCK, Saboteur, block, foreign, manifest_text, own, pod, pods, policy, tcp
from sockets import make
from states import JUMP, NET, NEW, OLD, between, changes
from test_random import generate

KEEP = pathlib.Path(PENSTOCK).parents[2] / "tests/keep"
JUMP_RULE = JUMP.split("FORWARD ", 1)[1]


class Keep:
    """The process tests/keep in a node."""

    def __init__(self, node, directory, saboteur=None):
        self.node = node
        self.path = directory / "manifests.json"
        self.saboteur = saboteur
        self.process = subprocess.Popen(
            node.command(KEEP, node.flavour, "here"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(saboteur.env() if saboteur else {})},
        )

    def ask(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().rstrip("\n")
        print(f"> {' '.join(words)}\n{answer}")
        return answer

    def apply(self, manifests):
        text = manifests if isinstance(manifests, str) else manifest_text(manifests)
        self.path.write_text(text)
        return self.ask("apply", str(self.path))

    def notices(self):
        """By the cheapest way there is."""
        return self.ask("hears") == "1" or self.ask("look") == "1"

    def readings(self):
        return int(self.ask("readings"))

    def counters(self):
        """[(chain, comment, packets)], IPv6's behind IPv4's"""
        counted = []
        line = self.ask("counters")
        while line != ".":
            packets, _, chain, comment = line.split(" ", 3)
            counted.append((chain, comment, int(packets)))
            line = self.process.stdout.readline().rstrip("\n")
        return counted

    def fault(self, fault, at, edit="true"):
        for name, value in self.saboteur.env(fault, at, edit).items():
            self.ask("set", name, value)

    def done(self):
        self.process.stdin.close()
        status = self.process.wait()
        self.process.stdout.close()
        return status


@pytest.fixture
def new_keep(tmp_path):
    keeps = []

    def make_keep(node, saboteur=None):
        keeps.append(Keep(node, tmp_path, saboteur))
        return keeps[-1]

    yield make_keep
    for keep in keeps:
        assert keep.done() in (0, -signal.SIGKILL)


@pytest.fixture
def keep(node, new_keep):
    return new_keep(node)


def assert_kept(keep, state):
    """Nothing is left to be done, and nobody has anything to complain of."""
    assert keep.node.state() == state
    assert keep.ask("hears") == "0" and keep.ask("look") == "0" and keep.ask("read") == "0"


def test_it_does_what_apply_does(node, keep, new_node):
    wanted = {}
    for name, manifests in [("old", OLD), ("new", NEW)]:
        fresh = new_node(node.flavour)
        fresh.load_others()
        fresh.apply(manifests)
        wanted[name] = fresh.state()
    node.load_others()
    assert keep.apply(OLD).startswith("applied")
    assert node.state() == wanted["old"]
    assert keep.apply(NEW).startswith("applied")
    assert node.state() == wanted["new"]
    assert changes(keep.apply(NEW)) == ((0, 0, 0), (0, 0, 0), (0, 0))
    assert keep.apply(OLD).startswith("applied")
    assert keep.readings() == 1
    assert_kept(keep, wanted["old"])


def test_what_comes_and_goes_is_little(node, keep):
    keep.apply(OLD)
    more = pod("more", NET[40], "fd00::40", node="there", app="client")
    assert changes(keep.apply([*OLD, more])) == ((0, 0, 0), (0, 2, 0), (2, 0))
    assert changes(keep.apply(OLD)) == ((0, 0, 0), (0, 2, 0), (0, 2))
    rules = [{"from": [pods(app="client")], "ports": tcp(80, 443)}, {"from": [block("192.0.2.0/24")]}]
    changed = [item if item["metadata"]["name"] != "web" or item["kind"] == "Pod" else policy("web", {"app": "web"}, rules) for item in OLD]
    assert changes(keep.apply(changed))[0] == (0, 1, 0)
    assert keep.readings() == 1


SPOILT = {
    "jump deleted": ["{4} -D FORWARD {jump}"],
    "jump doubled": ["{4} -A FORWARD {jump}"],
    "jump moved": ["{4} -D FORWARD {jump}", "{4} -A FORWARD {jump}"],
    "rule above the jump": ["{4} -I FORWARD 1 -j ACCEPT"],
    "forward flushed": ["{4} -F FORWARD"],
    "rule deleted": ["{6} -D PENSTOCK-FORWARD 1"],
    "rule added": ["{4} -I PENSTOCK-INGRESS 1 -j ACCEPT"],
    "rule replaced": ["{4} -R PENSTOCK-DENY 1 -j ACCEPT"],
    "chain flushed": ["{4} -F PENSTOCK-DENY"],
    "chain of ours renamed": ["{6} -E PENSTOCK-MIDSTREAM OTHER"],
    "chain added": ["{4} -N PENSTOCK-OLD", "{4} -A PENSTOCK-OLD -j PENSTOCK-DENY"],
    "jump from elsewhere": ["{4} -I INPUT -g PENSTOCK-DENY"],
    "all flushed": ["{4} -F"],
    "all flushed and removed": ["{6} -F", "{6} -X"],
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_others_spoil_is_noticed_and_put_right(node, keep, spoilt):
    node.restore("*filter\n[3:4] -A FORWARD -s 192.0.2.1 -j DROP\n[1:1] -A FORWARD -j RETURN\nCOMMIT\n")
    keep.apply(OLD)
    before = node.state()
    commands = {"4": f"iptables-{node.flavour}", "6": f"ip6tables-{node.flavour}", "jump": JUMP_RULE}
    for words in SPOILT[spoilt]:
        for name, value in commands.items():
            words = words.replace(f"{{{name}}}", value)
        node.run("sh", "-c", words)
    others = foreign(node.save()), foreign(node.save("ip6tables"))
    assert node.state() != before
    assert keep.notices()
    assert keep.apply(OLD).startswith("applied")
    assert (foreign(node.save()), foreign(node.save("ip6tables"))) == others
    assert own(node.save()) == own(before[f"iptables {node.flavour}"])
    assert_kept(keep, node.state())


@pytest.mark.parametrize("command", ["flush ruleset", "delete table ip6 filter", "add table ip filter { flags dormant; }"])
def test_what_nft_does_is_noticed(new_node, new_keep, command):
    node = new_node("nft")
    keep = new_keep(node)
    keep.apply(OLD)
    before = node.state()
    node.run("nft", command)
    assert keep.ask("hears") == "1"
    if "dormant" in command:  # apply has no say in that; it looks, and has nothing to do
        assert keep.apply(OLD).startswith("unchanged") and keep.readings() == 2
        return
    assert keep.apply(OLD).startswith("applied")
    assert_kept(keep, before)


def test_what_is_others_costs_nothing(node, keep):
    node.load_others()
    keep.apply(OLD)
    for words in [
        "-A FORWARD -j ACCEPT",
        "-I FORWARD 2 -p tcp -j DROP",
        "-R FORWARD 2 -p udp -j DROP",
        "-D FORWARD 2",
        "-P FORWARD DROP",
        "-I INPUT -j ACCEPT",
        "-I OUTPUT -j ACCEPT",
        "-N OTHER",
        "-A OTHER -j RETURN",
        "-I OTHER -j DROP",
        "-F OTHER",
        "-X OTHER",
        "-t nat -I PREROUTING -j ACCEPT",
        "-t mangle -I FORWARD -j ACCEPT",
    ]:
        for family in ["iptables", "ip6tables"]:
            node.iptables(*words.split(), family=family)
            assert not keep.notices(), words
    assert keep.apply(NEW).startswith("applied")
    assert keep.readings() == 1


def test_what_is_others_by_nft_costs_nothing(new_node, new_keep):
    node = new_node("nft")
    keep = new_keep(node)
    keep.apply(OLD)
    node.run("nft", "add table inet filter { chain FORWARD { type filter hook forward priority 0; }; }")
    node.run("nft", "insert rule inet filter FORWARD counter")
    node.run("nft", "flush ruleset inet")
    assert keep.ask("hears") == "0"
    assert keep.apply(NEW).startswith("applied")
    assert keep.readings() == 1


def test_rules_that_nobody_has_changed_are_not_read_again(new_node, new_keep):
    """Sets are, always; and rules, after any change of whatever rules."""
    node = new_node("nft")
    keep = new_keep(node)
    keep.apply(OLD)
    for _ in range(3):
        assert keep.ask("read") == "0"
        assert keep.readings() == 2
    node.iptables("-I", "FORWARD", "2", "-p", "tcp", "-j", "DROP")
    assert keep.ask("read") == "0"
    assert keep.readings() == 3
    peers = next(name for name, lines in node.sets().items() if any(NET[3] in line for line in lines))
    node.run("ipset", "del", peers, NET[3])
    node.run("ipset", "add", peers, "192.0.2.77")
    assert keep.ask("look") == "0"
    assert keep.ask("read") == "1"
    assert keep.readings() == 3
    assert keep.apply(OLD).startswith("applied")
    assert_kept(keep, node.state())
    # Of this one, nf_tables knows nothing.
    readings = keep.readings()
    node.run("iptables-legacy", "-N", "PENSTOCK-OLD")
    assert keep.ask("read") == "1"
    assert keep.readings() == readings + 1


def test_kube_proxy_a_thousand_times_costs_no_reading(new_node, new_keep):
    node = new_node("nft")
    keep = new_keep(node)
    keep.apply(OLD)
    steps = [
        f"*nat\n:KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES -d 10.96.0.{i % 250}/32 -j RETURN\nCOMMIT\n"
        f"*filter\n:KUBE-FORWARD - [0:0]\n-A KUBE-FORWARD -d 10.96.0.{i % 250}/32 -j DROP\nCOMMIT\n"
        for i in range(500)
    ]
    node.restore("".join(steps))
    assert keep.ask("hears") == "0"
    assert keep.apply(NEW).startswith("applied")
    node.restore("".join(steps))
    assert keep.apply(OLD).startswith("applied")
    assert keep.ask("hears") == "0" and keep.readings() == 1
    node.restore("".join([*steps, "*filter\n-D PENSTOCK-DENY 1\nCOMMIT\n", *steps]))
    assert keep.ask("hears") == "1"


def test_what_the_kernel_could_not_tell_is_doubt(new_node, new_keep):
    """More than it holds for whoever does not listen."""
    node = new_node("nft")
    keep = new_keep(node)
    keep.apply(OLD)
    rules = "".join(f"-A KUBE-SERVICES -d 10.96.0.{i % 250}/32 -j RETURN\n" for i in range(3000))
    step = f"*nat\n:KUBE-SERVICES - [0:0]\n{rules}COMMIT\n"
    node.restore(step * 40)
    assert keep.ask("hears") == "1"
    assert keep.apply(NEW).startswith("applied")
    assert keep.readings() == 2 and keep.ask("hears") == "0"


def test_sets_that_were_spoilt(node, keep):
    keep.apply(OLD)
    before = node.state()
    sets = before["sets"]
    peers = next(name for name in sets if any(NET[3] in line for line in sets[name]))
    blocks = next(name for name in sets if any("nomatch" in line for line in sets[name]))
    # What, and whether the sizes tell.
    spoil = [
        (f"ipset flush {peers}", True),
        (f"ipset add {peers} 192.0.2.77", True),
        (f"ipset del {peers} {NET[3]}", True),
        (f"ipset del {peers} {NET[3]}; ipset add {peers} 192.0.2.77", False),
        (f"ipset del {blocks} 10.0.0.0/8 && ipset add {blocks} 10.0.0.0/8", False),
        ("ipset create penstock-stale hash:ip", True),
        (f"ipset create x hash:ip; ipset swap x {peers}; ipset destroy x", True),
        (f"ipset create x hash:net; ipset add x 192.0.2.0/24; ipset add x 192.0.3.0/24; ipset swap x {blocks}", None),
    ]
    for command, sizes_tell in spoil:
        node.run("sh", "-c", command)
        assert node.sets() != sets
        noticed = keep.ask("look") == "1"
        assert sizes_tell is None or noticed == sizes_tell, command
        if not noticed:
            assert keep.ask("read") == "1"
        assert keep.apply(OLD).startswith("applied")
        node.run("ipset", "destroy", "x", status=None)
        assert_kept(keep, before)


def test_others_change_rules_while_it_applies(new_node, new_keep, tmp_path):
    node = new_node("nft")
    keep = new_keep(node, Saboteur(tmp_path))
    iptables = shutil.which("iptables-nft")
    keep.apply(OLD)
    for at in ["iptables-nft-restore 1", "ip6tables-nft-restore 2", "ipset 1"]:
        keep.fault("race", at, f"{iptables} -t nat -N RACER; {iptables} -t nat -X RACER; {iptables} -N RACER; {iptables} -X RACER")
        assert keep.apply(NEW).startswith("applied")
        assert keep.ask("hears") == "0" and keep.readings() == 1
        keep.fault("", "")
        keep.apply(OLD)
    before = node.state()
    keep.fault("race", "iptables-nft-restore 2", f"{iptables} -D FORWARD 1")
    assert keep.apply(NEW).startswith("applied")
    assert keep.ask("hears") == "1"
    keep.fault("", "")
    assert keep.apply(OLD).startswith("applied")
    assert keep.readings() == 2
    assert_kept(keep, before)


MEANWHILE = {
    "rules deleted": ["-D PENSTOCK-FORWARD 1", "-F PENSTOCK-INGRESS"],
    "as many rules as before": ["-R PENSTOCK-DENY 1 -j ACCEPT"],
    "in the same words to another place": ["-D FORWARD 1", f"-A FORWARD {JUMP_RULE}"],
}


@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize("family", ["iptables", "ip6tables"])
def test_what_others_spoilt_meanwhile_is_put_right_with_the_next_rules(node, keep, new_node, meanwhile, family):
    """In legacy nobody tells; reading what is counted by rules that are to be written again does."""
    node.iptables("-A", "FORWARD", "-p", "tcp", family=family)
    keep.apply(OLD)
    for words in MEANWHILE[meanwhile]:
        node.run("sh", "-c", f"{family}-{node.flavour} {words}")
    keep.apply(NEW)
    fresh = new_node(node.flavour)
    fresh.iptables("-A", "FORWARD", "-p", "tcp", family=family)
    fresh.apply(NEW)
    assert node.state() == fresh.state()


def test_sets_that_change_hide_nothing_that_others_did(node, keep):
    """Where only elements come and go, nothing looks at rules: what others made of them is noticed after it."""
    keep.apply(OLD)
    node.iptables("-R", "PENSTOCK-DENY", "1", "-j", "ACCEPT")
    more = pod("more", NET[40], node="there", app="client")
    keep.apply([*OLD, more])
    if node.flavour == "legacy":
        assert keep.notices()
    keep.apply([*OLD, more])
    assert not any("PENSTOCK-DENY -j ACCEPT" in line for line in node.save())
    assert_kept(keep, node.state())


def test_others_use_a_set_that_is_no_longer_needed(node, keep):
    keep.apply(OLD)
    name = next(name for name in node.sets() if any("nomatch" in line for line in node.sets()[name]))
    chain = next(line.split()[0][1:] for line in node.save() if line.startswith(":PENSTOCK-E-"))
    node.iptables("-N", "MINE")
    node.iptables(*f"-A MINE -m set --match-set {name} src -j DROP".split())
    node.iptables("-A", "MINE", "-j", chain)
    assert keep.apply(OLD[:-1]).startswith("applied")
    assert f":{chain} - [0:0]" in node.save() and name in node.sets()
    assert keep.apply(OLD[:-1]).startswith("unchanged")
    assert keep.ask("hears") == "0" and keep.ask("look") == "0"
    node.iptables("-F", "MINE")
    assert keep.apply(OLD).startswith("applied")
    assert keep.apply(OLD[:-1]).startswith("applied")
    assert name not in node.sets()


def test_others_lead_into_a_chain_that_is_no_longer_needed(node, keep):
    """What was read once is remembered of them as long as they are there."""
    keep.apply(OLD)
    chain = next(line.split()[0][1:] for line in node.save() if line.startswith(":PENSTOCK-E-"))
    node.iptables("-N", "MINE")
    node.iptables("-A", "MINE", "-j", chain)
    keep.notices()
    for _ in range(3):
        assert keep.apply(OLD[:-1]).startswith("applied")
        assert f":{chain} - [0:0]" in node.save() and f"-A {chain} " not in "".join(node.save())
        assert keep.apply(OLD[:-1]).startswith("unchanged")
        assert keep.apply(OLD).startswith("applied")
    assert keep.readings() == 2


@pytest.fixture
def way(node, new_keep, new_node, tmp_path):
    """A keeper at OLD, the states before and after NEW, and the runs of tools on the way."""

    class Way:
        pass

    way = Way()
    way.node = node
    way.saboteur = Saboteur(tmp_path)
    way.new_keep = lambda: new_keep(node, way.saboteur)
    way.keep = way.new_keep()
    way.keep.apply(NEW)
    way.new = node.state()
    way.keep.apply(OLD)
    way.old = node.state()
    way.keep.fault("", "")
    way.keep.apply(NEW)
    way.runs = way.saboteur.runs()
    assert node.state() == way.new
    way.keep.apply(OLD)
    assert way.keep.readings() == 1
    assert len(way.runs) >= 6  # sets before and after, rules of both families, by stand-ins
    assert not any("-save" in run for run in way.runs)  # the kernel is asked
    return way


@pytest.mark.parametrize("fault", ["fail", "kill"])
def test_a_tool_that_fails_leaves_all_as_it_was(way, fault):
    for at in way.runs:
        way.keep.fault(fault, at)
        assert "everything is as it was before" in way.keep.apply(NEW), at
        assert way.node.state() == way.old, at
        way.keep.fault("", "")
        assert way.keep.apply(NEW).startswith("applied")
        assert way.node.state() == way.new, at
        assert way.keep.apply(OLD).startswith("applied")
        assert_kept(way.keep, way.old)


def test_a_keeper_killed_at_any_run_is_repaired_by_the_next(way):
    for at in way.runs:
        way.keep.fault("murder", at)
        way.keep.apply(NEW)
        way.node.wait_for_tools()
        between(way.old, way.node.state(), way.new)
        way.keep.process.wait()
        way.keep = way.new_keep()
        way.keep.fault("", "")
        way.keep.apply(NEW)
        assert way.node.state() == way.new, at
        way.keep.apply(OLD)
        assert_kept(way.keep, way.old)


def test_a_jump_that_others_lead_elsewhere_between_two_steps(way):
    """As many rules as before. Legacy's are all read before the second step, and where they lead; nf_tables tells."""
    flavour = way.node.flavour
    other = f"{shutil.which(f'iptables-{flavour}')} -R PENSTOCK-MIDSTREAM 1 -g PENSTOCK-DENY"
    way.keep.fault("race", f"iptables-{flavour}-restore 1", other)
    assert way.keep.apply(NEW).startswith("applied")
    if flavour == "nft":
        assert way.keep.ask("hears") == "1"
        way.keep.fault("", "")
        way.keep.apply(NEW)
    assert way.node.state() == way.new


def test_garbled_readings_change_nothing(way):
    """What it reads because it has to."""
    way.node.iptables("-F", "PENSTOCK-DENY")
    before = way.node.state()
    assert way.keep.notices()
    for at in ["iptables-nft-save 1", f"ip6tables-{way.node.flavour}-save 1", "ipset 1"]:
        way.keep.fault("garble", at)
        way.keep.ask("read")
        if way.node.flavour == "legacy" and "nft" in at:
            continue
        way.keep.fault("garble", at)
        assert "nothing was changed" in way.keep.apply(NEW), at
        assert way.node.state() == before
    way.keep.fault("", "")
    way.keep.apply(OLD)
    assert_kept(way.keep, way.old)


def test_what_was_counted_is_kept(node, keep):
    """Of chains that change, of those whose sets get other names for a moment, and of those that stay."""
    addresses = {"web": NET[1], "database": NET[2], "client": NET[3]}
    for name, address in addresses.items():
        node.add_pod(name, address)
    objects = [pod(name, address, app=name) for name, address in addresses.items()]
    first = [{"from": [pods(app="client")], "ports": [{"protocol": "UDP", "port": 80}]}]
    objects.append(policy("database", {"app": "database"}, first))
    one = [*objects, policy("web", {"app": "web"}, first)]
    two = [*objects, policy("web", {"app": "web"}, [*first, {"from": [block("192.0.2.0/24")]}])]
    three = [*two, pod("far", NET[9], node="there", app="client")]
    keep.apply(one)

    def send(n):
        for name in ["web", "database"]:
            with contextlib.closing(make(f"/run/netns/{node.name}.{name}", "UDP", NET[1])) as server:
                server.bind((addresses[name], 80))
                for _ in range(n):
                    with contextlib.closing(make(f"/run/netns/{node.name}.client", "UDP", NET[1])) as client:
                        client.sendto(b"hello", (addresses[name], 80))
                        assert server.recvfrom(100)[0] == b"hello"

    def counted(name):
        """Not by the keeper, who would know then."""
        lines = [line for line in node.save() if f"default/{name} ingress[0]" in line]
        return sum(int(line[1:].split(":")[0]) for line in lines)

    total = 3
    send(3)
    for state in [two, one, three, two, three, one]:
        keep.apply(state)
        assert counted("web") == counted("database") == total
        send(2)
        total += 2
    told = keep.counters()
    for name in ["web", "database"]:
        assert sum(n for _, comment, n in told if comment == f"penstock: default/{name} ingress[0]") == total
    assert keep.readings() == 1


def test_only_what_opens_is_known_not_to_shut(node, keep):
    far = pod("far2", NET[30], "fd00::30", node="there", app="client")
    other = pod("other", NET[31], "fd00::31", node="there", app="else")
    local = pod("local", NET[32], "fd00::32", app="web")
    wider = [*OLD[:-1], policy("out", {"app": "client"}, egress=[{"to": [block("0.0.0.0/0")]}])]
    narrower = [*OLD[:-1], policy("out", {"app": "client"}, egress=[{"to": [block("0.0.0.0/0", "10.0.0.0/8", "192.0.2.0/24")]}])]
    steps = [
        (OLD, "1"),
        (OLD, "0"),
        ([*OLD, far], "0"),
        ([*OLD, far, other], "0"),
        ([*OLD, other], "1"),
        ([*OLD, local], "1"),
        (OLD, "1"),
        (narrower, "1"),
        (wider, "1"),
        (OLD, "1"),
        ([*OLD, policy("new", {"app": "web"}, [])], "1"),
        (OLD, "1"),
    ]
    for manifests, shut in steps:
        keep.apply(manifests)
        assert keep.ask("may-have-shut") == shut, manifests


@pytest.mark.parametrize("seed", range(int(os.environ.get("PENSTOCK_SEED", "1")), int(os.environ.get("PENSTOCK_SEED", "1")) + int(os.environ.get("PENSTOCK_KEEPERS", "3"))))
def test_random_clusters_one_after_the_other(node, keep, new_node, seed):
    """Each time the kernel holds what a fresh node holds; sometimes others have meddled."""
    chance = random.Random(seed)
    for step in range(6):
        manifests = generate(seed, *(["--then", str(seed * 100 + step)] if step else [])).replace("node-1", "here")
        keep.apply(manifests)
        fresh = new_node(node.flavour)
        fresh.apply(manifests)
        wanted, now = fresh.state(), node.state()
        assert {key: own(now[key]) if key != "sets" else now[key] for key in now} == {
            key: own(wanted[key]) if key != "sets" else wanted[key] for key in wanted
        }, step
        chains = [line.split()[0][1:] for line in now[f"iptables {node.flavour}"] if line.startswith(":PENSTOCK-")]
        meddling = chance.choice([None, ["-F", chance.choice(chains)], ["-D", "FORWARD", "1"], ["-A", chance.choice(chains), "-j", "ACCEPT"]])
        if meddling:
            node.iptables(*meddling, status=None)
            keep.notices()
