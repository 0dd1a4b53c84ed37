"""Metrics: as Prometheus reads them, with the numbers that `list` shows."""

import json
import pathlib

import exposition
import pytest
from labs import PENSTOCK
from test_list import MANIFESTS

# The agent's own code, of what is installed here.
METRICS = str(pathlib.Path(PENSTOCK).parents[2] / "tests/unit/metrics_print")


def test_traffic_is_what_list_shows(lab):
    lab.up(MANIFESTS)
    lab.apply(MANIFESTS)
    lab.probe(MANIFESTS)
    families = exposition.parse(lab.exec("node", METRICS).stdout)
    listed = {}
    for row in json.loads(lab.exec("node", PENSTOCK, "list", "-o", "json").stdout):
        namespace, _, policy = row["policy"].partition("/")
        direction = row["rule"].partition("[")[0].partition(" ")[0]
        key = namespace, policy, direction
        packets, size = listed.get(key, (0, 0))
        listed[key] = packets + row["packets"], size + row["bytes"]
    assert sum(packets for packets, _ in listed.values()) > 0
    for (namespace, policy, direction), (packets, size) in listed.items():
        labels = {"namespace": namespace, "policy": policy, "direction": direction}
        assert exposition.value(families, "penstock_policy_allowed_packets_total", **labels) == packets
        assert exposition.value(families, "penstock_policy_allowed_bytes_total", **labels) == size
    assert len(families["penstock_policy_allowed_packets_total"].samples) == len(listed)
    for direction, denied in (("ingress", True), ("egress", False)):
        labels = {"namespace": "default", "direction": direction, "reason": "policy"}
        assert (exposition.value(families, "penstock_denied_packets_total", **labels) > 0) == denied
    assert exposition.value(families, "penstock_syncs_total", result="failed") == 1
    assert exposition.value(families, "penstock_objects", kind="NetworkPolicy") == 4
    assert exposition.value(families, "process_open_fds", process="agent") > 0


HEAD = "# HELP x_total What it counts.\n# TYPE x_total counter\n"
GAUGE = "# HELP x What it is now.\n# TYPE x gauge\n"
HISTOGRAM = "# HELP x_seconds How long it took.\n# TYPE x_seconds histogram\n"


@pytest.mark.parametrize("text", [
    HEAD + 'x_total{a="b"} 1',
    HEAD + 'x_total{a="b"} 1\nx_total{a="b"} 2\n',
    HEAD + 'x_total{a="b\\x"} 1\n',
    HEAD + 'x_total{a="b"c"} 1\n',
    HEAD + 'x_total{a="b",a="c"} 1\n',
    HEAD + 'x_total{1="b"} 1\n',
    HEAD + "x_total -1\n",
    HEAD + "x_total one\n",
    HEAD + "y_total 1\n",
    HEAD + HEAD + "x_total 1\n",
    "# HELP x_total What it counts.\nx_total 1\n",
    "# HELP x Counted.......\n# TYPE x counter\nx 1\n",
    "# HELP x_ms How long it takes.\n# TYPE x_ms gauge\nx_ms 1\n",
    "# HELP x_seconds_ago How long it takes.\n# TYPE x_seconds_ago gauge\nx_seconds_ago 1\n",
    GAUGE.replace("x", "x_total") + "x_total 1\n",
    HISTOGRAM + 'x_seconds_bucket{le="1"} 2\nx_seconds_bucket{le="+Inf"} 1\nx_seconds_sum 1\nx_seconds_count 1\n',
    HISTOGRAM + 'x_seconds_bucket{le="1"} 1\nx_seconds_sum 1\nx_seconds_count 1\n',
    HISTOGRAM + 'x_seconds_bucket{le="+Inf"} 1\nx_seconds_sum 1\nx_seconds_count 2\n',
    HISTOGRAM + 'x_seconds_bucket{le="+Inf"} 1\nx_seconds_count 1\n',
])
def test_the_check_refuses(text):
    with pytest.raises((AssertionError, KeyError)):
        exposition.parse(text)


def test_the_check_reads():
    families = exposition.parse(
        HEAD + 'x_total{a="q\\"\\\\\\n"} 1\n' + GAUGE + "x 0.5\n" + HISTOGRAM +
        'x_seconds_bucket{le="1"} 1\nx_seconds_bucket{le="+Inf"} 2\nx_seconds_sum 3e+2\nx_seconds_count 2\n')
    assert exposition.value(families, "x_total", a='q"\\\n') == 1
    assert exposition.value(families, "x") == 0.5
