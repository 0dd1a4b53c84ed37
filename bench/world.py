"""A control plane with a cluster of fat.py's shape, nodes of it, and the agent on one: for the parts that measure it.

The servers are those of tests/system, whose modules are used. All is in network namespaces; it ends with the bench.
"""

import datetime
import os
import queue
import subprocess
import sys
import threading
import time

import fat
import penstock

SYSTEM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "system")
NODE, LOCAL = "node-1", 250
PATIENCE = 60  # seconds until what is waited for has failed to come
KINDS = {"Namespace": "/api/v1/namespaces", "Node": "/api/v1/nodes", "Pod": "/api/v1/pods",
         "NetworkPolicy": "/apis/networking.k8s.io/v1/networkpolicies"}
# What the server makes itself, or refuses when something is made.
NOT_WRITTEN = ("resourceVersion", "uid", "creationTimestamp", "managedFields", "ownerReferences", "generateName")


def load(build):
    """The modules of tests/system, which want to know the program when they are loaded."""
    os.environ["PENSTOCK"] = penstock.binary(build)
    script = os.path.join(os.path.dirname(SYSTEM), "..", "scripts", "control_plane.sh")
    subprocess.run([script], stdout=sys.stderr, check=True)
    if SYSTEM not in sys.path:
        sys.path.append(SYSTEM)


def written(pods, policies):
    """The cluster's objects by kind, as they are sent."""
    found = {kind: [] for kind in KINDS}
    for item in fat.objects(pods, policies, 1, LOCAL):
        for field in NOT_WRITTEN:
            item["metadata"].pop(field, None)
        found[item["kind"]].append(item)
    return found


class Lines:
    """A program that says something in lines; line() is the next one."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for text in self.process.stdout:
            self.lines.put(text)
        self.lines.put(None)

    def line(self, seconds=PATIENCE):
        """None where there is none within this time."""
        try:
            found = self.lines.get(timeout=seconds)
        except queue.Empty:
            return None
        if found is None:
            sys.exit(f"{self.process.args[4]} ended")
        return found.rstrip("\n")

    def say(self, text):
        self.process.stdin.write(text + "\n")

    def end(self):
        self.process.kill()
        self.process.wait()


class World:
    """The cluster, in a control plane. One kernel at a time: on()."""

    def __init__(self, build, pods, policies):
        from control_plane import ControlPlane

        self.build = build
        self.objects = written(pods, policies)
        self.plane = ControlPlane()
        self.api = self.plane.api
        for kind in KINDS:
            self.api.create_all(self.objects[kind])
        self.server = self.plane.kubeconfig("agent")
        self.sizes = {kind: len(self.fetch(kind)) for kind in KINDS}

    def fetch(self, kind):
        return self.api.request_bytes("GET", KINDS[kind])

    def close(self):
        self.plane.remove()

    def on(self, flavour):
        return Kernel(self, flavour)


class Kernel:
    """A node's network namespace with rules of one flavour, and what runs in it."""

    def __init__(self, world, flavour):
        from nodes import Node

        self.world, self.flavour = world, flavour
        self.node = Node(flavour)
        self.name = self.node.name
        world.plane.connect(self.name)
        self.agent = None

    def close(self):
        if self.agent:
            self.agent.done()
        self.world.plane.disconnect(self.name)
        self.node.done()

    def inside(self, *words):
        return ["ip", "netns", "exec", self.name, *words]

    def empty(self):
        subprocess.run(self.inside(os.environ["PENSTOCK"], "cleanup"), check=True, stdout=subprocess.DEVNULL)

    def start(self):
        """Seconds from the start of the program until it says that it enforces, by its own clock; and what processor
        time it took, with the programs that it ran."""
        from agents import Agent

        self.agent = Agent(self.node, self.world.server, "--node", NODE, "--log-level", "info")
        began = time.time()
        self.agent.start()
        said = self.agent.wait_for("enforcing")["time"]
        return seconds_of(said) - began, sum(map(processor_seconds, self.processes()))

    def stop(self):
        self.agent.stop()
        self.agent.daemon.end()
        self.agent, agent = None, self.agent
        for path in agent.directory.iterdir():
            path.unlink()
        agent.directory.rmdir()

    def processes(self):
        """The agent, then its feeder."""
        pid = self.agent.daemon.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
            return [pid, *(child for child in map(int, file.read().split()) if name_of(child) == "penstock-feeder")]

    def curl(self, *flags):
        """Seconds, and processor seconds, of one curl that fetches the lists."""
        command = self.inside("curl", "--silent", "--show-error", "--no-progress-meter", *flags, "--cacert", str(self.world.plane.authority.certificate), "-H",
                              f"Authorization: Bearer {self.world.plane.token('agent')}")
        for path in KINDS.values():
            command += ["-o", "/dev/null", self.url(path)]
        began = time.monotonic()
        process = subprocess.Popen(command)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        if status != 0:
            sys.exit(f"curl: status {status}")
        return time.monotonic() - began, usage.ru_utime + usage.ru_stime

    @staticmethod
    def url(path):
        from cables import ADDRESS
        from control_plane import PORT

        return f"https://{ADDRESS}:{PORT}{path}"

    def observe(self, *words):
        """A program of the bench's own that sees what happens when it happens, however busy the machine is."""
        name, *rest = words
        return Lines(*self.inside("nice", "-n", "-10", penstock.tool_path(self.world.build, name), *rest))

    def watch(self, kind):
        """See arrivals.c."""
        version = self.world.api.list(kind, limit=1)["metadata"]["resourceVersion"]
        query = f"?watch=true&resourceVersion={version}"
        return self.observe("arrivals", str(self.world.plane.authority.certificate), self.world.plane.token("agent"),
                            self.url(KINDS[kind] + query))

    def moments(self):
        """See moment.c."""
        return self.observe("moment", self.flavour)

    def sets(self):
        """{address: [names of sets]}"""
        found = {}
        for line in self.node.run("ipset", "save").stdout.splitlines():
            words = line.split()
            if words[0] == "add" and len(words) == 3:
                found.setdefault(words[2], []).append(words[1])
        return found


def seconds_of(text):
    """Of a log line's time, as time.time()."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def name_of(pid):
    """None where it has ended."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None


def processor_seconds(pid):
    """Of a process and of those that it has waited for."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def memory(pid):
    """Bytes: resident now, resident at most, and what is the process's own (not shared with a file or another)."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        parts = {line.split()[0]: line.split()[1] for line in file.readlines()[1:]}
    return {"resident": int(status["VmRSS"].split()[0]) * 1024, "peak": int(status["VmHWM"].split()[0]) * 1024,
            "own": int(parts["Private_Dirty:"]) * 1024}
