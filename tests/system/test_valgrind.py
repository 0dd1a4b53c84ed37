"""What the sanitizers don't see: reads of memory that nobody wrote, also by the kernel."""

import os
import pathlib
import shutil
import subprocess

import pytest
from labs import SOURCE

PLAIN = pathlib.Path(os.environ.get("PENSTOCK_PLAIN", SOURCE / "build/debug/src/cmd/penstock"))
EXAMPLE = SOURCE / "examples/three-tiers"

pytestmark = [
    pytest.mark.skipif(not shutil.which("valgrind"), reason="no valgrind"),
    pytest.mark.skipif(not PLAIN.exists(), reason="PENSTOCK_PLAIN names no build without sanitizers"),
]

IN_NETNS = ["unshare", "--net"]
VALGRIND = ["valgrind", "--quiet", "--error-exitcode=99", "--track-origins=yes", "--exit-on-first-error=yes"]


def run(*words):
    done = subprocess.run([*VALGRIND, str(PLAIN), *words], capture_output=True, text=True)
    print(done.stdout, done.stderr)
    return done


@pytest.mark.parametrize("path", [EXAMPLE, *sorted((SOURCE / "tests/golden").glob("e*"))], ids=lambda path: path.name)
def test_render(path):
    assert run("render", "-f", str(path)).returncode in (0, 2)


def test_explain():
    assert run("explain", "-f", str(EXAMPLE), "a", "b").returncode in (0, 1, 2)


def test_problems():
    corpus = SOURCE / "tests/fuzz/corpus/manifest"
    for path in sorted(corpus.glob("*-traps")) + sorted(corpus.glob("json-names")):
        assert run("render", "-f", str(path)).returncode == 2


def test_apply_list_cleanup():
    """In one namespace of its own."""
    valgrind = " ".join(VALGRIND)
    script = f"""set -e
{valgrind} "$0" apply -f "$1"
{valgrind} "$0" apply -f "$1"
{valgrind} "$0" list
{valgrind} "$0" list chains -o json >/dev/null
{valgrind} "$0" cleanup
"""
    done = subprocess.run([*IN_NETNS, "sh", "-c", script, str(PLAIN), str(EXAMPLE)], capture_output=True, text=True)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
