"""An agent whose feeder is the test's own hand: whatever it writes is what the feeder says.

    agent = HandFed(node, directory)
    agent.start()
    agent.say(listed(2, pod("web", ips=["10.0.0.2"])))
"""

import errno
import os
import pathlib
import shutil
import struct

from agents import Agent, eventually
from nodes import PENSTOCK

BEGIN, OBJECT, DELETED, END, ABORT, COUNTS, ASK, METRICS = range(8)
NAMESPACE, NODE, POD, POLICY = KINDS = range(4)

# What comes through the fifo goes to the agent; nothing is read of what the agent says.
SCRIPT = """#!/bin/sh
echo $$ >>{directory}/pids
exec cat {directory}/fifo >&0
"""


def text(value):
    encoded = value.encode()
    return struct.pack("=I", len(encoded)) + encoded


def value(what, key=None):
    """As kube/read/value_bytes.c has it."""
    kinds = {type(None): 0, bool: 1, int: 2, str: 3, list: 4, dict: 5}
    head = bytes([kinds[type(what)]]) + (text(key) if key is not None else b"")
    if isinstance(what, bool):
        return head + bytes([what])
    if isinstance(what, (int, str)):
        return head + text(str(what))
    if isinstance(what, list):
        return head + b"".join(map(value, what)) + b"\xff"
    if isinstance(what, dict):
        return head + b"".join(value(item, name) for name, item in what.items()) + b"\xff"
    return head


def frame(kind_of_frame, kind, body=b""):
    return struct.pack("=IBB", len(body) + 2, kind_of_frame, kind) + body


def listed(kind, *objects):
    frames = [frame(OBJECT, kind, value(each)) for each in objects]
    return frame(BEGIN, kind) + b"".join(frames) + frame(END, kind)


class HandFed(Agent):
    def __init__(self, node, directory):
        super().__init__(node, "/dev/null")
        self.configure(feederSilence=3600)  # it answers nothing
        self.fed = pathlib.Path(directory)
        # The agent looks for its feeder beside itself.
        self.program = shutil.copy(PENSTOCK, self.fed / "penstock")
        (self.fed / "penstock-feeder").write_text(SCRIPT.format(directory=self.fed))
        (self.fed / "penstock-feeder").chmod(0o755)
        os.mkfifo(self.fed / "fifo")
        self.hand = None

    def start(self, *flags):
        self.daemon.start(str(self.program), "agent", *self.flags, *flags)

    def open(self):
        try:
            return os.open(self.fed / "fifo", os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            assert error.errno == errno.ENXIO  # nobody reads yet
            return None

    def say(self, frames):
        """To the feeder that runs, or the next one."""
        if self.hand is None:
            self.hand = eventually(self.open)
            os.set_blocking(self.hand, True)
        view = memoryview(frames)
        while view:
            view = view[os.write(self.hand, view) :]

    def let_go(self):
        """The feeder ends."""
        if self.hand is not None:
            os.close(self.hand)
            self.hand = None

    def feeders(self):
        return [int(line) for line in (self.fed / "pids").read_text().split()]

    def done(self):
        self.let_go()
        super().done()
