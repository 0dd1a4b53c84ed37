"""Random changes of a cluster by eight connections at once, as fast as the API server takes them.

    with Storm(api, seed) as storm:
        …
    print(storm.changes)

Each connection has objects of its own, so that what is changed is always there, and the same seed asks
for the same. Nothing of it lets worlds.py' stranger reach web by its label app, or shuts out the client;
who is labelled role=guest reaches the port of World.becomes().
"""

import random
import threading

from manifests import allow, block, namespace, pod, pods, pods_in, policy
from worlds import PORT

CONNECTIONS = 8
PODS, POLICIES = 12, 4  # of each connection
COLOURS = ["red", "green", "blue"]
GUESTS = policy("guests", pods(app="web"), ingress=[allow(pods(role="guest"), ports=[("UDP", PORT)])])


class Worker:
    def __init__(self, api, seed, number):
        self.api, self.number = api, number
        self.chance = random.Random(f"{seed} {number}")
        self.changes = 0
        self.names = {"Pod": set(api.names("Pod", self.namespace)), "NetworkPolicy": set(api.names("NetworkPolicy", self.namespace))}

    @property
    def namespace(self):
        return f"storm-{self.number}"

    def labels(self):
        return {"app": self.chance.choice(COLOURS), "size": self.chance.choice(COLOURS)}

    def pod(self, name):
        number = int(name.split("-")[1])
        ips = [f"10.1.{self.number}.{number + 1}", f"fd00:1:{self.number}::{number + 1:x}"]
        node = self.chance.choice(["here", "there"])
        return pod(name, ns=self.namespace, node=node, ips=ips, ports={"name": self.chance.randint(1, 9)}, **self.labels())

    def peer(self):
        return self.chance.choice(
            [
                lambda: pods(app=self.chance.choice(COLOURS)),
                lambda: pods_in({"colour": self.chance.choice(COLOURS)}),
                lambda: pods_in({}, size=self.chance.choice(COLOURS)),
                lambda: block("10.0.0.0/8", f"10.1.{self.chance.randint(0, 7)}.0/24"),
                lambda: block("fd00::/16"),
            ]
        )()

    def rules(self):
        ports = lambda: [("TCP", self.chance.choice([80, 443, "name"]))] * self.chance.randint(0, 1)
        return [allow(*[self.peer() for _ in range(self.chance.randint(1, 2))], ports=ports()) for _ in range(self.chance.randint(0, 2))]

    def policy(self, name):
        subject = pods(app=self.chance.choice(COLOURS))
        return policy(name, subject, ns=self.namespace, ingress=self.rules(), egress=self.chance.choice([None, self.rules()]))

    def change(self):
        """One, that the server accepts."""
        draw = self.chance.random()
        if draw < 0.05:
            return self.api.patch("Namespace", self.namespace, {"metadata": {"labels": {"colour": self.chance.choice(COLOURS)}}})
        kind, most, make = ("Pod", PODS, self.pod) if draw < 0.8 else ("NetworkPolicy", POLICIES, self.policy)
        name = f"{kind.lower()}-{self.chance.randrange(most)}"
        if name not in self.names[kind]:
            self.names[kind].add(name)
            return self.api.create(make(name))
        if draw < 0.2 or draw > 0.95:
            self.names[kind].remove(name)
            return self.api.delete(kind, name, self.namespace)
        if kind == "Pod":
            return self.api.patch("Pod", name, {"metadata": {"labels": self.labels()}}, self.namespace)
        return self.api.update(make(name))

    def work(self, over):
        while not over.is_set():
            self.change()
            self.changes += 1


class Storm:
    def __init__(self, api, seed):
        print(f"storm {seed}")
        there = set(api.names("Namespace"))
        api.create_all([namespace(f"storm-{i}") for i in range(CONNECTIONS) if f"storm-{i}" not in there])
        if GUESTS["metadata"]["name"] not in api.names("NetworkPolicy", "default"):
            api.create(GUESTS)
        self.workers = [Worker(api, seed, number) for number in range(CONNECTIONS)]
        self.over = threading.Event()
        self.failures = []

    def run(self, worker):
        try:
            worker.work(self.over)
        except Exception as failure:  # told by the thread that waits for this one
            self.failures.append(failure)

    def __enter__(self):
        self.threads = [threading.Thread(target=self.run, args=[worker]) for worker in self.workers]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures

    @property
    def changes(self):
        return sum(worker.changes for worker in self.workers)
