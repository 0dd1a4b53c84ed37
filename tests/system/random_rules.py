"""Rules at random, of every match and target that is known, as iptables-restore takes them.

    rules = RandomRules(random, family)   # 4 or 6
    rules.text                            # all tables
    rules.sets                            # what ipset restore takes, first

Chains of a table lead only to later ones, so that there are no loops. Everything is drawn from few
addresses, ports and marks, so that rules meet packets."""

# Below 0x100000, which is the test's own.
MARKS = [0, 1, 2, 3, 0x10, 0x11, 0x4000]
PORTS = [0, 1, 53, 80, 443, 1024, 8080, 40000, 65535]

# table: {built-in chain: the hook's links}
TABLES = {
    "raw": {"PREROUTING": "i", "OUTPUT": "o"},
    "mangle": {"PREROUTING": "i", "INPUT": "i", "FORWARD": "io", "OUTPUT": "o", "POSTROUTING": "o"},
    "nat": {"PREROUTING": "i", "INPUT": "i", "OUTPUT": "o", "POSTROUTING": "o"},
    "filter": {"INPUT": "i", "FORWARD": "io", "OUTPUT": "o"},
    "security": {"INPUT": "i", "FORWARD": "io", "OUTPUT": "o"},
}
OWN = ["ONE", "TWO", "THREE"]


class RandomRules:
    def __init__(self, random, family, net):
        self.random, self.family, self.net = random, family, net
        self.bits = 32 if family == 4 else 128
        self.sets = self.random_sets()
        tables = [name for name in TABLES if name == "filter" or random.random() < 0.6]
        self.text = "".join(self.table(name) for name in tables)

    def pick(self, *items):
        return self.random.choice(items)

    def some(self, items, most=3):
        return self.random.sample(items, self.random.randint(1, min(most, len(items))))

    def maybe(self, text, chance=0.5):
        return text if self.random.random() < chance else ""

    def inverted(self):
        return self.maybe("! ", 0.25)

    # Sets

    def random_sets(self):
        """Named by family, to be filled anew where they are there."""
        family, own = ("inet", "4") if self.family == 4 else ("inet6", "6")
        types = {
            "ips": f"hash:ip family {family}",
            "nets": f"hash:net family {family}",
            "pairs": f"hash:ip,port family {family}",
            "triples": f"hash:ip,port,net family {family}",
            "links": f"hash:net,iface family {family}",
            "ports": "bitmap:port range 0-65535",
            "lists": "list:set",
        }
        lines = [line for name in types for line in (f"create {name}{own} {types[name]}", f"flush {name}{own}")]
        for _ in range(4):
            lines += [
                f"add ips{own} {self.address()}",
                f"add nets{own} {self.prefix(least=8)}{self.maybe(' nomatch', 0.3)}",
                f"add pairs{own} {self.address()},{self.service()}",
                f"add triples{own} {self.address()},{self.service()},{self.prefix(least=8)}",
                f"add links{own} {self.prefix(least=8)},{self.pick('left', 'right')}",
                f"add ports{own} {self.pick(*PORTS)}",
            ]
        lines += [f"add lists{own} {name}{own}" for name in self.some(["ips", "nets", "pairs"], 2)]
        return "\n".join(lines) + "\n"

    def service(self):
        if self.random.random() < 0.2:
            return self.pick("icmp:8/0", "icmp:0/0") if self.family == 4 else "icmpv6:128/0"
        return f"{self.pick('tcp', 'udp', 'sctp')}:{self.pick(*PORTS[1:])}"

    # Values

    def address(self):
        return self.pick(*self.net.hosts(self.family), *self.net.own(self.family))

    def prefix(self, least=0):
        lengths = {4: [0, 8, 16, 24, 30, 31, 32], 6: [0, 16, 32, 64, 120, 127, 128]}
        return f"{self.address()}/{self.pick(*[n for n in lengths[self.family] if n >= least])}"

    def port_range(self):
        first, last = sorted([self.pick(*PORTS), self.pick(*PORTS)])
        return self.pick(str(first), f"{first}:{last}", f"{first}:", f":{last}")

    def port_list(self):
        items = []
        for _ in range(self.random.randint(1, 5)):
            first, last = sorted([self.pick(*PORTS), self.pick(*PORTS)])
            items.append(self.pick(str(first), f"{first}:{last}") if first < last else str(first))
        return ",".join(items)

    def masked_mark(self):
        mask = self.pick(0xFFFFFFFF, 0x3, 0x4000, 0x11)
        return f"0x{self.pick(*MARKS) & mask:x}/0x{mask:x}"

    # Matches

    def protocol(self):
        icmp = "icmp" if self.family == 4 else "icmpv6"
        return self.pick("tcp", "tcp", "udp", "udp", icmp, "sctp")

    def of_protocol(self, protocol):
        """Options that need -p in front."""
        if protocol in ("icmp", "icmpv6"):
            types = ["8", "0", "3", "3/1", "13"] if self.family == 4 else ["128", "129", "1", "1/0"]
            option = "--icmp-type" if self.family == 4 else "--icmpv6-type"
            return f"-m {'icmp' if self.family == 4 else 'icmp6'} {self.inverted()}{option} {self.pick(*types)}"
        ports = self.pick("--sport", "--dport")
        choices = [
            f"-m {protocol} {ports} {self.port_range()}",
            f"-m {protocol} ! {ports} {self.pick(*PORTS)}",  # iptables-save leaves out "! 0:65535"
            f"-m multiport {self.inverted()}{self.pick('--sports', '--dports', '--ports')} {self.port_list()}",
        ]
        if protocol == "tcp":
            flags = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"]
            mask = self.some(flags, 6)
            choices += [
                f"-m tcp {self.inverted()}--syn",
                f"-m tcp {self.inverted()}--tcp-flags {','.join(mask)} {','.join(self.some(mask)) if self.random.random() < 0.8 else 'NONE'}",
            ]
        if protocol == "sctp":
            choices.append(f"-m sctp {self.inverted()}--chunk-types only INIT")
        return self.pick(*choices)

    def types(self):
        if self.family == 4:
            return ",".join(self.some(["LOCAL", "UNICAST", "BROADCAST", "MULTICAST"], 2))
        return self.pick("LOCAL", "UNICAST", "MULTICAST", "LOCAL,UNICAST", "UNICAST,MULTICAST")

    def type_match(self, hook):
        """What only one link says can be asked where that link is known, says the kernel."""
        limits = {"PREROUTING": "in", "INPUT": "in", "FORWARD": self.pick("in", "out"), "OUTPUT": "out", "POSTROUTING": "out"}
        limit = f" --limit-iface-{limits[hook]}" if hook else ""
        return (
            f"-m addrtype {self.inverted()}{self.pick('--src-type', '--dst-type')} {self.types()}"
            f"{self.maybe(limit)}"
        )

    def set_match(self):
        name, ends = self.pick(
            ("ips", 1), ("nets", 1), ("pairs", 2), ("triples", 3), ("links", 2), ("ports", 1), ("lists", 2)
        )
        return f"-m set {self.inverted()}--match-set {name}{self.family} {','.join(self.pick('src', 'dst') for _ in range(ends))}"

    def link_match(self, links):
        return f"{self.inverted()}-{self.pick(*links)} {self.pick('left', 'right', 'l+', 'ri+', 'lefty')}"

    def address_range(self):
        first, last = sorted([self.address(), self.address()], key=self.net.number)
        return f"{first}-{last}"

    def match(self, hook):
        states = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "SNAT", "DNAT"]
        ttl = ("ttl", "--ttl-eq") if self.family == 4 else ("hl", "--hl-eq")
        return self.pick(
            lambda: f"-m conntrack {self.inverted()}--ctstate {','.join(self.some(states))}",
            lambda: f"-m conntrack {self.inverted()}--ctstate {','.join(self.some(states))}",
            lambda: f"-m mark {self.inverted()}--mark {self.masked_mark()}",
            lambda: f"-m mark {self.inverted()}--mark {self.masked_mark()}",
            lambda: f"-m connmark {self.inverted()}--mark {self.masked_mark()}",
            lambda: f"-m connmark {self.inverted()}--mark {self.masked_mark()}",
            lambda: f"-m {ttl[0]} {self.inverted()}{ttl[1]} {self.pick(64, 63, 2, 62)}",
            lambda: f"-m iprange {self.inverted()}{self.pick('--src-range', '--dst-range')} {self.address_range()}",
            lambda: self.type_match(hook),
            lambda: self.type_match(hook),
            self.set_match,
            self.set_match,
            lambda: "-m comment --comment \"some words\"",
        )()

    def matches(self, hook, links):
        words = []
        if self.random.random() < 0.25:
            words.append(self.pick(f"-s {self.prefix()}", f"! -s {self.prefix(least=8)}"))
        if self.random.random() < 0.25:
            words.append(self.pick(f"-d {self.prefix()}", f"! -d {self.prefix(least=8)}"))
        if self.random.random() < 0.2:
            words.append(self.link_match(links))
        if self.random.random() < 0.5:
            protocol = self.protocol()
            words.append(f"-p {protocol}" if self.random.random() < 0.9 else f"! -p {protocol}")
            if words[-1][0] == "-":
                words.append(self.maybe(self.of_protocol(protocol), 0.7))
        if self.random.random() < 0.5:
            words.append(self.match(hook))
        return [word for word in words if word]

    # Targets

    def changing(self):
        masks = f" --nfmask 0x{self.pick(*MARKS[1:]):x} --ctmask 0x{self.pick(*MARKS[1:], 0xFFFFFFFF):x}"
        return self.pick(
            f"-j MARK --set-xmark 0x{self.pick(*MARKS):x}/0xffff",
            f"-j MARK --set-xmark 0x{self.pick(*MARKS[1:]):x}/0x0",  # toggles
            f"-j MARK --set-xmark 0x{self.pick(*MARKS):x}/0x{self.pick(*MARKS):x}",
            f"-j CONNMARK --set-xmark 0x{self.pick(*MARKS):x}/0x{self.pick(*MARKS):x}",
            f"-j CONNMARK --save-mark{self.pick('', masks)}",
            f"-j CONNMARK --restore-mark{masks}",
            "-j LOG",
        )

    def of_table(self, table, hook, protocol):
        """Targets of that table alone; hook: None in a chain of one's own."""
        if table == "raw":
            return "-j CT --notrack"
        if table == "mangle":
            name = "TTL --ttl" if self.family == 4 else "HL --hl"
            return f"-j {name}-{self.pick('set 63', 'dec 1', 'inc 1', 'set 64')}"
        if table in ("filter", "security"):
            return self.pick("-j REJECT", "-j DROP") if table == "filter" else "-j DROP"
        return self.nat(hook, protocol)

    def host(self, port=""):
        address = self.pick(*self.net.hosts(self.family))
        if self.random.random() < 0.2:
            address = self.pick(*self.net.own(self.family))
        return f"[{address}]{port}" if port and self.family == 6 else f"{address}{port}"

    def nat(self, hook, protocol):
        port = self.pick(*PORTS[1:])
        ports = protocol in ("tcp", "udp", "sctp")
        if hook in ("PREROUTING", "OUTPUT"):
            prefix = self.pick(*self.net.hosts(self.family)) + ("/24" if self.family == 4 else "/120")
            return self.pick(
                f"-j DNAT --to-destination {self.host(self.maybe(f':{port}') if ports else '')}",
                f"-j DNAT --to-destination {self.host()}",
                f"-j REDIRECT{f' --to-ports {port}' if ports else ''}",
                f"-j NETMAP --to {prefix}",
            )
        # Never to an address of the node's own: there the node's answers would find a way.
        source = f"-j SNAT --to-source {self.pick(*self.net.hosts(self.family))}"
        if hook == "INPUT":
            return source
        if hook == "POSTROUTING":
            return self.pick(source, "-j MASQUERADE")
        return "-j ACCEPT"

    def target(self, table, hook, protocol, later):
        if self.random.random() < 0.3:
            return self.changing()
        if later and self.random.random() < 0.35:
            return f"-{self.pick('j', 'j', 'g')} {self.pick(*later)}"
        if self.random.random() < 0.35:
            return self.of_table(table, hook, protocol)
        return self.pick("", "-j ACCEPT", "-j RETURN", "-j RETURN", "-j ACCEPT")

    # Tables

    def rule(self, table, chain, hook, links, later):
        words = self.matches(hook, links)
        protocol = next((word.split()[1] for word in words if word.startswith("-p ")), None)
        target = self.target(table, hook, protocol, later)
        if target == "-j MASQUERADE":
            words = ["! -o lo", *[word for word in words if "-o " not in word]]
        return " ".join([f"-A {chain}", *words, target]).strip()

    def table(self, name):
        hooks = dict(TABLES[name])
        if name == "security":  # before nat's or behind it: the flavours differ, and so would counters
            del hooks["INPUT"]
        lines = [f"*{name}"]
        for chain in hooks:
            policy = self.pick("ACCEPT", "ACCEPT", "DROP") if name == "filter" else "ACCEPT"
            lines.append(f":{chain} {policy} [0:0]")
        lines += [f":{chain} - [0:0]" for chain in OWN]
        for chain, links in hooks.items():
            if name == "mangle":  # marks for all, or there would be few to ask for
                lines += [f"-A {chain} {self.changing()}" for _ in range(2)]
            for _ in range(self.random.randint(1, 4)):
                lines.append(self.rule(name, chain, chain, links, OWN))
        for i, chain in enumerate(OWN):
            for _ in range(self.random.randint(1, 3)):
                links = "i" if name in ("raw",) else "io"
                lines.append(self.rule(name, chain, None, links, OWN[i + 1 :]))
        return "\n".join([*lines, "COMMIT", ""])
