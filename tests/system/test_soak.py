"""A day's worth of changes leaves nothing behind: neither memory nor descriptors, in either process of the agent.

PENSTOCK_SOAK=100000 is that day; as many events as it says go through the API server and the agent. Sanitizers
keep what was freed, so it is the plain build that is measured.

What objects no longer need gathers in the agent, a megabyte and more, until it is given back; so that memory goes up
and down, and its lows are compared: of the first events and of the last. Pods have many labels, all others after each
change, for that to take some hundred events.
"""

import concurrent.futures
import itertools
import os
import pathlib
import random
import time

import pytest
from agents import LOOK, Agent, eventually
from exposition import parse, value
from labs import SOURCE
from manifests import allow, namespace, pod, pods, pods_in, policy

PLAIN = SOURCE / "build/debug/src/cmd/penstock"
EVENTS = int(os.environ.get("PENSTOCK_SOAK", "5000"))
SETTLED = 1000  # events, until everything has been needed once
STRETCH = 2000  # events whose lows are compared
LABELS = 30  # of a pod
WRITERS = 8
PODS, POLICIES = 20, 5  # of each writer, who has a namespace
ROLES = ["web", "cache", "worker"]
GROWTH = 1.05

pytestmark = pytest.mark.skipif(not PLAIN.exists(), reason="no build without sanitizers: make build")


class Writer:
    """Changes its namespace, one thing at a time. Pods that are gone come back under other names."""

    def __init__(self, api, number):
        self.api, self.name, self.number = api, f"team-{number}", number
        self.random = random.Random(number)
        self.numbers = itertools.count()
        self.pods, self.policies = {}, {}

    def begin(self):
        self.api.create(namespace(self.name, team="a"))
        for at in range(PODS):
            self.add_pod(at)
        for at in range(POLICIES):
            self.add_policy(at)

    def labels(self):
        digits = f"{self.random.getrandbits(240):060x}"
        return {"app": self.random.choice(ROLES), **{f"build-{n}": f"{digits}-{n}" for n in range(LABELS)}}

    def add_pod(self, at):
        """Every fourth is the agent's node's."""
        node = "here" if at % 4 == 0 else "elsewhere"
        name = f"pod-{at}-{next(self.numbers)}"
        self.pods[at] = name
        ip = f"10.{self.number + 1}.0.{at + 1}"
        self.api.create(pod(name, self.name, node, [ip], {"http": 8080}, labels=self.labels()))

    def spec(self, at):
        peers = self.random.choice([pods(app=self.random.choice(ROLES)), pods_in({"team": "a"}, app="web")])
        name = self.policies.setdefault(at, f"policy-{at}-{next(self.numbers)}")
        return policy(name, pods(app=ROLES[at % 3]), self.name, ingress=[allow(peers, ports=[("TCP", "http")])])

    def add_policy(self, at):
        self.api.create(self.spec(at))

    def replace_pod(self):
        at = self.random.randrange(PODS)
        self.api.delete("Pod", self.pods[at], self.name)
        self.add_pod(at)

    def label_pod(self):
        name = self.pods[self.random.randrange(PODS)]
        self.api.patch("Pod", name, {"metadata": {"labels": self.labels()}}, self.name)

    def replace_policy(self):
        at = self.random.randrange(POLICIES)
        self.api.delete("NetworkPolicy", self.policies.pop(at), self.name)
        self.add_policy(at)

    def change_policy(self):
        self.api.update(self.spec(self.random.randrange(POLICIES)))

    def label_namespace(self):
        labels = {"labels": {"team": self.random.choice("ab")}}
        self.api.patch("Namespace", self.name, {"metadata": labels})

    def change(self, times):
        kinds = [self.replace_pod, self.label_pod, self.replace_policy, self.change_policy, self.label_namespace]
        for kind in self.random.choices(kinds, [6, 6, 2, 2, 1], k=times):
            kind()


class Soak:
    def __init__(self, plane, node):
        plane.connect(node.name)
        self.agent = Agent(node, plane.kubeconfig("agent"), "--log-level", "warning")
        self.agent.program = str(PLAIN)
        self.writers = [Writer(plane.api, number) for number in range(WRITERS)]
        self.agent.start()
        eventually(self.enforces)

    def metrics(self):
        return parse(self.agent.get("/metrics")[1])

    def enforces(self):
        return self.agent.get("/readyz")[0] == 200

    def together(self, do):
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(do, self.writers))

    def events(self):
        """That the agent has been told of."""
        kinds = ["Namespace", "Pod", "NetworkPolicy"]
        return sum(value(self.metrics(), "penstock_api_events_total", kind=kind) for kind in kinds)

    def until(self, events):
        """The lows of memory meanwhile, by process."""
        lows = {}
        while self.events() < events:
            self.together(lambda writer: writer.change(10))
            for name, resident in self.resident().items():
                lows[name] = min(resident, lows.get(name, resident))
        return lows

    def processes(self):
        """The agent and its feeder, which is the first that it starts."""
        pid = self.agent.daemon.process.pid
        return [pid, int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])]

    def resident(self):
        """{process: kB}"""
        found = {}
        for pid in self.processes():
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            fields = dict(line.split(":\t", 1) for line in status.splitlines())
            found[f"{fields['Name']} {pid}"] = int(fields["VmRSS"].split()[0])
        return found

    def descriptors(self):
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in self.processes()]

    def descriptors_at_rest(self):
        """The fewest of many looks, while nobody writes: work that is under way holds some."""
        looks = []
        for _ in range(100):
            looks.append(self.descriptors())
            time.sleep(LOOK)
        return [min(column) for column in zip(*looks, strict=True)]


def test_nothing_grows(plane, new_node):
    soak = Soak(plane, new_node("nft"))
    try:
        soak.together(Writer.begin)
        soak.until(SETTLED)
        before, descriptors = soak.until(SETTLED + STRETCH), soak.descriptors_at_rest()
        soak.until(EVENTS - STRETCH)
        after = soak.until(EVENTS)
        print(f"lows {before}, then {after}; descriptors {descriptors}; {soak.events():.0f} events")
        assert before.keys() == after.keys(), "a process ended"
        for name, resident in before.items():
            assert after[name] <= resident * GROWTH, f"{name}: kB resident {resident}, then {after[name]}"
        eventually(soak.enforces)
        assert soak.descriptors_at_rest() == descriptors
    finally:
        soak.agent.done()
