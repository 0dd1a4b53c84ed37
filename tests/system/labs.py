"""Labs for system tests: each has a name of its own, and is removed at its test's end.

    def test_something(lab):
        lab.up(MANIFESTS)
        lab.apply(MANIFESTS)
        assert lab.probe(MANIFESTS)["differences"] == 0

Manifests are text, or the path of a file or directory. What penstock says on the way is shown where a
test fails.
"""

import itertools
import json
import os
import pathlib
import subprocess

PENSTOCK = os.environ["PENSTOCK"]
SOURCE = pathlib.Path(__file__).resolve().parents[2]
NETNS = pathlib.Path("/run/netns")
TIMEOUT_MS = "500"  # until silence counts as denied; answers come in microseconds

numbers = itertools.count(1)


class Lab:
    def __init__(self):
        self.name = f"test-{os.getpid()}-{next(numbers)}"
        self.path_of_pods = f"/run/netns/penstock-{self.name}.pod.{{namespace}}.{{name}}"

    def run(self, command, *words, manifests=None, status=0):
        """status: what the exit status must be; None for whatever."""
        words = ["lab", command, "--lab", self.name, *words]
        text = None
        if isinstance(manifests, pathlib.Path):
            words[2:2] = ["-f", str(manifests)]
        elif manifests is not None:
            words[2:2] = ["-f", "-"]
            text = manifests
        done = subprocess.run([PENSTOCK, *words], input=text, capture_output=True, text=True)
        print(f"$ penstock {' '.join(words)}\n{done.stdout[-8000:]}{done.stderr}[{done.returncode}]")
        if status is not None:
            assert done.returncode == status, done.stderr or done.stdout[-2000:]
        return done

    def up(self, manifests, *words, **more):
        return self.run("up", *words, manifests=manifests, **more)

    def apply(self, manifests, *words, **more):
        return self.run("apply", *words, manifests=manifests, **more)

    def probe_text(self, manifests, *words, **more):
        return self.run("probe", "--timeout", TIMEOUT_MS, *words, manifests=manifests, **more).stdout

    def probe(self, manifests, *words, status=0):
        """The report; `lab probe -o json` is described in penstock-lab(8)."""
        words = ["-o", "json", "--timeout", TIMEOUT_MS, *words]
        return json.loads(self.run("probe", *words, manifests=manifests, status=status).stdout)

    def exec(self, target, *command, **more):
        return self.run("exec", target, "--", *command, **more)

    def down(self):
        return self.run("down")

    def namespaces(self):
        prefix = f"penstock-{self.name}."
        names = [path.name for path in NETNS.glob("*")] if NETNS.exists() else []
        return sorted(name[len(prefix) :] for name in names if name.startswith(prefix))


def select(report, **wanted):
    """The results whose fields are these: select(report, to="default/web", protocol="TCP")."""
    found = []
    for result in report["results"]:
        if all(result[key.rstrip("_")] == value for key, value in wanted.items()):
            found.append(result)
    assert found, f"nothing was probed that is {wanted}"
    return found


def verdicts(results):
    """What came of them: {"Allowed"}, {"Denied"}, or both."""
    return {result["actual"] for result in results}
