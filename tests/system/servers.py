"""Programs that run in a network namespace until they are ended: by a test, or with whoever started them.

etcd among them: an API server's store, and what can be done to it behind the API server's back.
"""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import time

from sockets import netns

BINARIES = pathlib.Path(__file__).resolve().parents[2] / "build/control-plane"
READY = 60  # seconds until it has failed to start; it takes two
LOOK = 0.02  # seconds between questions whether it is ready


class Daemon:
    def __init__(self, namespace, log):
        self.namespace, self.log = namespace, log
        self.process = self.descriptor = None

    def start(self, *command):
        """In a thread that stays: what it started ends with it."""
        words = ["ip", "netns", "exec", self.namespace, "setpriv", "--pdeathsig", "KILL", *command]
        assert os.access(command[0], os.X_OK), f"{command[0]}: scripts/control_plane.sh builds it"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.descriptor = os.pidfd_open(self.process.pid)

    @property
    def runs(self):
        return self.process is not None and not self.ended_within(0)

    def ended_within(self, seconds):
        return bool(select.select([self.descriptor], [], [], seconds)[0])

    def wait_until(self, is_ready):
        deadline = time.monotonic() + READY
        while not is_ready():
            if self.ended_within(LOOK) or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-4000:]
                raise AssertionError(f"{self.process.args[7]} did not start:\n{tail}")

    def send(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGKILL):
        """Nothing where it has ended already."""
        if self.process is None:
            return
        if self.runs:
            self.send(number)
        self.process.wait()
        os.close(self.descriptor)
        self.process = self.descriptor = None


class PlainConnection(http.client.HTTPConnection):
    def __init__(self, namespace, port):
        super().__init__("127.0.0.1", port, timeout=READY)
        self.namespace = namespace

    def connect(self):
        with netns(self.namespace):
            self.sock = socket.create_connection((self.host, self.port), self.timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # head and body go one after the other


def code(key):
    return base64.b64encode(key).decode()


def ranged(prefix):
    """All keys that begin so."""
    return {"key": code(prefix), "range_end": code(prefix[:-1] + bytes([prefix[-1] + 1]))}


class Etcd:
    PORT = 2379
    REGISTRY = b"/registry/"
    # What API servers write there by themselves, all the time.
    RESTLESS = (b"/registry/leases/", b"/registry/masterleases/", b"/registry/events/")

    def __init__(self, name, directory):
        self.data = directory / "etcd"
        self.daemon = Daemon(name, directory / "etcd.log")
        self.namespace = f"/run/netns/{name}"

    def start(self):
        here = f"http://127.0.0.1:{self.PORT}"
        flags = [f"--data-dir={self.data}", "--listen-peer-urls=http://127.0.0.1:2380"]
        flags += [f"--listen-client-urls={here}", f"--advertise-client-urls={here}"]
        # Who is killed loses nothing that it wrote, only a machine would: not waiting for disks is faster.
        flags += ["--unsafe-no-fsync", "--log-level=error"]
        flags += ["--max-txn-ops=100000", "--max-request-bytes=33554432"]
        self.daemon.start(str(BINARIES / "etcd"), *flags)
        self.daemon.wait_until(self.is_ready)

    def stop(self):
        self.daemon.end()

    def is_ready(self):
        try:
            return self.ask("kv/range", {"key": code(b"a")}) is not None
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return False

    def connection(self):
        """To ask more than once, with contextlib.closing()."""
        return PlainConnection(self.namespace, self.PORT)

    def ask(self, what, body, connection=None):
        if not connection:
            with contextlib.closing(self.connection()) as connection:
                return self.ask(what, body, connection)
        connection.request("POST", f"/v3/{what}", json.dumps(body))
        answer = json.load(connection.getresponse())
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer

    def keys(self):
        """With their values; of what tests write, not what servers do."""
        found = self.ask("kv/range", ranged(self.REGISTRY)).get("kvs", [])
        pairs = [(base64.b64decode(each["key"]), each["value"]) for each in found]
        return {key: value for key, value in pairs if not key.startswith(self.RESTLESS)}

    def put_back(self, wanted):
        """The keys are these again, in one transaction, which API servers see as any other: ten
        milliseconds, where beginning anew takes three seconds."""
        now = self.keys()
        changes = [{"request_delete_range": {"key": code(key)}} for key in now if key not in wanted]
        for key, value in wanted.items():
            if now.get(key) != value:
                changes.append({"request_put": {"key": code(key), "value": value}})
        if changes:
            self.ask("kv/txn", {"success": changes})

    def compact(self):
        """Nothing is known any more of what happened before now."""
        revision = self.ask("kv/range", {"key": code(b"a")})["header"]["revision"]
        self.ask("kv/compaction", {"revision": revision, "physical": True})

    def copy(self, directory):
        """Of its data, as a power failure would leave them: it doesn't write meanwhile."""
        self.daemon.send(signal.SIGSTOP)
        try:
            shutil.copytree(self.data, directory)
        finally:
            self.daemon.send(signal.SIGCONT)

    def replace(self, directory):
        """Its data by a copy of earlier ones. It must have been stopped."""
        shutil.rmtree(self.data)
        shutil.copytree(directory, self.data)
