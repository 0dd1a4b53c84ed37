"""The network of a control plane: a cable to each node that wants one, which may be cut."""

import itertools
import subprocess

ADDRESS, ADDRESS6 = "198.18.0.1", "2001:db8:198:18::1"

# What comes from nodes that are cut off, and goes to them, vanishes without a word.
CUTS = """
table inet cut {
    set links { type ifname; }
    chain in { type filter hook prerouting priority raw; iifname @links drop; }
    chain out { type filter hook postrouting priority raw; oifname @links drop; }
}
"""


class Cables:
    """What is named self.name and has self.run() in its namespace."""

    def make_addresses(self):
        self.links = {}
        self.link_numbers = itertools.count(1)
        self.run("sysctl", "-q", "-w", "net.ipv6.conf.default.accept_dad=0")
        lines = ["link set lo up", f"address add {ADDRESS}/32 dev lo", f"address add {ADDRESS6}/128 dev lo"]
        self.run("ip", "-batch", "-", stdin="\n".join(lines))
        self.run("nft", "-f", "-", stdin=CUTS)

    def connect(self, namespace):
        """A cable from this network namespace, a node's, to the server's: ADDRESS is there then."""
        number = next(self.link_numbers)
        link, low = f"node-{number}", f"{number // 250}.{number % 250 + 1}"
        mine, mine6 = f"198.19.{low}", f"2001:db8:198:19::{number:x}"
        lines = [
            f"link add {link} type veth peer name plane netns {namespace}",
            f"link set {link} up",
            f"address add fe80::1/64 dev {link} nodad",  # whom neighbours find here; ADDRESS6 is elsewhere
            f"route add {mine} dev {link} src {ADDRESS}",
            f"route add {mine6} dev {link} src {ADDRESS6}",
        ]
        self.run("ip", "-batch", "-", stdin="\n".join(lines))
        self.links[namespace] = link
        lines = [
            "link set lo up",
            f"address add {mine}/32 dev plane",
            f"address add {mine6}/128 dev plane nodad",
            "link set plane up",
            f"route add {ADDRESS} dev plane src {mine}",
            f"route add {ADDRESS6} via fe80::1 dev plane src {mine6}",
        ]
        command = ["ip", "-n", namespace, "-batch", "-"]
        subprocess.run(command, input="\n".join(lines), text=True, check=True)

    def disconnect(self, namespace):
        """The cable is gone, if it didn't go with its node."""
        link = self.links.pop(namespace)
        self.run("ip", "link", "del", link, check=False)

    def cut(self, namespace):
        """Nothing passes, and nobody is told."""
        self.run("nft", "add", "element", "inet", "cut", "links", f"{{ {self.links[namespace]} }}")

    def heal(self, namespace):
        self.run("nft", "delete", "element", "inet", "cut", "links", f"{{ {self.links[namespace]} }}")

    def disconnect_all(self):
        for namespace in list(self.links):
            self.disconnect(namespace)
