"""What the tools save is read, and printed again to the byte: penstock render --rules, --sets."""

import json
import subprocess

import pytest
from nodes import DATA, PENSTOCK


def render(*words, stdin="", status=0):
    done = subprocess.run([PENSTOCK, "render", *words], input=stdin, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return done


def test_a_nodes_own_saves(node):
    """Of a node that has rules of many kinds, counters, and a set."""
    node.run("ipset", "create", "a", "hash:net", "counters")
    node.run("ipset", "add", "a", "10.0.0.0/8")
    for family in ["iptables", "ip6tables"]:
        tool = f"{family}-{node.flavour}"
        node.run(tool, "-N", "OTHER")
        node.run(tool, "-A", "OTHER", "-p", "tcp", "--dport", "80", "-m", "comment", "--comment", 'a "b"')
        node.run(tool, "-t", "nat", "-A", "OUTPUT", "-p", "udp", "-j", "REDIRECT", "--to-ports", "53")
        node.run(tool, "-c", "3", "4", "-A", "INPUT", "-m", "limit", "--limit", "7/hour", "-j", "OTHER")
        for words in [[], ["-c"]]:
            save = node.run(f"{tool}-save", *words).stdout
            assert "-j REDIRECT" in save and "7/hour" in save
            done = render("--rules", "-", stdin=save)
            assert (done.stdout, done.stderr) == (save, "")
    sets = node.run("ipset", "save").stdout
    assert render("--sets", "-", stdin=sets).stdout == sets


def test_files_in_the_order_given(tmp_path):
    rules = DATA / "kube-proxy+kube-router.v4.save"
    six = DATA / "kube-proxy+kube-router.v6.save"
    sets = DATA / "kube-router.ipset"
    done = render("--rules", rules, "--sets", sets, "--rules", six)
    assert done.stdout == rules.read_text() + sets.read_text() + six.read_text()
    assert done.stderr == ""


def test_as_data():
    save = '*filter\n:INPUT DROP [1:2]\n[3:4] -A INPUT -m foo --bar 1 -m limit --limit 1/sec -j WHAT --ever\nCOMMIT\n'
    data = json.loads(render("--rules", "-", "-o", "json", stdin=save).stdout)
    assert data["sets"] == []
    (table,) = data["tables"]
    assert (table["family"], table["name"]) == ("IPv4", "filter")
    (chain,) = table["chains"]
    assert (chain["policy"], chain["packets"], chain["bytes"]) == ("DROP", 1, 2)
    assert chain["rules"] == [
        {
            "packets": 3,
            "bytes": 4,
            "rule": "-m foo --bar 1 -m limit --limit 1/sec -j WHAT --ever",
            "unknown": ["-m foo --bar 1", "-j WHAT --ever"],
        }
    ]


def test_what_is_not_as_the_tool_writes_it_is_said():
    save = "*filter\n:INPUT ACCEPT\n-A INPUT -j DROP\nCOMMIT\n"
    done = render("--rules", "-", stdin=save)
    assert done.stdout == save.replace("ACCEPT", "ACCEPT [0:0]")
    assert done.stderr == "note: -: not as iptables-save writes it, from line 2 on\n"


@pytest.mark.parametrize(
    "words, stdin, why",
    [
        (["--rules", "-"], "*filter\n:INPUT ACCEPT [0:0]\n", "-: line 3: the text ends before the COMMIT"),
        (["--rules", "/nowhere"], "", "/nowhere: opening: No such file or directory"),
        (["--rules", "-"], "*filter\0\nCOMMIT\n", "-: not a text: it holds a zero byte"),
        (["--rules", "-", "--rules", str(DATA / "docker.v4.save")], "*nat\nCOMMIT\n", "a table that is there already"),
        (["--sets", "-"], "add a 1.2.3.4\n", "-: line 1: "),
        (["--rules", "-", "-f", "x"], "", "either -f, or --rules and --sets"),
        (["--rules", "-", "--part", "sets"], "", "--part is for -f"),
        (["-f", "x", "-o", "json"], "", "-o json is for --rules and --sets"),
        ([], "", "-f PATH is missing"),
    ],
)
def test_refused(words, stdin, why):
    done = render(*words, stdin=stdin, status=2)
    assert why in done.stderr
    assert done.stdout == ""
