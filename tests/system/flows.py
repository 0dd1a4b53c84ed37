"""Packets that keep coming while a test changes what is allowed: traffic.py as a child.

    with Traffic(path, [flow("client", "web", 80, allowed=True)]) as traffic:
        …
    traffic.assert_faultless()

Flows are those on which all states of the test agree.
"""

import json
import pathlib
import subprocess
import sys

TRAFFIC = pathlib.Path(__file__).with_name("traffic.py")


def flow(source, to, *ports, allowed):
    slashed = lambda name: name if "/" in name else f"default/{name}"
    names = f"{source} → {to} {','.join(map(str, ports))}"
    return {"name": names, "from": slashed(source), "to": slashed(to), "ports": ports, "allowed": allowed}


class Traffic:
    """Ends with the block, and then says what it saw."""

    def __init__(self, path, flows):
        words = [sys.executable, TRAFFIC, path]
        self.child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.child.stdin.write(json.dumps(flows) + "\n")
        self.child.stdin.flush()

    def __enter__(self):
        assert self.child.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *failure):
        out, _ = self.child.communicate()
        self.seen = json.loads(out)
        print("traffic:", self.seen)

    def assert_faultless(self):
        assert self.seen["lost"] == {} and self.seen["leaked"] == {}
