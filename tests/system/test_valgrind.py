"""What the sanitizers don't see: reads of memory that nobody wrote, also by the kernel."""

import shutil
import subprocess

import pytest
from labs import SOURCE

# Valgrind and the sanitizers don't go together.
PLAIN = SOURCE / "build/debug/src/cmd/penstock"
EXAMPLE = SOURCE / "examples/frontend-backend"

pytestmark = [
    pytest.mark.skipif(not shutil.which("valgrind"), reason="no valgrind"),
    pytest.mark.skipif(not PLAIN.exists(), reason="no build without sanitizers: make build"),
]

IN_NETNS = ["unshare", "--net"]
VALGRIND = ["valgrind", "--quiet", "--error-exitcode=99", "--track-origins=yes", "--exit-on-first-error=yes"]


def run(*words):
    done = subprocess.run([*VALGRIND, str(PLAIN), *words], capture_output=True, text=True)
    print(done.stdout, done.stderr)
    return done


@pytest.mark.parametrize("name", ["classes-and-tree", "except-and-siblings", "ports", "selectors"])
def test_render(name):
    path = SOURCE / "tests/golden" / name
    done = run("render", "-f", str(path))
    assert done.returncode == 0
    assert done.stdout == (path / "expected").read_text()


def test_explain():
    example = str(EXAMPLE)
    assert run("explain", "-f", example, "frontend", "backend", "--port", "8080").returncode == 0
    assert run("explain", "-f", example, "other", "backend", "-o", "json").returncode == 1


@pytest.mark.parametrize("name", ["json-names", "json-timestamps", "yaml-port-traps", "yaml-twice-key"])
def test_problems(name):
    path = SOURCE / "tests/fuzz/corpus/manifest" / name
    assert path.exists()
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
