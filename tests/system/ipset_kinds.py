"""Sets of every kind with every option that a kind takes, as `ipset restore` reads them.

As a program it makes them in a network namespace of its own and prints what `ipset save` says of them,
which is tests/data/ipset-kinds.ipset:

    unshare -n python3 tests/system/ipset_kinds.py > tests/data/ipset-kinds.ipset

Kinds that the kernel lacks are left out and named on standard error.
"""

import subprocess
import sys

PORTS = ["tcp:80", "udp:0", "sctp:9", "udplite:53", "gre:0", "esp:0", "253:0", "tcp:65535"]
ICMP = {
    "inet": ["icmp:echo-request", "icmp:3/3", "icmp:11/0", "icmp:77/3"],
    "inet6": ["icmpv6:echo-request", "icmpv6:1/4", "icmpv6:135/0", "icmpv6:200/9"],
}
IPS = {"inet": ["10.0.0.1", "192.0.2.200"], "inet6": ["fd00::1", "::ffff:10.0.0.1", "fd00:0:0:1::"]}
NETS = {
    "inet": ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/1"],
    "inet6": ["fd00::/8", "fd00:1::/64", "fd00::2", "::/1"],
}
MACS = ["02:00:00:00:00:01", "fe:dc:ba:98:76:54"]
EVERYTHING = [  # … that an element may say besides
    'timeout 0 packets 5 bytes 420 comment "a word" skbmark 0x1/0xff skbprio 1:10 skbqueue 3',
    "timeout 40000 packets 18446744073709551614 bytes 0 skbmark 0xffffffff",
    'comment "quote \' back\\slash, \ttab and timeout 3" skbprio 0:1',
    "",
]


def ports(family):
    return PORTS + ICMP[family]


def crossed(*lists):
    """The first of each, the second of each …, as often as the longest list has items."""
    return [",".join(items[i % len(items)] for items in lists) for i in range(max(map(len, lists)))]


# By kind: its elements.
HASHES = {
    "hash:ip": lambda f: IPS[f],
    "hash:net": lambda f: NETS[f],
    "hash:ip,port": lambda f: crossed(IPS[f], ports(f)),
    "hash:ip,port,ip": lambda f: crossed(IPS[f], ports(f), IPS[f][::-1]),
    "hash:ip,port,net": lambda f: crossed(IPS[f], ports(f), NETS[f]),
    "hash:ip,mark": lambda f: crossed(IPS[f], ["0x1", "0xffff0000"]),
    "hash:ip,mac": lambda f: crossed(IPS[f], MACS),
    "hash:net,port": lambda f: crossed(NETS[f], ports(f)),
    "hash:net,net": lambda f: crossed(NETS[f], NETS[f][::-1]),
    "hash:net,port,net": lambda f: crossed(NETS[f], ports(f), NETS[f][::-1]),
    "hash:net,iface": lambda f: crossed(
        NETS[f] + ["::/0" if f == "inet6" else "0.0.0.0/0"], ["eth0", "physdev:eth1", "wg-0.5"]
    ),
}
MASKS = {
    "hash:ip": {"inet": ["netmask 24", "bitmask 255.0.255.0"], "inet6": ["netmask 64", "bitmask ffff::ff"]},
    "hash:ip,port": {"inet": ["netmask 24", "bitmask 255.0.255.0"], "inet6": ["netmask 64", "bitmask ffff::ff"]},
    "hash:net,net": {"inet": ["netmask 24", "bitmask 255.0.255.0"], "inet6": ["netmask 64", "bitmask ffff::ff"]},
    "hash:ip,mark": {"inet": ["markmask 0xff"], "inet6": ["markmask 0xffff"]},
}  # fmt: skip
FIXED = "bucketsize 8 initval 0x1234abcd"


def filled(name, kind, options, elements, more=("",)):
    lines = [f"create {name} {kind} {options}"]
    for i, element in enumerate(elements):
        lines.append(f"add {name} {element} {more[i % len(more)]}")
    return lines


def of_hash(number, kind, elements):
    for family in ["inet", "inet6"]:
        name = f"{number}-{family}"
        nomatch = ["", "nomatch", ""] if "net" in kind else [""]
        several = elements(family)
        plain = f"family {family} {FIXED}"
        everything = f"{plain} timeout 50000 counters comment skbinfo forceadd maxelem 99 hashsize 128"
        yield kind, filled(f"{name}-plain", kind, plain, several, nomatch)
        yield kind, filled(f"{name}-all", kind, everything, several, EVERYTHING)
        yield kind, filled(f"{name}-forever", kind, f"{plain} timeout 0", several, ["timeout 0"])
        yield kind, filled(f"{name}-counts", kind, f"{plain} counters", several, nomatch)
        yield kind, filled(f"{name}-empty", kind, plain, [])
        for i, mask in enumerate(MASKS.get(kind, {}).get(family, [])):
            yield kind, filled(f"{name}-mask{i}", kind, f"{plain} {mask}", several[:1])


def sets():
    """(kind, lines) of each set; a list comes behind what it lists."""
    for number, (kind, elements) in enumerate(HASHES.items()):
        yield from of_hash(number, kind, elements)
    net_and_interface = ["10.0.0.0/8,eth5 nomatch wildcard", "10.0.0.0/8,eth wildcard", "10.0.0.0/9,lo nomatch"]
    yield "hash:net,iface", filled("wild", "hash:net,iface", FIXED, net_and_interface)
    yield "hash:mac", filled("macs", "hash:mac", FIXED, MACS)
    yield "hash:mac", filled("macs-all", "hash:mac", f"{FIXED} timeout 9000 counters comment skbinfo", MACS, EVERYTHING)
    everything = "timeout 50000 counters comment skbinfo"
    addresses = ["10.0.0.1", "10.0.0.5-10.0.0.9", "10.0.0.255"]
    yield "bitmap:ip", filled("bits", "bitmap:ip", "range 10.0.0.0/24", addresses)
    yield "bitmap:ip", filled("bits-all", "bitmap:ip", f"range 10.0.0.0-10.0.1.9 {everything}", addresses, EVERYTHING)
    yield "bitmap:ip", filled("bits-mask", "bitmap:ip", "range 10.0.0.0/16 netmask 24", ["10.0.7.9"])
    macs = ["10.0.0.1,02:00:00:00:00:01", "10.0.0.2"]
    yield "bitmap:ip,mac", filled("bits-mac", "bitmap:ip,mac", "range 10.0.0.0/24", macs)
    yield "bitmap:ip,mac", filled("bits-mac-all", "bitmap:ip,mac", f"range 10.0.0.0/24 {everything}", macs, EVERYTHING)
    yield "bitmap:port", filled("ports", "bitmap:port", "range 0-1024", ["0", "80-83", "1024"])
    yield "bitmap:port", filled("ports-all", "bitmap:port", f"range 9-99 {everything}", ["9", "10", "11"], EVERYTHING)
    members = ["bits", "0-inet-plain", "0-inet6-plain", "ports"]
    yield "list:set", filled("list", "list:set", "size 16", members)
    yield "list:set", filled("list-all", "list:set", f"size 8 {everything}", members, EVERYTHING)
    yield "list:set", filled("list-empty", "list:set", "", [])


def restore(lines, run=subprocess.run):
    return run(["ipset", "restore"], input="\n".join(lines) + "\n", text=True, capture_output=True)


def install(run=subprocess.run):
    """Makes them all; the kinds that this kernel lacks."""
    lacking = set()
    for kind, lines in sets():
        if kind in lacking:
            continue
        done = restore(lines, run)
        if done.returncode != 0 and "set type not supported" in done.stderr:
            lacking.add(kind)
        elif done.returncode != 0:
            raise RuntimeError("\n".join([done.stderr, *lines]))
    return lacking


if __name__ == "__main__":
    for kind in sorted(install()):
        print(f"this kernel has no {kind}", file=sys.stderr)
    sys.stdout.write(subprocess.run(["ipset", "save"], capture_output=True, text=True, check=True).stdout)
