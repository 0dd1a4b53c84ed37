"""Random changes of a cluster: by eight connections at once, as fast as the API server takes them; or
written into etcd, so many a second, for the API server to tell whoever watches.

    with Storm(api, seed) as storm:
        …
    print(storm.changes)

    with Flood(plane, seed, 1000) as flood:
        …

Each connection has objects of its own, so that what is changed is always there, and the same seed asks
for the same. Nothing of it lets worlds.py' stranger reach web by its label app, or shuts out the client;
who is labelled role=guest reaches the port of World.becomes().
"""

import contextlib
import random
import threading
import time

import stored
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

    def draw(self):
        """What is next: create, patch, update or delete, and the object."""
        draw = self.chance.random()
        if draw < 0.05:
            return "patch", namespace(self.namespace, colour=self.chance.choice(COLOURS))
        kind, most, make = ("Pod", PODS, self.pod) if draw < 0.8 else ("NetworkPolicy", POLICIES, self.policy)
        thing = make(f"{kind.lower()}-{self.chance.randrange(most)}")
        name = thing["metadata"]["name"]
        if name not in self.names[kind]:
            self.names[kind].add(name)
            return "create", thing
        if draw < 0.2 or draw > 0.95:
            self.names[kind].remove(name)
            return "delete", thing
        return "patch" if kind == "Pod" else "update", thing

    def change(self):
        """One, that the server accepts."""
        verb, thing = self.draw()
        kind, metadata = thing["kind"], thing["metadata"]
        if verb == "delete":
            self.api.delete(kind, metadata["name"], self.namespace)
        elif verb == "patch":
            labels = {"metadata": {"labels": metadata["labels"]}}
            self.api.patch(kind, metadata["name"], labels, self.namespace)
        else:
            getattr(self.api, verb)(thing)
        self.changes += 2 if self.api.has_status(thing) and verb == "create" else 1

    def work(self, over):
        while not over.is_set():
            self.change()


def workers(api, seed):
    print(f"storm {seed}")
    there = set(api.names("Namespace"))
    api.create_all([namespace(f"storm-{i}") for i in range(CONNECTIONS) if f"storm-{i}" not in there])
    if GUESTS["metadata"]["name"] not in api.names("NetworkPolicy", "default"):
        api.create(GUESTS)
    return [Worker(api, seed, number) for number in range(CONNECTIONS)]


class Storm:
    def __init__(self, api, seed):
        self.workers = workers(api, seed)
        self.over = threading.Event()
        self.failures = []
        self.jobs = [lambda worker=worker: worker.work(self.over) for worker in self.workers]

    def run(self, job):
        try:
            job()
        except Exception as failure:  # told by the thread that waits for this one
            self.failures.append(failure)

    def __enter__(self):
        self.threads = [threading.Thread(target=self.run, args=[job]) for job in self.jobs]
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


class Flood(Storm):
    """rate: changes a second. Each has a revision of its own, as whatever an API server writes: who
    resumes a watch would lose the rest of several."""

    POURERS = 2  # one waits for etcd about as long as a thousandth of a second

    def __init__(self, plane, seed, rate):
        super().__init__(plane.api, seed)
        self.etcd, self.rate = plane.etcd, rate / self.POURERS
        self.written = [0] * self.POURERS
        self.jobs = [lambda number=number: self.pour(number) for number in range(self.POURERS)]

    def write(self, connection, number):
        mine = self.workers[number :: self.POURERS]
        verb, thing = mine[self.written[number] % len(mine)].draw()
        change = (stored.delete if verb == "delete" else stored.put)(thing)
        self.etcd.ask("kv/txn", {"success": [change]}, connection)
        self.written[number] += 1

    def pour(self, number):
        began = time.monotonic()
        with contextlib.closing(self.etcd.connection()) as connection:
            while not self.over.wait(max(0, began + self.written[number] / self.rate - time.monotonic())):
                self.write(connection, number)

    @property
    def changes(self):
        return sum(self.written)
