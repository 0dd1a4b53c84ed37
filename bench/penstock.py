"""The program under measurement, and its texts."""

import os
import subprocess
import sys

import cluster

PARTS = {"sets": ["ipset", "restore"], "ipv4": ["iptables-{}-restore", "--noflush"],
         "ipv6": ["ip6tables-{}-restore", "--noflush"]}
FLAVOURS = ("nft", "legacy")


def binary(build):
    path = os.path.abspath(os.path.join(build, "src", "cmd", "penstock"))
    if not os.access(path, os.X_OK):
        sys.exit(f"{path}: not built")
    return path


def tool_path(build, name):
    """A program of the bench's own."""
    return os.path.abspath(os.path.join(build, "bench", name))


def tool(part, flavour):
    return [word.format(flavour) for word in PARTS[part]]


def render(build, path, part):
    command = [binary(build), "render", "-f", path, "--node", cluster.NODE, "--part", part]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def texts(build, path):
    return {part: render(build, path, part) for part in PARTS}
