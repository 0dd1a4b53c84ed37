"""Sets: what is read is printed as it was, and what set_test() says of a packet is what the kernel does.

Random sets of every kind that the kernel has, and random packets of any protocol that come in by one TUN link
and go out by another. Each rule of a chain adds a power of two to the hop limit of what its set match takes, so
a packet that comes out says what every match made of it.
"""

import itertools
import pathlib
import random
import re
import struct
import subprocess

import ipset_kinds
import pytest
from nodes import PENSTOCK, Node
from tun import Router, packet

ANSWERS = pathlib.Path(PENSTOCK).parents[2] / "tests/set_answers"
SEED = 4
MATCHES = 7  # a round; a hop limit has eight bits, and one counts what is left
PACKETS, ROUNDS = 200, 3
HOP_LIMIT = 64

# Where packets come from and go to: few addresses, many of them in each other's neighbourhood.
SOURCES = {
    4: ["10.0.0.1", "10.0.0.2", "10.0.0.200", "10.0.1.1", "10.128.0.1", "11.0.0.1", "192.0.2.9"],
    6: ["fd00::1", "fd00::2", "fd00::200", "fd00::1:1", "fd00:8000::1", "fd80::1", "2001:db8::9"],
}
# By the link that leads there.
DESTINATIONS = {
    4: {"out0": ["172.16.0.1", "172.16.0.2", "172.16.0.129", "172.16.1.1"], "out10": ["172.24.0.1", "172.24.7.7"]},
    6: {"out0": ["fc00::1", "fc00::2", "fc00::8001", "fc00::1:1"], "out10": ["fc00:8000::1", "fc00:8000::7:7"]},
}
LINKS = {
    "in0": [],
    "in10": [],
    "out0": ["172.16.0.0/16", "fc00::/17"],
    "out10": ["172.24.0.0/16", "fc00:8000::/17"],
}
ENTRANCES = ["in0", "in10"]
LENGTHS = {4: [1, 6, 8, 9, 16, 23, 24, 25, 30, 31, 32], 6: [1, 7, 8, 16, 17, 64, 111, 112, 113, 127, 128]}
TYPES = {4: [(8, 0), (3, 3), (0, 0)], 6: [(128, 0), (1, 4), (129, 0)]}
PORTS = [0, 53, 80, 81, 65535]
ICMP = {4: 1, 6: 58}
WITH_PORTS = {"tcp": 6, "udp": 17, "sctp": 132, "udplite": 136}
WITHOUT = {"gre": 47, "esp": 50, "253": 253}
INTERFACES = ["in0", "in1 wildcard", "in wildcard", "in10", "out0", "out wildcard", "out10", "eth0", "physdev:in0"]


class Draw:
    """Elements, options and packets of one IP version, from one random stream. Most elements are like some packet
    as the match sees it, or few packets of three dimensions would meet any."""

    def __init__(self, seed, version):
        self.random = random.Random(f"{seed}")
        self.version = version
        self.places = [(ip, link) for link, ips in DESTINATIONS[version].items() for ip in ips]
        self.model, self.ends = None, []

    def begin(self, packets, ends):
        """The next element: like one of these packets."""
        likely = packets and self.random.random() < 0.8
        self.model = self.random.choice(packets) if likely else None
        self.ends = list(ends)

    def next_end(self):
        return self.ends.pop(0) if self.ends else "src"

    def ip(self):
        end = self.next_end()
        if self.model:
            return self.model["source" if end == "src" else "destination"]
        return self.random.choice(SOURCES[self.version] + [ip for ip, _ in self.places])

    def net(self):
        return f"{self.ip()}/{self.random.choice(LENGTHS[self.version])}"

    def number(self):
        end = self.next_end()
        return self.model["sport" if end == "src" else "dport"] if self.model else self.random.choice(PORTS)

    def port(self):
        names = {number: name for name, number in {**WITH_PORTS, **WITHOUT}.items()}
        protocol = self.model["protocol"] if self.model else self.random.choice([*names, ICMP[self.version]])
        number = self.number()
        if protocol == ICMP[self.version]:
            kind, code = (self.model["type"], self.model["code"]) if self.model else self.random.choice(TYPES[self.version])
            return f"{'icmp' if self.version == 4 else 'icmpv6'}:{kind}/{code}"
        return f"{names[protocol]}:{number if protocol in WITH_PORTS.values() else 0}"

    def interface(self):
        end = self.next_end()
        if self.model and self.random.random() < 0.5:
            return self.model["in" if end == "src" else "out"]
        return self.random.choice(INTERFACES)

    def packet(self):
        """A dictionary of what set_answers wants to know."""
        destination, leaves = self.random.choice(self.places)
        made = {"source": self.random.choice(SOURCES[self.version]), "destination": destination}
        made |= {"sport": 0, "dport": 0, "type": 0, "code": 0}
        chance = self.random.random()
        if chance < 0.2:
            made["protocol"] = ICMP[self.version]
            made["type"], made["code"] = self.random.choice(TYPES[self.version])
        elif chance < 0.4:
            made["protocol"] = self.random.choice(list(WITHOUT.values()))
        else:
            made["protocol"] = self.random.choice(list(WITH_PORTS.values()))
            made["sport"], made["dport"] = self.random.choice(PORTS), self.random.choice(PORTS)
        return made | {"in": self.random.choice(ENTRANCES), "out": leaves}


def address_bits(draw):
    first = draw.random.choice(["10.0.0.0/22", "172.16.0.0/16", "10.0.0.0-10.0.1.1"])
    mask = draw.random.choice(["", "", " netmask 28"]) if "/" in first else ""
    return f"range {first}{mask}"


# By kind: the options of a set, an element, the number of ends.
KINDS = {
    "bitmap:ip": (address_bits, Draw.ip, 1),
    "bitmap:port": (lambda d: "range 0-65535", lambda d: f"{d.number()}", 1),
    "hash:ip": (lambda d: "", Draw.ip, 1),
    "hash:net": (lambda d: "", Draw.net, 1),
    "hash:ip,port": (lambda d: "", lambda d: f"{d.ip()},{d.port()}", 2),
    "hash:ip,port,ip": (lambda d: "", lambda d: f"{d.ip()},{d.port()},{d.ip()}", 3),
    "hash:ip,port,net": (lambda d: "", lambda d: f"{d.ip()},{d.port()},{d.net()}", 3),
    "hash:ip,mark": (lambda d: "", lambda d: f"{d.ip()},0", 2),
    "hash:net,port": (lambda d: "", lambda d: f"{d.net()},{d.port()}", 2),
    "hash:net,net": (lambda d: "", lambda d: f"{d.net()},{d.net()}", 2),
    "hash:net,port,net": (lambda d: "", lambda d: f"{d.net()},{d.port()},{d.net()}", 3),
    "hash:net,iface": (lambda d: "", lambda d: f"{d.net()},{d.interface()}", 2),
    "list:set": (lambda d: "size 8", None, 1),
}
MASKS = {
    4: ["netmask 24", "netmask 9", "bitmask 255.0.255.0", "bitmask 0.0.0.255"],
    6: ["netmask 64", "netmask 112", "bitmask ffff::ffff", "bitmask ::ff"],
}
# Which of a net's elements the kernel meets first may be chance: verify/set_test.c.
MAY_BE_UNKNOWN = ["hash:net,iface", "list:set"]
ONLY_IPV4 = ["bitmap:ip"]


def make_set(draw, name, kind, packets, ends):
    """Lines for ipset restore."""
    options, element, _ = KINDS[kind]
    line = f"create {name} {kind} {options(draw)}"
    if kind.startswith("hash"):
        line += f" family {'inet' if draw.version == 4 else 'inet6'} hashsize 64"
    if kind in ["hash:ip", "hash:ip,port", "hash:net,net"] and draw.random.random() < 0.4:
        line += f" {draw.random.choice(MASKS[draw.version])}"
    lines = [line + draw.random.choice(["", " timeout 0", " timeout 9000", " counters", " comment"])]
    for _ in range(draw.random.choice([1, 8, 24])):
        draw.begin(packets, ends)
        nomatch = " nomatch" if "net" in kind and draw.random.random() < 0.35 else ""
        lines.append(f"add {name} {element(draw)}{nomatch}")
    return lines


def make_list(draw, name, packets, ends, lacking):
    """Some sets of any other kind and version, and a list of them."""
    lines, names = [], [f"{name}-{i}" for i in range(3)]
    for member in names:
        kind = draw.random.choice([kind for kind in KINDS if kind != "list:set" and kind not in lacking])
        version = 4 if kind in ONLY_IPV4 else draw.random.choice([4, 6, draw.version])
        other = Draw(draw.random.random(), version)
        lines += make_set(other, member, kind, packets if version == draw.version else [], ends)
    return [*lines, f"create {name} list:set size 8", *(f"add {name} {member}" for member in names)]


def make_ends(draw, needed):
    count = needed if draw.random.random() < 0.8 else draw.random.choice([1, 2, 3])
    return [draw.random.choice(["src", "dst"]) for _ in range(count)]


def make_round(draw, kind, packets, lacking):
    """Lines for ipset restore, and for each set what stands behind --match-set."""
    lines, matches = [], []
    for i in range(MATCHES):
        ends = make_ends(draw, draw.random.choice([1, 2, 3]) if kind == "list:set" else KINDS[kind][2])
        if kind == "list:set":
            lines += make_list(draw, f"set{i}", packets, ends, lacking)
        else:
            lines += make_set(draw, f"set{i}", kind, packets, ends)
        options = draw.random.choice([""] * 5 + [" --return-nomatch", " ! --update-counters"])
        matches.append(f"set{i} {','.join(ends)}{options}")
    return lines, matches


def restore_what_fits(node, lines):
    """Without elements that their set refuses: out of its range, nothing left under its mask."""
    while lines:
        done = node.run("ipset", "restore", "-exist", stdin="\n".join(lines) + "\n", status=None)
        if done.returncode == 0:
            return
        refused = int(re.search(r"Error in line (\d+):", done.stderr)[1])
        assert lines[refused - 1].startswith("add "), done.stderr
        lines = lines[refused:]


def install(node, version, lines, matches):
    """What `ipset save` says of them then."""
    restore_what_fits(node, lines)
    tool, target = ("iptables", "TTL --ttl-inc") if version == 4 else ("ip6tables", "HL --hl-inc")
    rules = [f"-A FORWARD -m set --match-set {match} -j {target} {1 << i}" for i, match in enumerate(matches)]
    node.run(f"{tool}-legacy-restore", stdin="\n".join(["*mangle", *rules, "COMMIT", ""]))
    return node.run("ipset", "save").stdout


def destroy_all(node):
    """Lists first let go of what they list."""
    node.run("ipset", "restore", stdin="flush\ndestroy\n")


def payload(made):
    if made["protocol"] in ICMP.values():
        return struct.pack("!BBHI", made["type"], made["code"], 0, 0) + bytes(8)
    return struct.pack("!HH", made["sport"], made["dport"]) + bytes(28)


def ask_kernel(router, packets):
    """By packet: a character for each match."""
    lines = [
        (made["in"], packet(i, made["source"], made["destination"], made["protocol"], payload(made), HOP_LIMIT + 1))
        for i, made in enumerate(packets)
    ]
    came = router.send(lines)
    assert sorted(came) == list(range(len(packets)))
    return ["".join(str((came[i] - HOP_LIMIT) >> n & 1) for n in range(MATCHES)) for i in range(len(packets))]


def ask_penstock(directory, sets, matches, packets):
    (directory / "sets").write_text(sets)
    (directory / "matches").write_text("\n".join(matches) + "\n")
    words = ["source", "destination", "protocol", "sport", "dport", "type", "code", "in", "out"]
    lines = [" ".join(str(made[word]) for word in words) for made in packets]
    done = subprocess.run(
        [ANSWERS, directory / "sets", directory / "matches"],
        input="\n".join(lines) + "\n",
        text=True,
        capture_output=True,
        check=True,
    )
    return done.stdout.split("\n")[:-1]


@pytest.fixture(scope="module")
def node():
    made = Node("legacy")
    yield made
    made.done()


@pytest.fixture(scope="module")
def lacking(node):
    """The kinds that this kernel has no sets of."""
    missing = ipset_kinds.install(lambda words, **options: subprocess.run(node.command(*words), **options))
    destroy_all(node)
    return missing


@pytest.fixture(scope="module")
def router(node):
    with Router(node.name, LINKS, HOP_LIMIT) as made:
        yield made


def cases():
    for kind, version in itertools.product(KINDS, [4, 6]):
        if version == 4 or kind not in ONLY_IPV4:
            yield pytest.param(kind, version, id=f"{kind}-ipv{version}")


def compare(node, router, directory, version, packets, lines, matches):
    """All of penstock's answers, each of them the kernel's or "?"."""
    sets = install(node, version, lines, matches)
    theirs = ask_kernel(router, packets)
    ours = ask_penstock(directory, sets, matches, packets)
    node.run("iptables-legacy" if version == 4 else "ip6tables-legacy", "-t", "mangle", "-F")
    destroy_all(node)
    for made, their, our in zip(packets, theirs, ours, strict=True):
        for match, a, b in zip(matches, their, our, strict=True):
            assert b in [a, "?"], f"{match}: {made}\n{sets}"
    return "".join(ours)


@pytest.mark.parametrize("kind, version", list(cases()))
def test_the_kernel_says_the_same(node, router, lacking, tmp_path, kind, version):
    if kind in lacking:
        pytest.skip(f"this kernel has no {kind}")
    draw = Draw(f"{SEED} {kind} {version}", version)
    answers = ""
    for _ in range(ROUNDS):
        packets = [draw.packet() for _ in range(PACKETS)]
        lines, matches = make_round(draw, kind, packets, lacking)
        answers += compare(node, router, tmp_path, version, packets, lines, matches)
    print({answer: answers.count(answer) for answer in "01?"})
    assert min(answers.count("0"), answers.count("1")) > 100
    assert answers.count("?") <= (len(answers) / 10 if kind in MAY_BE_UNKNOWN else 0)


def test_sets_of_every_kind_print_themselves(node, lacking, tmp_path):
    ipset_kinds.install(lambda words, **options: subprocess.run(node.command(*words), **options))
    saved = node.run("ipset", "save").stdout
    destroy_all(node)
    (tmp_path / "sets").write_text(saved)
    done = subprocess.run([ANSWERS, tmp_path / "sets"], text=True, capture_output=True, check=True)
    assert len(re.findall("^create ", saved, re.MULTILINE)) > 60
    assert done.stdout == saved
