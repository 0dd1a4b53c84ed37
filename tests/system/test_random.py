"""Random clusters with real packets: what the property tests find on paper must hold in the kernel.

PENSTOCK_SEED (1) and PENSTOCK_LABS (6, of each flavour) vary it; the same seed is the same run. The
seed is in each test's name: PENSTOCK_SEED=SEED PENSTOCK_LABS=1 runs one alone.
"""

import os
import pathlib
import subprocess

import pytest
from labs import PENSTOCK

# Beside the program in its build directory, unless told otherwise.
GENERATE = os.environ.get("PENSTOCK_GENERATE", pathlib.Path(PENSTOCK).parents[2] / "tests/property/generate")
SEED = int(os.environ.get("PENSTOCK_SEED", "1"))
LABS = int(os.environ.get("PENSTOCK_LABS", "6"))


def generate(seed, *words):
    size = ["--nodes", "2", "--namespaces", "2", "--pods", "6", "--policies", "6"]
    return subprocess.run([GENERATE, *size, *words, str(seed)], check=True, capture_output=True, text=True).stdout


def hold(lab, manifests, flavour):
    """Applies and probes; what differs is all that is shown of a long report."""
    lab.apply(manifests, "--backend", flavour)
    report = lab.probe(manifests, status=None)
    assert [r for r in report["results"] if r["expected"] != r["actual"]] == []
    assert report["differences"] == 0
    again = lab.apply(manifests, "--backend", flavour).stdout.splitlines()
    assert again and all(line.endswith(f": unchanged ({flavour})") for line in again)
    return report


@pytest.mark.parametrize("flavour", ["iptables-nft", "iptables-legacy"])
@pytest.mark.parametrize("seed", range(SEED, SEED + LABS))
def test_random_cluster(lab, seed, flavour):
    manifests = generate(seed)
    lab.up(manifests)
    first = hold(lab, manifests, flavour)
    # Then everything changes at once but who is where: labels, namespaces, policies.
    changed = generate(seed, "--then", str(seed + 1000))
    second = hold(lab, changed, flavour)
    actual = lambda report: [(r["from"], r["to"], r["protocol"], r["port"]) for r in report["results"] if r["actual"] == "Allowed"]
    assert actual(first) != actual(second)
    hold(lab, manifests, flavour)
