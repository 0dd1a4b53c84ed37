"""An agent on a node of a test, and what it says.

    agent = Agent(node, plane.kubeconfig("agent"))
    agent.start()
    agent.wait_for("enforcing")
"""

import json
import os
import pathlib
import signal
import tempfile
import time

import exposition
from nodes import PENSTOCK
from servers import Daemon

WAIT = 60  # seconds until what is waited for has failed to come; it takes milliseconds
LOOK = 0.01  # seconds between questions


def eventually(what, *words, seconds=WAIT):
    """Asks until it is so."""
    deadline = time.monotonic() + seconds
    while not (answer := what(*words)):
        assert time.monotonic() < deadline, f"{what} never came true"
        time.sleep(LOOK)
    return answer


class Agent:
    """Of the node "here". Its log is read as it grows: wait_for() sees what was said since the last."""

    def __init__(self, node, kubeconfig, *flags, env=None, within=(), program=PENSTOCK):
        """kubeconfig "": a pod's service account. env: more of the environment; within: a command
        that runs the rest of its words."""
        self.node = node
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{node.name}-agent-"))
        self.daemon = Daemon(node.name, self.directory / "log")
        self.socket = self.directory / "agent.sock"
        self.program = program
        self.before = ["/usr/bin/env", *[f"{key}={value}" for key, value in (env or {}).items()], *within]
        self.flags = [
            *(["--kubeconfig", kubeconfig] if kubeconfig else []),
            *["--node", "here", "--backend", f"iptables-{node.flavour}"],
            *["--socket", str(self.socket), "--metrics", "127.0.0.1:9469"],
            *["--log-format", "json", "--log-level", "debug", *flags],
        ]
        self.read = 0

    def configure(self, **fields):
        """What no flag says."""
        lines = ["apiVersion: penstock.dev/v1alpha1", "kind: AgentConfiguration"]
        path = self.directory / "config.yaml"
        path.write_text("\n".join(lines + [f"{name}: {value}" for name, value in fields.items()]) + "\n")
        self.flags += ["--config", str(path)]

    def start(self, *flags):
        self.daemon.start(*self.before, self.program, "agent", *self.flags, *flags)

    def feeders(self):
        """Pids of its children that run its feeder."""
        pid = self.daemon.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children if "feeder" in pathlib.Path(f"/proc/{child}/comm").read_text()]

    def log(self):
        """All that it has said."""
        with open(self.daemon.log, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.startswith("{") and line.endswith("\n")]

    def wait_for(self, message, **fields):
        """A line with this message, and these fields, after those that were waited for before."""

        def find():
            lines = self.log()
            for number in range(self.read, len(lines)):
                line = lines[number]
                if line["message"] == message and all(line.get(key) == fields[key] for key in fields):
                    self.read = number + 1
                    return line
            assert self.daemon.runs, f"the agent ended:\n{self.tail()}"
            return None

        try:
            return eventually(find)
        except AssertionError as error:
            raise AssertionError(f"{message}: {error}\n{self.tail()}") from None

    def tail(self):
        return self.daemon.log.read_text(errors="replace")[-6000:] if self.daemon.log.exists() else ""

    def get(self, path, port=9469):
        """Status and text of what its HTTP side answers."""
        words = ["curl", "-s", "-m", "10", "-w", "\n%{http_code}", f"http://127.0.0.1:{port}{path}"]
        text, _, status = self.node.run(*words, status=None).stdout.rpartition("\n")
        return int(status), text

    def metrics(self):
        status, text = self.get("/metrics")
        assert status == 200, text
        return exposition.parse(text)

    def metric(self, name, **labels):
        return exposition.value(self.metrics(), name, **labels)

    def is_ready(self):
        return self.get("/readyz")[0] == 200

    def ask(self, command, *words, **more):
        """penstock COMMAND of this agent."""
        return self.node.penstock(command, *words, "--socket", str(self.socket), **more)

    def kill(self, number=signal.SIGKILL):
        self.daemon.end(number)

    def stop(self):
        """As the kubelet does; its exit status."""
        self.daemon.send(signal.SIGTERM)
        assert self.daemon.ended_within(WAIT), self.tail()
        return self.daemon.process.wait()

    def done(self):
        if self.daemon.runs:
            self.kill()
        print(self.tail())
        for path in sorted(self.directory.iterdir()):
            os.remove(path)
        self.directory.rmdir()
