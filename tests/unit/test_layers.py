"""Includes go down the road through the program, never up (ARCHITECTURE.md)."""

import pathlib
import re
import sys

# What each folder of src/ may include, besides itself.
BELOW = {
    "base": set(),
    "kube": {"base"},
    "policy": {"base", "kube"},
    "rules": {"base"},
    "compile": {"base", "kube", "rules"},
    "iptables": {"base", "rules", "netlink"},
    "verify": {"base", "kube", "policy", "rules"},
    "netlink": {"base", "kube", "policy"},
    "lab": {"base", "kube", "policy", "netlink"},
    "daemon": {"base", "kube"},
    "feeder": {"base", "kube", "daemon"},
    "agent": {"base", "kube", "policy", "rules", "compile", "iptables", "netlink", "daemon"},
    "cmd": {"base", "kube", "policy", "rules", "compile", "iptables", "verify", "netlink", "lab", "daemon", "agent"},
}
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def faults(source):
    for path in sorted(source.rglob("*.[ch]")):
        room = path.relative_to(source).parts[0]
        if room not in BELOW:
            yield f"{path}: {room}/ is not a room of ARCHITECTURE.md"
            continue
        for included in INCLUDE.findall(path.read_text()):
            folder, _, rest = included.partition("/")
            if not rest or not (source / included).exists():
                yield f"{path}: \"{included}\" is not rooted at src/"
            elif folder != room and folder not in BELOW[room]:
                yield f"{path}: {room}/ must not see {folder}/ ({included})"


found = list(faults(pathlib.Path(sys.argv[1])))
print("\n".join(found) or "includes go down the road")
sys.exit(bool(found))
