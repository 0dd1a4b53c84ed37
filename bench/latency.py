"""From an event to the kernel: one cluster, one kernel, an agent that enforces; what it takes from the moment at
which a watch of the bench's own is told, to the moment at which the kernel has changed.
"""

import concurrent.futures
import itertools
import json
import sys
import time

import fat
from world import NODE, PATIENCE

SPACE = 0.05  # seconds between events that come one at a time
QUIET = 0.05  # seconds without a change of the kernel's rules: the change is over
BURST = 25  # events at once
CONNECTIONS = 8
# From one to the next, what was done is undone.
PODS = ("remote pod leaves", "remote pod joins", "remote pod added", "remote pod deleted")
LOCAL_PODS = ("local pod added", "local pod deleted")
POLICIES = ("policy created", "policy changed", "policy deleted")
BURSTS = ("burst of pods", "burst of policies")

numbers = itertools.count(1)


class Latency:
    def __init__(self, kernel, world):
        self.api = world.api
        self.moments = kernel.moments()
        self.watches = {kind: kernel.watch(kind) for kind in ("Pod", "NetworkPolicy")}
        self.found = {}
        in_sets = kernel.sets()
        pods = [pod for pod in world.objects["Pod"] if address_of(pod) in in_sets]
        self.sets = {key(pod): sorted(in_sets[address_of(pod)]) for pod in pods}
        self.remote = [pod for pod in pods if pod["spec"]["nodeName"] != NODE]
        self.local = [pod for pod in world.objects["Pod"] if pod["spec"]["nodeName"] == NODE]
        subjects = {(pod["metadata"]["namespace"], pod["metadata"]["labels"]["app"]) for pod in self.local}
        self.policies = [policy for policy in world.objects["NetworkPolicy"]
                         if (policy["metadata"]["namespace"],
                             policy["spec"]["podSelector"]["matchLabels"]["app"]) in subjects]

    def close(self):
        for lines in [self.moments, *self.watches.values()]:
            lines.end()

    def note(self, what, arrival, kernel):
        self.found.setdefault(what, []).append(kernel - arrival)

    def note_alone(self, what, arrival, kernel):
        """Of an event that comes by itself; then all rest, the agent too."""
        self.note(what, arrival, kernel)
        time.sleep(SPACE)

    # What came

    def arrival(self, kind, name, event, is_it=lambda thing: True):
        """When this event of the object of this name came; others before it are passed over."""
        while line := self.watches[kind].line():
            time_text, _, text = line.partition(" ")
            told = json.loads(text)
            if told["type"] == event and told["object"]["metadata"]["name"] == name and is_it(told["object"]):
                return float(time_text)
        sys.exit(f"{kind} {name} {event}: never told")

    def arrivals(self, kind, names):
        """Of the last event of each."""
        found, wanted = {}, set(names)
        while not wanted <= found.keys():
            time_text, _, text = self.watches[kind].line().partition(" ")
            found[json.loads(text)["object"]["metadata"]["name"]] = float(time_text)
        return found

    def arm(self, state, pod, sets):
        name = pod["metadata"]["name"]
        self.moments.say(f"{state} {name} {address_of(pod)} {' '.join(sets)}")
        while line := self.moments.line():
            if line == f"armed {name}":
                return
            if line.startswith("already"):
                sys.exit(f"{state} {name} {address_of(pod)} {sets}: it is so before anything was done")
        sys.exit(f"moment does not answer about {name}")

    def settled(self, names, rules):
        """When each of these was seen to be so, and when the rules changed last, if they are to."""
        found, last, wanted = {}, None, set(names)
        deadline = time.monotonic() + PATIENCE
        while True:
            line = self.moments.line(QUIET)
            if line and line.startswith("rules"):
                last = float(line.split()[1])
            elif line and line.startswith("set"):
                found[line.split()[1]] = float(line.split()[2])
            elif not line and wanted <= found.keys() and (last or not rules):
                return found, last
            if time.monotonic() > deadline:
                sys.exit(f"never came to be in the kernel: {wanted - found.keys() or 'rules'}")
            if not rules and wanted <= found.keys():
                return found, last

    # Events

    def label(self, pod, app):
        metadata = pod["metadata"]
        self.api.patch("Pod", metadata["name"], {"metadata": {"labels": {"app": app}}}, metadata["namespace"])

    def remote_pod(self, pod):
        name, sets, app = pod["metadata"]["name"], self.sets[key(pod)], pod["metadata"]["labels"]["app"]
        for what, state, label in (("leaves", "gone", "nothing"), ("joins", "there", app)):
            self.arm(state, pod, sets)
            self.label(pod, label)
            told = self.arrival("Pod", name, "MODIFIED")
            self.note_alone(f"remote pod {what}", told, self.settled([name], False)[0][name])

    def another(self, pod, address):
        """A pod like this one."""
        copy = json.loads(json.dumps(pod))
        copy["metadata"]["name"] = f"another-{next(numbers)}"
        copy["status"].update(podIP=address, podIPs=[{"ip": address}])
        return copy

    def come_and_go(self, pod, sets, what, rules):
        name = pod["metadata"]["name"]
        for state, verb in (("there", "added"), ("gone", "deleted")):
            if sets:
                self.arm(state, pod, sets)
            if state == "there":
                self.api.create(pod)
                told = self.arrival("Pod", name, "MODIFIED", lambda thing: thing["status"].get("podIPs"))
            else:
                self.api.delete("Pod", name, pod["metadata"]["namespace"])
                told = self.arrival("Pod", name, "DELETED")
            seen, changed = self.settled([name] if sets else [], rules)
            self.note_alone(f"{what} {verb}", told, max(seen.get(name, 0), changed or 0))

    def policy(self, pattern, number):
        policy = json.loads(json.dumps(pattern))
        policy["metadata"]["name"] = f"another-{number}"
        policy["spec"]["policyTypes"] = ["Ingress"]
        policy["spec"].pop("egress", None)
        policy["spec"]["ingress"] = [{"from": [{"podSelector": {"matchLabels": {"app": fat.ROLES[number % fat.APPS]}}}],
                                      "ports": [{"port": 9000 + number % 100, "protocol": "TCP"}]}]
        return policy

    def policy_events(self, pattern):
        policy = self.policy(pattern, next(numbers))
        name, namespace = policy["metadata"]["name"], policy["metadata"]["namespace"]
        wider = json.loads(json.dumps(policy))
        wider["spec"]["ingress"].append({"from": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]})
        for what, event, do in (("created", "ADDED", lambda: self.api.create(policy)),
                                ("changed", "MODIFIED", lambda: self.api.update(wider)),
                                ("deleted", "DELETED", lambda: self.api.delete("NetworkPolicy", name, namespace))):
            do()
            told = self.arrival("NetworkPolicy", name, event)
            self.note_alone(f"policy {what}", told, self.settled([], True)[1])

    def burst_of_pods(self, first):
        pods = [self.remote[(first + n) % len(self.remote)] for n in range(BURST)]
        for state in ("gone", "there"):
            for pod in pods:
                self.arm(state, pod, self.sets[key(pod)])
            with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
                labels = ["nothing" if state == "gone" else pod["metadata"]["labels"]["app"] for pod in pods]
                list(pool.map(self.label, pods, labels))
            names = [pod["metadata"]["name"] for pod in pods]
            told, seen = self.arrivals("Pod", names), self.settled(names, False)[0]
            for name in names:
                self.note("burst of pods", told[name], seen[name])

    def burst_of_policies(self, first):
        """Until the last of them is in force."""
        policies = [self.policy(self.policies[(first + n) % len(self.policies)], next(numbers)) for n in range(BURST)]
        names = [policy["metadata"]["name"] for policy in policies]
        for do in (self.api.create, self.delete):
            with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
                list(pool.map(do, policies))
            told = self.arrivals("NetworkPolicy", names)
            self.note("burst of policies", max(told.values()), self.settled([], True)[1])

    def delete(self, thing):
        self.api.delete(thing["kind"], thing["metadata"]["name"], thing["metadata"]["namespace"])

    def run(self, events):
        """Seconds of each event, by kind."""
        for n in range(events):
            pod = self.remote[n * 31 % len(self.remote)]
            self.remote_pod(pod)
            self.come_and_go(self.another(pod, f"10.199.{n // 250}.{n % 250 + 1}"), self.sets[key(pod)], "remote pod",
                             False)
            mine = self.local[n * 31 % len(self.local)]
            self.come_and_go(self.another(mine, "10.0.0.253"), self.sets.get(key(mine), []), "local pod", True)
            self.policy_events(self.policies[n * 31 % len(self.policies)])
        for n in range(max(1, events // BURST)):
            self.burst_of_pods(n * BURST)
            self.burst_of_policies(n * BURST)
        return self.found


def key(pod):
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def address_of(pod):
    return pod["status"]["podIP"]
