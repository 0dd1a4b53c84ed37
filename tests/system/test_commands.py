"""An administrator's commands are run, and what iptables-save shows then is what penstock reads of them."""

import os
import pathlib
import random
import shlex

import pytest
from nodes import PENSTOCK

CHECK = str(pathlib.Path(PENSTOCK).parents[2] / "tests/unit/command_check")

# Each is read with ! before its last option too, where iptables takes that.
COMMANDS = """
-A INPUT -p tcp -m tcp --dport 80 -m limit --limit 10/minute --limit-burst 20 -j ACCEPT
-t nat -A PREROUTING -p tcp --dport 8080 -j REDIRECT --to-port 9090
-A INPUT -j LOG --log-prefix "iptables input: " --log-level 4
-A INPUT -j LOG --log-level debug --log-prefix plain --log-uid --log-ip-options --log-tcp-options
-A INPUT --protocol tcp --source 10.0.0.1/255.0.0.0 --destination-port 1: --jump DROP
-A INPUT --proto UDP --src 10.0.0.1 --dst 10.2.0.0/15 --in-interface eth+ --match udp --sport :99
-A INPUT -p tcp --syn -m multiport --dports 80,443,8000:9000 -j ACCEPT
-A INPUT -p tcp -m multiport --ports 1,2:3
-A INPUT -p tcp -m multiport --source-ports 5
-A INPUT -p tcp --tcp-flags ALL SYN,ACK
-A INPUT -p tcp --tcp-flags SYN,RST NONE
-A INPUT -p tcp --tcp-option 5 --dport 1: --sport 0:65535
-A INPUT -p tcp --sport 0:65535
-A INPUT -p tcp --dport http --sport 0:65535
-A INPUT -p udp --dport domain
-A INPUT -p tcp -m tcp
-A INPUT -p 17 -m udp
-A INPUT -p sctp --dport 9 --chunk-types only INIT
-A INPUT -p icmp --icmp-type any
-A INPUT -p icmp --icmp-type echo-request
-A INPUT -p icmp --icmp-type 3/4
-A INPUT -p icmp --icmp-type fragmentation-needed
-A INPUT -p icmp -m icmp --icmp-type port-unreachable
-A INPUT -i + -s 0/0 -p all -j ACCEPT
-A INPUT -m state --state NEW,RELATED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID,NEW,DNAT,SNAT,UNTRACKED
-A INPUT -m conntrack --ctstate NEW --ctproto tcp --ctorigdst 10.0.0.1 --ctorigdstport 80 --ctdir ORIGINAL
-A INPUT -m conntrack --ctorigsrc 10.0.0.0/8 --ctstatus ASSURED
-A INPUT -m mark --mark 1337
-A INPUT -m mark --mark 0x4000/0x4000 -m connmark --mark 1/15
-A INPUT -m comment --comment "it's a \\"test\\" -j DROP" -j ACCEPT
-A INPUT -m addrtype --dst-type LOCAL --src-type UNICAST --limit-iface-in
-A INPUT -m addrtype --dst-type BROADCAST,MULTICAST,ANYCAST
-A INPUT -m iprange --src-range 10.0.0.1-10.0.0.9 --dst-range 10.0.0.3
-A INPUT -m set --match-set check src
-A INPUT -m set --match-set check dst --return-nomatch
-A INPUT -m set --match-set check dst ! --update-counters --packets-gt 5
-A INPUT -m statistic --mode random --probability 0.333
-A INPUT -m statistic --mode nth --every 3 --packet 1
-A INPUT -m recent --set
-A INPUT -m recent --update --seconds 60 --hitcount 4 --rttl --name SSH --rdest
-A INPUT -m recent --rcheck --seconds 60 --reap --name A --mask 255.255.255.0
-A INPUT -m hashlimit --hashlimit-upto 10/sec --hashlimit-burst 7 --hashlimit-mode dstport,srcip --hashlimit-name x
-A INPUT -m hashlimit --hashlimit-above 7/hour --hashlimit-name x2
-A INPUT -m hashlimit --hashlimit-above 7/min --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name x3
-A INPUT -p tcp -m connlimit --connlimit-above 10
-A INPUT -p tcp -m connlimit --connlimit-upto 3 --connlimit-mask 24 --connlimit-daddr
-A INPUT -m quota --quota 10000
-A INPUT -m physdev --physdev-is-bridged --physdev-in veth+
-A OUTPUT -m owner --uid-owner 1337
-A OUTPUT -m owner --gid-owner 0-5
-A INPUT -m mac --mac-source AA:BB:CC:00:11:22
-A INPUT -m pkttype --pkt-type broadcast
-A INPUT -m length --length 100
-A INPUT -m length --length 100:
-A INPUT -m ttl --ttl-eq 3
-A INPUT -m ttl --ttl-lt 3
-A INPUT -m dscp --dscp 10
-A INPUT -m tos --tos 0x10
-A INPUT -m string --string "hello world" --algo bm --to 100
-A INPUT -m helper --helper ftp
-A INPUT -m cpu --cpu 0
-A INPUT -p esp --espspi 5
-A INPUT -p ah --ahspi 5:9
-A INPUT -m socket --transparent
-A INPUT -m realm --realm 5
-A INPUT -m devgroup --src-group 5
-A INPUT -m bpf --bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0"
-A INPUT -m policy --dir in --pol ipsec
-A INPUT -j REJECT
-A INPUT -p tcp -j REJECT --reject-with tcp-reset
-A INPUT -j REJECT --reject-with host-prohib
-A INPUT -j NFLOG --nflog-group 5 --nflog-prefix "a b" --nflog-size 80
-A INPUT -j NFQUEUE --queue-num 5 --queue-bypass
-A INPUT -j NFQUEUE --queue-balance 0:3
-A INPUT -j NFQUEUE
-A INPUT -j AUDIT --type accept
-A INPUT -j SET --add-set check src --exist
-A INPUT -j OTHER
-A INPUT -g OTHER
-I INPUT -s 10.0.0.1 -j DROP
-I INPUT 1 -d 10.0.0.1 -j RETURN
-t raw -A PREROUTING -m rpfilter --invert --validmark -j DROP
-t raw -A PREROUTING -j CT --notrack
-t raw -A PREROUTING -j NOTRACK
-t raw -A PREROUTING -j CT --zone 1
-t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp
-t raw -A PREROUTING -j TRACE
-t mangle -A PREROUTING -j MARK --set-mark 5/7
-t mangle -A PREROUTING -j MARK --set-xmark 5/7
-t mangle -A PREROUTING -j MARK --or-mark 5
-t mangle -A PREROUTING -j MARK --and-mark 5
-t mangle -A PREROUTING -j MARK --xor-mark 5
-t mangle -A PREROUTING -j CONNMARK --save-mark
-t mangle -A PREROUTING -j CONNMARK --restore-mark --mask 0xff
-t mangle -A PREROUTING -j CONNMARK --save-mark --nfmask 1 --ctmask 3
-t mangle -A PREROUTING -j CONNMARK --set-mark 4
-t mangle -A PREROUTING -p tcp -j TPROXY --on-port 15006 --tproxy-mark 1337/0xffffffff
-t mangle -A PREROUTING -p tcp -j TPROXY --on-port 15006 --on-ip 127.0.0.1
-t mangle -A FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu
-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 1400
-t mangle -A FORWARD -j CHECKSUM --checksum-fill
-t mangle -A FORWARD -j CLASSIFY --set-class 1:10
-t mangle -A FORWARD -j DSCP --set-dscp 10
-t mangle -A FORWARD -j TOS --set-tos 0x10
-t mangle -A FORWARD -j TTL --ttl-dec 1
-t mangle -A FORWARD -j TEE --gateway 10.0.0.1
-t nat -A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1-10.0.0.5:80-90 --random --persistent
-t nat -A PREROUTING -p tcp -j DNAT --to-destination :80
-t nat -A PREROUTING -p tcp -j DNAT --to-dest 10.0.0.1
-t nat -A PREROUTING -p tcp -j REDIRECT
-t nat -A PREROUTING -j NETMAP --to 10.0.0.0/24
-t nat -A POSTROUTING -j SNAT --to-source 10.0.0.1 --random-fully
-t nat -A POSTROUTING -p udp -j SNAT --to 10.0.0.1-10.0.0.9:1024-65535
-t nat -A POSTROUTING -p tcp -j MASQUERADE --to-ports 1000-2000 --random-fully
-t nat -A POSTROUTING -j MASQUERADE --random
"""

COMMANDS_6 = """
-A INPUT -p icmpv6 --icmpv6-type echo-request -j ACCEPT
-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 1/4
-A INPUT -p icmpv6 --icmpv6-type neighbour-solicitation -m hl --hl-eq 255
-A INPUT -s fd00::1:2:3/64 -d ::/0 -j REJECT
-A INPUT -j REJECT --reject-with adm-prohibited
-A INPUT -m recent --set
-A INPUT -m connlimit --connlimit-above 10
-A INPUT -m iprange --src-range fd00::1-fd00::9
-A INPUT -m hl --hl-gt 4
-A INPUT -m rt --rt-type 0
-A INPUT -m frag --fragfirst
-t mangle -A FORWARD -j HL --hl-set 64
-t mangle -A PREROUTING -p tcp -j TPROXY --on-port 15006 --tproxy-mark 1
-t nat -A PREROUTING -p tcp -j DNAT --to-destination [fd00::1]:80
-t nat -A PREROUTING -p tcp -j DNAT --to-destination fd00::1
-t nat -A PREROUTING -p tcp -j DNAT --to-destination [fd00::1-fd00::9]:80-90
-t nat -A POSTROUTING -p tcp -j SNAT --to-source fd00::1
-t nat -A PREROUTING -p tcp -j REDIRECT --to-ports 80-90
"""


def lines(text):
    return [line for line in text.splitlines() if line]


class Box:
    def __init__(self, node, family):
        self.node = node
        self.tool = f"{family}-{node.flavour}"
        node.run("ipset", "create", "check", "hash:net", "counters",
                 "family", "inet6" if family == "ip6tables" else "inet")
        node.run(self.tool, "-N", "OTHER")

    def check(self, words):
        """Runs the command. None: iptables refuses it, or penstock does. Else what differs, "" for nothing."""
        table = words[words.index("-t") + 1] if "-t" in words else "filter"
        chain = next(words[i + 1] for i, word in enumerate(words) if word in ["-A", "-I"])
        self.node.run(self.tool, "-t", table, "-F", chain)
        if self.node.run(self.tool, "-w", *words, status=None).returncode != 0:
            return None
        save = self.node.run(f"{self.tool}-save", "-t", table).stdout
        done = self.node.run(CHECK, self.tool, *words, stdin=save, status=None)
        if done.returncode != 1:
            return "" if done.returncode == 0 else None
        rules = [line for line in save.splitlines() if line.startswith("-A " + chain)]
        return f"{shlex.join(words)}\n   saved {' '.join(rules)}\n   {done.stderr.strip()}"


@pytest.mark.parametrize("family, commands", [("iptables", COMMANDS), ("ip6tables", COMMANDS_6)])
def test_what_is_saved_is_what_the_command_says(node, family, commands):
    box = Box(node, family)
    found = {line: box.check(shlex.split(line)) for line in lines(commands)}
    assert [line for line, differs in found.items() if differs is None] == []
    assert [differs for differs in found.values() if differs] == []


def test_negated(node):
    """! before each option of a match that iptables takes one for."""
    box = Box(node, "iptables")
    differing, taken = [], 0
    for line in lines(COMMANDS):
        words = shlex.split(line)
        for i, word in enumerate(words):
            if word[0] != "-" or word in ["-A", "-I", "-t", "-m", "-j", "-g", "--jump", "--match"]:
                continue
            differs = box.check(words[:i] + ["!"] + words[i:])
            taken += differs is not None
            if differs:
                differing.append(differs)
    assert taken > 60
    assert differing == []


def test_rates_are_rounded_as_the_kernel_does(node):
    """Of limit and statistic, at random."""
    seed = int(os.environ.get("SEED", "4"))
    print(f"SEED={seed}")
    draw = random.Random(seed)
    box = Box(node, "iptables")
    differing = []
    for _ in range(40):
        rate = f"{draw.choice([draw.randint(1, 20), draw.randint(20, 10000)])}/{draw.choice(['s', 'sec', 'minute', 'min', 'hour', 'day', 'd', 'h'])}"
        limit = ["-m", "limit", "--limit", rate, "--limit-burst", str(draw.randint(1, 10))]
        probability = ["-m", "statistic", "--mode", "random", "--probability", f"{draw.random():.9f}"]
        for words in [limit, probability]:
            differs = box.check(["-A", "INPUT", *words])
            if differs:
                differing.append(differs)
    assert differing == []
