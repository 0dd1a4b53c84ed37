"""Policies that are easily got wrong, with real packets, on both flavours of iptables and both families.

Each case says by hand who reaches whom: were the reference and the compiler wrong together, the probe
alone would find no difference.
"""

import pytest
from labs import select
from manifests import ANY, allow, block, cluster, namespace, node, pod, pods, pods_in, policy

PROTOCOLS = ("TCP", "UDP", "SCTP")
FAMILIES = ("IPv4", "IPv6")


class Enforced:
    """A lab where manifests are up and in force, and what a probe found there."""

    def __init__(self, lab, flavour):
        self.lab, self.flavour = lab, flavour

    def apply(self, manifests, *words, probe=()):
        done = self.lab.apply(manifests, "--backend", self.flavour, *words)
        self.report = self.lab.probe(manifests, *probe, status=None)
        assert [r for r in self.report["results"] if r["expected"] != r["actual"]] == []
        assert self.report["differences"] == 0
        return done

    def up(self, manifests, *words, probe=()):
        self.lab.up(manifests)
        self.apply(manifests, *words, probe=probe)
        again = self.lab.apply(manifests, "--backend", self.flavour, *words)
        assert all(f": unchanged ({self.flavour})" in line for line in again.stdout.splitlines()), again.stdout
        return self

    def passing(self, source, to, family="IPv4"):
        """What gets through, as {"TCP 80", "ICMP"}."""
        label = lambda end: end if "/" in end or "." in end or ":" in end else f"default/{end}"
        results = select(self.report, from_=label(source), to=label(to), family=family)
        assert {r["protocol"] for r in results} == {*PROTOCOLS, "ICMP"}, "some protocol was not probed"
        return {f"{r['protocol']} {r['port']}" if r["port"] else r["protocol"] for r in results if r["actual"] == "Allowed"}

    def all_of(self, *protocols, but=()):
        """Every port that was probed of these protocols."""
        return {f"{p} {port}" for p in protocols for port in self.report["ports"] if port not in but}

    @property
    def everything(self):
        return self.all_of(*PROTOCOLS) | {"ICMP"}

    def outside(self):
        return {end["label"] for end in self.report["ends"] if end["kind"] == "outside"}

    def reaching(self, to):
        """The addresses outside that reach it with anything, and it must then be with everything."""
        reach = set()
        for ip in self.outside():
            passing = self.passing(ip, to, "IPv6" if ":" in ip else "IPv4")
            assert passing in (set(), self.everything), ip
            reach |= {ip} if passing else set()
        return reach

    def both(self, source, to, expected):
        for family in FAMILIES:
            assert self.passing(source, to, family) == expected, (source, to, family)


@pytest.fixture(params=["iptables-nft", "iptables-legacy"])
def enforced(request, lab):
    return Enforced(lab, request.param)


WEB = pod("web", app="web", ports={"http": 8080})
CLIENT = pod("client", app="client")
STRANGER = pod("stranger", app="stranger")


def test_a_sibling_except_shadows_nothing(enforced):
    """Three ways to be a sibling: another peer, another rule, another policy."""
    cut = [block("10.0.0.0/8", "10.9.0.0/16", "10.8.0.0/16", "10.7.0.0/16"), block("fd10::/16", "fd10:9::/32", "fd10:8::/32")]
    enforced.up(
        cluster(
            WEB,
            policy(
                "web",
                pods(app="web"),
                ingress=[
                    allow(*cut, block("10.9.1.0/24"), block("fd10:9:1::/48")),
                    allow(block("10.8.1.0/24"), block("fd10:8:1::/48")),
                ],
            ),
            policy("web-too", pods(app="web"), ingress=[allow(block("10.7.1.0/24"))]),
        )
    )
    inside = {"10.9.1.1", "fd10:9:1::1", "10.8.1.1", "fd10:8:1::1", "10.7.1.1"}
    cut_out = {"10.9.0.1", "10.8.0.1", "10.7.0.1", "fd10:9::1", "fd10:8::1"}
    around = {"10.0.0.1", "fd10::1"}
    assert enforced.outside() == inside | cut_out | around | {"192.0.2.1", "2001:db8::1"}
    assert enforced.reaching("web") == inside | around


def test_overlapping_blocks(enforced):
    enforced.up(
        cluster(
            WEB,
            policy(
                "web",
                pods(app="web"),
                ingress=[
                    allow(
                        block("172.16.0.0/12", "172.20.0.0/14"),
                        block("172.16.0.0/12", "172.24.0.0/14"),  # the same block with another hole
                        block("10.1.0.0/16", "10.1.0.0/17", "10.1.2.0/24"),  # holes that overlap
                        block("10.1.2.0/25"),
                        block("10.1.2.0/24", "10.1.2.0/25"),  # together the whole /24
                        block("fd20::/16", "fd20:1::/32"),
                        block("fd20:1:2::/48", "fd20:1:2:3::/64"),
                        block("fd20:1:2:3:4::/80"),
                    )
                ],
            ),
        )
    )
    assert enforced.outside() - enforced.reaching("web") == {"10.1.0.1", "fd20:1::1", "fd20:1:2:3::1", "192.0.2.1", "2001:db8::1"}
    assert {"172.20.0.1", "172.24.0.1", "10.1.2.1", "10.1.2.128", "fd20:1:2::1", "fd20:1:2:3:4::1"} <= enforced.reaching("web")


def test_everything_of_one_family(enforced):
    """Each /0 in each direction; a hash:net holds none."""
    both = lambda cidr, *excepts: {"ingress": [allow(block(cidr, *excepts))], "egress": [allow(block(cidr, *excepts))]}
    enforced.up(
        cluster(
            pod("four", app="four"),
            pod("six", app="six"),
            pod("holed", app="holed"),
            pod("world", app="world"),
            CLIENT,
            policy("four", pods(app="four"), **both("0.0.0.0/0")),
            policy("six", pods(app="six"), **both("::/0")),
            policy("holed", pods(app="holed"), **both("0.0.0.0/0", "10.0.0.0/8")),
            policy("world", pods(app="world"), ingress=[allow(block("0.0.0.0/0"), block("::/0"))]),
        )
    )
    for other, v4, v6 in (("client", "IPv4", "IPv6"), ("192.0.2.1", "IPv4", None), ("2001:db8::1", None, "IPv6")):
        for family, allowed_pod, denied_pod in ((v4, "four", "six"), (v6, "six", "four")):
            if not family:
                continue
            for name in (allowed_pod, denied_pod):
                expected = enforced.everything if name == allowed_pod else set()
                assert enforced.passing(other, name, family) == expected
                assert enforced.passing(name, other, family) == expected
            assert enforced.passing(other, "world", family) == enforced.everything
    assert enforced.passing("192.0.2.1", "holed") == enforced.everything  # outside the hole
    assert enforced.passing("10.0.0.1", "holed") == set()
    assert enforced.passing("client", "holed") == set()  # 10.244.…
    assert enforced.passing("holed", "client") == set()
    assert enforced.passing("2001:db8::1", "holed", "IPv6") == set()


def test_a_named_port_is_each_pods_own(enforced):
    """In the subject for ingress, in each peer for egress, and by protocol."""
    enforced.up(
        cluster(
            pod("one", app="web", ports={"http": 8080}),
            pod("two", app="web", ports={"http": 9090}),
            pod("datagrams", app="web", ports={"http": "7070/UDP"}),
            pod("without", app="web"),
            CLIENT,
            pod("caller", role="caller"),
            policy("web", pods(app="web"), ingress=[allow(ports=[("TCP", "http")])]),
            policy("caller", pods(role="caller"), egress=[allow(pods(app="web"), ports=[("TCP", "http")])]),
        )
    )
    for source in ("client", "caller"):
        enforced.both(source, "one", {"TCP 8080"})
        enforced.both(source, "two", {"TCP 9090"})
        enforced.both(source, "datagrams", set())
        enforced.both(source, "without", set())
    enforced.both("caller", "client", set())


def test_a_named_port_that_no_pod_has_matches_nothing(enforced):
    enforced.up(
        cluster(
            WEB,
            CLIENT,
            pod("caller", role="caller"),
            policy("web", pods(app="web"), ingress=[allow(ports=[("TCP", "metrics")])]),
            policy("caller", pods(role="caller"), egress=[allow(ports=[("TCP", "metrics")])]),
        )
    )
    enforced.both("client", "web", set())
    enforced.both("caller", "client", set())
    assert enforced.passing("caller", "192.0.2.1") == set()


def test_all_ports_of_one_protocol(enforced):
    """As a range, as an entry without port, and both edges of smaller ranges."""
    enforced.up(
        cluster(
            pod("full", app="full"),
            pod("bare", app="bare"),
            pod("part", app="part"),
            CLIENT,
            policy("full", pods(app="full"), ingress=[allow(ports=[("TCP", 1, 65535)])]),
            policy("bare", pods(app="bare"), ingress=[allow(ports=[("UDP",)])]),
            policy("part", pods(app="part"), ingress=[allow(ports=[("TCP", 1000, 2000), ("SCTP", 65000, 65535), ("UDP", 53)])]),
        )
    )
    assert {1, 53, 65535, 999, 1000, 2000, 2001, 64999, 65000} <= set(enforced.report["ports"])
    enforced.both("client", "full", enforced.all_of("TCP"))
    enforced.both("client", "bare", enforced.all_of("UDP"))
    enforced.both("client", "part", {"TCP 1000", "TCP 2000", "SCTP 65000", "SCTP 65535", "UDP 53"})


def test_200_policies_on_one_pod(enforced):
    """Each allows another client; the last in order must count as much as the first."""
    clients = [pod(f"client-{i}", number=str(i)) for i in (0, 7, 99, 199, 200)]
    policies = [
        policy(f"p-{i:03}", pods(app="web"), ingress=[allow(pods(number=str(i)), ports=[("TCP", 8000 + i % 7)])]) for i in range(200)
    ]
    enforced.up(cluster(WEB, *clients, *policies))
    for i in (0, 7, 99, 199):
        enforced.both(f"client-{i}", "web", {f"TCP {8000 + i % 7}"})
    enforced.both("client-200", "web", set())


def test_5000_addresses(enforced):
    """Every second address, so that none can be joined to its neighbour."""
    v4 = [block(f"198.18.{i // 128}.{2 * (i % 128)}/32") for i in range(2500)]
    v6 = [block(f"fd55::{2 * i:x}/128") for i in range(2500)]
    manifests = cluster(WEB, CLIENT, policy("web", pods(app="web"), ingress=[allow(*v4, *v6)]))
    enforced.up(manifests)
    assert enforced.reaching("web") == enforced.outside() - {"192.0.2.1", "2001:db8::1"}
    assert len(enforced.reaching("web")) > 20
    enforced.both("client", "web", set())
    sets = enforced.lab.exec("node", "ipset", "save").stdout.splitlines()
    held = {line.split()[2] for line in sets if line.startswith("add ")}
    assert len([one for one in held if one.startswith("198.18.")]) == 2500
    assert len([one for one in held if one.startswith("fd55::")]) == 2500
    # Those that the probe has no room for, as the kernel answers: the last, and its neighbour.
    name = next(line.split()[1] for line in sets if line.startswith("add ") and " 198.18." in line)
    assert "is in set" in enforced.lab.exec("node", "ipset", "test", name, "198.18.19.134").stderr
    assert "NOT in set" in enforced.lab.exec("node", "ipset", "test", name, "198.18.19.135", status=1).stderr


def test_names_of_maximal_length(enforced):
    long_ns, twin_ns = "n" * 63, "n" * 62 + "m"
    name = ".".join(["p" * 62] * 4)
    twin = name[:-1] + "q"
    key, value = ".".join(["k" * 62] * 4) + "/" + "l" * 63, "v" * 63
    labelled = {key: value}
    enforced.up(
        cluster(
            pod(name, ns=long_ns, labels=labelled),
            pod(twin, ns=long_ns, app="client"),
            pod(name, ns=twin_ns, labels=labelled),
            policy(name, pods(**labelled), ns=long_ns, ingress=[allow(pods(app="client"), ports=[("TCP", "a" * 13 + "-0"), ("TCP", 80)])]),
            policy(twin, pods(**labelled), ns=long_ns, ingress=[allow(pods_in({}, **labelled), ports=[("UDP", 53)])]),
            policy(name, pods(), ns=twin_ns, ingress=[]),
        )
    )
    web, client, other = f"{long_ns}/{name}", f"{long_ns}/{twin}", f"{twin_ns}/{name}"
    enforced.both(client, web, {"TCP 80"})
    enforced.both(other, web, {"UDP 53"})
    enforced.both(client, other, set())
    enforced.both(web, other, set())
    enforced.both(web, client, enforced.everything)


def test_a_pod_with_two_addresses(enforced):
    """Each address is judged; pods of one family stand beside it."""
    enforced.up(
        cluster(
            pod("both", app="both", ips=["10.244.0.20", "fd00:10:244::20"]),
            pod("four", app="client", ips=["10.244.0.24"]),
            pod("six", app="client", ips=["fd00:10:244::26"]),
            pod("two", app="client", ips=["fd00:10:244::22", "10.244.0.22"]),  # IPv6 first
            STRANGER,
            policy(
                "both",
                pods(app="both"),
                ingress=[
                    allow(pods(app="client"), ports=[("TCP", 80)]),
                    allow(block("10.244.0.24/32"), block("fd00:10:244::22/128"), ports=[("UDP", 53)]),
                ],
            ),
        )
    )
    assert enforced.passing("four", "both") == {"TCP 80", "UDP 53"}
    assert enforced.passing("six", "both", "IPv6") == {"TCP 80"}
    assert enforced.passing("two", "both", "IPv4") == {"TCP 80"}
    assert enforced.passing("two", "both", "IPv6") == {"TCP 80", "UDP 53"}
    enforced.both("stranger", "both", set())


LINKS = ["client", "next", "stranger", "web"]  # pod0 … pod3 of the node, in order of name


def give(lab, name, ips):
    """Leaves the pod these addresses and no others, as a network plugin does when it hands out anew."""
    for words, bits, gateway in (([], 32, "169.254.1.2"), (["-6"], 128, "fe80::2")):
        mine = [ip for ip in ips if (":" in ip) == bool(words)]
        lab.exec(name, "ip", *words, "address", "add", f"{mine[0]}/{bits}", "dev", "eth0", *(["nodad"] if words else []))
        for line in lab.exec(name, "ip", "-o", *words, "address", "show", "dev", "eth0", "scope", "global").stdout.splitlines():
            if line.split()[3] != f"{mine[0]}/{bits}":
                lab.exec(name, "ip", *words, "address", "del", line.split()[3], "dev", "eth0")
        for where, link in (("node", f"pod{LINKS.index(name)}"), ("fabric", "node0")):
            lab.exec(where, "ip", *words, "route", "replace", mine[0], "via", gateway, "dev", link, "onlink")


def test_an_address_moves_to_another_pod(enforced):
    """The subject's address, then the peer's; who had it before has no more rights, who has it now has its own."""
    shared = ["10.244.0.50", "fd00:10:244::50"]
    own = {name: [f"10.244.0.{60 + i}", f"fd00:10:244::{60 + i}"] for i, name in enumerate(LINKS)}

    def manifests(holder):
        ips = lambda name: shared if name == holder else own[name]
        return cluster(
            pod("client", app="client", ips=ips("client")),
            pod("next", app="next", ips=ips("next")),
            pod("stranger", app="stranger", ips=ips("stranger")),
            pod("web", app="web", ips=ips("web")),
            policy("web", pods(app="web"), ingress=[allow(pods(app="client"), ports=[("TCP", 80)])]),
            policy("next", pods(app="next"), ingress=[allow(pods(app="client"), ports=[("UDP", 53)])]),
        )

    def check():
        enforced.both("client", "web", {"TCP 80"})
        enforced.both("client", "next", {"UDP 53"})
        enforced.both("stranger", "web", set())
        enforced.both("stranger", "next", set())
        enforced.both("client", "stranger", enforced.everything)

    enforced.up(manifests("web"))
    check()
    for before, after in (("web", "next"), ("next", "stranger"), ("stranger", "client"), ("client", "web")):
        give(enforced.lab, before, own[before])
        give(enforced.lab, after, shared)
        enforced.apply(manifests(after))
        check()


def test_egress_and_ingress_on_two_nodes(enforced):
    """Both ends have a say; what only one of them allows does not pass, whichever node it is on."""
    enforced.up(
        cluster(
            pod("client", node="n1", app="client"),
            pod("neighbour", node="n1", app="db"),
            pod("db", node="n2", app="db"),
            pod("stranger", node="n2", app="stranger"),
            policy("client", pods(app="client"), egress=[allow(pods(app="db"), ports=[("TCP", 5432), ("TCP", 6000), ("UDP", 53)])]),
            policy("db", pods(app="db"), ingress=[allow(pods(app="client"), ports=[("TCP", 5432), ("TCP", 7000), ("SCTP", 9)])]),
        )
    )
    for db in ("db", "neighbour"):
        enforced.both("client", db, {"TCP 5432"})
        enforced.both("stranger", db, set())
    enforced.both("client", "stranger", set())
    enforced.both("stranger", "client", enforced.everything)
    enforced.both("db", "client", enforced.everything)
    enforced.both("db", "stranger", enforced.everything)


def test_deny_all(enforced):
    enforced.up(
        cluster(
            namespace("closed"),
            pod("a", ns="closed"),
            pod("b", ns="closed"),
            CLIENT,
            policy("default-deny", pods(), ns="closed", ingress=[], egress=[]),
        )
    )
    for one, other in (("closed/a", "closed/b"), ("closed/a", "client"), ("closed/a", "192.0.2.1")):
        assert enforced.passing(one, other) == enforced.passing(other, one) == set()
    for one, other in (("closed/a", "closed/b"), ("closed/a", "client"), ("closed/a", "2001:db8::1")):
        assert enforced.passing(one, other, "IPv6") == enforced.passing(other, one, "IPv6") == set()
    enforced.both("closed/a", "closed/a", enforced.everything)  # itself, always
    enforced.both("closed/a", "node/node", enforced.everything)  # its own node, always, both ways
    enforced.both("node/node", "closed/a", enforced.everything)
    assert enforced.passing("client", "192.0.2.1") == enforced.everything


def test_ports_of_one_protocol_isolate_the_others(enforced):
    enforced.up(
        cluster(
            pod("sctp", app="sctp"),
            pod("udp", app="udp"),
            CLIENT,
            policy("sctp", pods(app="sctp"), ingress=[allow(ports=[("SCTP", 80)])]),
            policy("udp", pods(app="udp"), ingress=[allow(ports=[("UDP", 80)])]),
        )
    )
    enforced.both("client", "sctp", {"SCTP 80"})
    enforced.both("client", "udp", {"UDP 80"})


def test_ping_passes_where_a_rule_has_no_ports(enforced):
    enforced.up(
        cluster(
            WEB,
            CLIENT,
            pod("caller", app="caller"),
            policy("web", pods(app="web"), ingress=[allow(pods(app="client")), allow(pods(app="caller"), ports=[("TCP", 1, 65535)])]),
        )
    )
    enforced.both("client", "web", enforced.everything)
    enforced.both("caller", "web", enforced.all_of("TCP"))


def test_a_nodes_own_pods_and_those_of_others(enforced):
    enforced.up(
        cluster(
            node("n1", "172.30.0.11", "fd00:172:30::11"),
            node("n2", "172.30.0.12", "fd00:172:30::12"),
            pod("web", node="n1", app="web"),
            pod("open", node="n2"),
            policy("web", pods(app="web"), ingress=[allow(block("172.30.0.12/32"), ports=[("TCP", 80)])], egress=[]),
        )
    )
    enforced.both("node/n1", "web", enforced.everything)
    enforced.both("web", "node/n1", enforced.everything)
    assert enforced.passing("node/n2", "web") == {"TCP 80"}
    assert enforced.passing("node/n2", "web", "IPv6") == set()
    enforced.both("web", "node/n2", set())
    enforced.both("node/n1", "open", enforced.everything)


def test_pods_of_the_hosts_network_are_the_node(enforced):
    """Not a peer by their labels, not isolated by them either."""
    enforced.up(
        cluster(
            node("n1", "172.30.0.11", "fd00:172:30::11"),
            node("n2", "172.30.0.12", "fd00:172:30::12"),
            pod("web", node="n1", app="web"),
            pod("agent", node="n2", app="client", host=True, ips=["172.30.0.12", "fd00:172:30::12"]),
            pod("client", node="n2", app="client"),
            policy("web", pods(app="web"), ingress=[allow(pods(app="client"), ports=[("TCP", 80)])]),
            policy("client", pods(app="client"), ingress=[]),
        )
    )
    enforced.both("client", "web", {"TCP 80"})
    enforced.both("node/n2", "web", set())
    enforced.both("web", "node/n2", enforced.everything)
    enforced.both("web", "client", set())


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_that_had_the_address(enforced, phase):
    """Neither its rights nor its isolation pass on to who has the address now."""
    ips = ["10.244.0.40", "fd00:10:244::40"]
    enforced.up(
        cluster(
            WEB,
            CLIENT,
            pod("a-job", app="client", phase=phase, ips=ips),
            pod("z-job", app="client", phase=phase, ips=ips),
            pod("next", app="next", ips=ips),
            policy("web", pods(app="web"), ingress=[allow(pods(app="client"), ports=[("TCP", 80)])]),
            policy("client", pods(app="client"), egress=[allow(pods(app="web"), ports=[("TCP", 80)])]),
        )
    )
    ends = {end["label"]: end for end in enforced.report["ends"]}
    assert ends["default/next"]["addresses"] == ips
    enforced.both("client", "web", {"TCP 80"})
    enforced.both("next", "web", set())
    enforced.both("next", "client", enforced.everything)


def test_selectors_of_namespaces(enforced):
    """One element is AND, two are OR; an empty selector is all pods, and no address outside."""
    enforced.up(
        cluster(
            namespace("shop", team="a"),
            namespace("bank", team="b"),
            pod("web", ns="shop", app="web"),
            pod("any", ns="shop", app="any"),
            pod("client", ns="shop", app="client"),
            pod("client", ns="bank", app="client"),
            pod("other", ns="bank", app="other"),
            policy(
                "web",
                pods(app="web"),
                ns="shop",
                ingress=[
                    allow(pods_in({"team": "b"}, app="client"), ports=[("TCP", 1001)]),
                    allow(pods_in({"team": "b"}), pods(app="client"), ports=[("TCP", 1002)]),
                    allow(pods_in({"kubernetes.io/metadata.name": "shop"}), ports=[("TCP", 1003)]),
                ],
            ),
            policy("any", pods(app="any"), ns="shop", ingress=[allow(pods_in(ANY), ports=[("TCP", 1004)])]),
        )
    )
    enforced.both("bank/client", "shop/web", {"TCP 1001", "TCP 1002"})
    enforced.both("bank/other", "shop/web", {"TCP 1002"})
    enforced.both("shop/client", "shop/web", {"TCP 1002", "TCP 1003"})
    enforced.both("shop/any", "shop/web", {"TCP 1003"})
    for source in ("bank/client", "bank/other", "shop/web"):
        enforced.both(source, "shop/any", {"TCP 1004"})
    assert enforced.passing("192.0.2.1", "shop/any") == enforced.passing("192.0.2.1", "shop/web") == set()


def test_replies_need_no_rule(enforced):
    """The client lets nobody in, the server speaks to nobody: what the client asks is answered all the same."""
    enforced.up(
        cluster(
            pod("client", node="n1", app="client"),
            pod("server", node="n2", app="server"),
            pod("near", node="n1", app="server"),
            policy("client", pods(app="client"), ingress=[]),
            policy("server", pods(app="server"), ingress=[allow(pods(app="client"))], egress=[]),
        )
    )
    for server in ("server", "near"):
        enforced.both("client", server, enforced.everything)
        enforced.both(server, "client", set())


SEND_TOO_MUCH = """
import select, socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
level, discover, probe, mtu = {
    socket.AF_INET: (socket.IPPROTO_IP, 10, 2, 14),  # IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU
    socket.AF_INET6: (socket.IPPROTO_IPV6, 23, 2, 24),
}[family]
s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(level, discover, probe)
s.connect((sys.argv[1], 9))
print("before", s.getsockopt(level, mtu))
s.send(b"x" * 1400)
heard = select.poll()
heard.register(s, 0)
print("error", bool(heard.poll(5000)), "after", s.getsockopt(level, mtu))
"""


@pytest.mark.parametrize("to", ["192.0.2.1", "2001:db8::1"])
def test_path_mtu_messages_pass(enforced, to):
    """A router that is nobody's pod says that a packet is too big; it is RELATED to what was allowed."""
    manifests = cluster(CLIENT, policy("client", pods(app="client"), ingress=[], egress=[allow(ports=[("UDP", 9)])]))
    enforced.lab.up(manifests)
    enforced.lab.apply(manifests, "--backend", enforced.flavour)
    enforced.lab.exec("fabric", "ip", "link", "set", "outside", "mtu", "1300")
    enforced.lab.exec("fabric", "ip", "-6", "address", "add", "2001:db8:ffff::1/128", "dev", "outside", "nodad")
    assert enforced.lab.exec("client", "python3", "-c", SEND_TOO_MUCH, to).stdout == "before 1500\nerror True after 1300\n"


FORGED = """
import socket, struct, sys
# "Too big", about a packet that was never sent.
inner = struct.pack("!BBHHHBBH4s4sHHHH", 0x45, 0, 1400, 1, 0x4000, 64, 17, 0,
    socket.inet_aton(sys.argv[1]), socket.inet_aton("192.0.2.1"), 7777, 9, 1380, 0)
message = struct.pack("!BBHHH", 3, 4, 0, 0, 600) + inner
total = sum(struct.unpack(f"!{len(message) // 2}H", message))
total = (total >> 16) + (total & 0xffff)
total += total >> 16
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
s.sendto(message[:2] + struct.pack("!H", ~total & 0xffff) + message[4:], (sys.argv[1], 0))
"""


def test_errors_about_nothing_do_not_pass(enforced):
    manifests = cluster(pod("client", app="client", ips=["10.244.0.30"]), policy("client", pods(app="client"), ingress=[]))
    enforced.lab.up(manifests)
    enforced.lab.exec("client", "iptables", "-A", "INPUT", "-p", "icmp", "--icmp-type", "fragmentation-needed")
    heard = lambda: enforced.lab.exec("client", "iptables", "-vnL", "INPUT").stdout.splitlines()[-1].split()[0]
    enforced.lab.exec("outside", "python3", "-c", FORGED, "10.244.0.30")
    assert heard() == "1"  # nothing is enforced yet
    enforced.lab.apply(manifests, "--backend", enforced.flavour)
    enforced.lab.exec("outside", "python3", "-c", FORGED, "10.244.0.30")
    assert heard() == "1"


def test_rejecting_says_so(enforced):
    enforced.up(
        cluster(WEB, CLIENT, policy("web", pods(app="web"), ingress=[allow(ports=[("TCP", 80)])])),
        "--deny",
        "reject",
    )
    enforced.both("client", "web", {"TCP 80"})
    denied = select(enforced.report, from_="default/client", to="default/web", actual="Denied")
    assert {(r["family"], r["protocol"], r["reason"]) for r in denied if r["protocol"] in ("TCP", "UDP")} == {
        (family, *told) for family in FAMILIES for told in (("TCP", "refused"), ("UDP", "rejected"))
    }


def test_egress_towards_the_own_node(enforced):
    words = ["--own-node-egress", "Policy"]
    manifests = cluster(
        node("n1", "172.30.0.11", "fd00:172:30::11"),
        pod("client", node="n1", app="client"),
        pod("open", node="n1"),
        policy("client", pods(app="client"), ingress=[], egress=[allow(block("172.30.0.11/32"), ports=[("UDP", 53)])]),
    )
    enforced.up(manifests, *words, probe=words)
    for deny in ("drop", "reject"):
        enforced.apply(manifests, *words, "--deny", deny, probe=words)
        assert enforced.passing("client", "node/n1") == {"UDP 53"}
        assert enforced.passing("client", "node/n1", "IPv6") == set()
        enforced.both("node/n1", "client", enforced.everything)
        enforced.both("open", "node/n1", enforced.everything)
        denied = select(enforced.report, from_="default/client", to="node/n1", protocol="TCP", actual="Denied")
        assert {r["reason"] for r in denied} == {"refused" if deny == "reject" else "no answer"}
