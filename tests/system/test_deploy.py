"""deploy/ is taken by a real API server, gives no more rights than the agent needs, and its chart and
its kustomization are the same."""

import json
import os
import pathlib
import re
import subprocess

import pytest
from control_plane import KUBECTL
from manifests import pod
from servers import BINARIES
from test_control_plane import refused

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = SOURCE / "deploy"
BUILD = pathlib.Path(os.environ["PENSTOCK"]).resolve().parents[2]
OURS = ("penstock", "kube-system")
# In any Debian image, however slim.
IN_BASE = {"libc6", "libgcc-s1"}
SANITIZERS = ("libasan", "libubsan")


def run(*words):
    return subprocess.run([*map(str, words)], capture_output=True, text=True, check=True).stdout


def helm(*values, status=0):
    words = [BINARIES / "helm", "template", "penstock", DEPLOY / "helm", "--namespace=kube-system", "--kube-version=1.35"]
    done = subprocess.run([*map(str, words), *values], capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


def judged(plane, manifests, *more):
    """The objects as the server would keep them, without what it writes of its own accord."""
    text = plane.kubectl("apply", "--dry-run=server", "-o", "json", *more, "-f", "-", stdin=manifests).stdout
    objects = json.loads(text)["items"]
    for thing in objects:
        metadata = thing["metadata"]
        for key in ["uid", "creationTimestamp", "resourceVersion", "generation", "managedFields"]:
            metadata.pop(key, None)
        metadata["annotations"].pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return {thing["kind"]: thing for thing in objects}


def kustomized():
    return run(KUBECTL, "kustomize", DEPLOY / "kustomize")


def test_the_server_takes_the_kustomization(plane):
    done = plane.kubectl("apply", "--dry-run=server", "-k", DEPLOY / "kustomize")
    assert "daemonset.apps/penstock created (server dry run)" in done.stdout
    assert done.stderr == ""


def test_the_chart_is_the_kustomization(plane):
    assert judged(plane, helm()) == judged(plane, kustomized())


def test_the_chart_has_no_faults():
    assert "0 chart(s) failed" in run(BINARIES / "helm", "lint", "--strict", DEPLOY / "helm")


def test_values_of_the_chart_reach_the_agent(plane):
    values = ["agent.backend=iptables-legacy", "agent.ownNodeEgress=Policy", "agent.period=30", "image.tag=9-beta"]
    values += ["agent.logFormat=null", "metrics.address=::", "metrics.port=9999"]
    made = judged(plane, helm(*(f"--set={value}" for value in values)))["DaemonSet"]
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "penstock:9-beta"
    assert set(container["args"]) == {
        "agent",
        "--node=$(NODE_NAME)",
        "--metrics=[::]:9999",
        "--backend=iptables-legacy",
        "--own-node-egress=Policy",
        "--period=30",
    }
    probe = container["livenessProbe"]["httpGet"]
    assert (probe["host"], probe["port"]) == ("::1", 9999)


@pytest.mark.parametrize("value", ["agent.backend=nftables", "agent.perod=3", "metrics.address=localhost"])
def test_values_that_mean_nothing_are_refused(value):
    assert "values don't meet the specifications" in helm(f"--set={value}", status=1)


def test_the_service_account_may_read_and_report_and_nothing_else(plane):
    plane.kubectl("apply", "-k", DEPLOY / "kustomize")
    agent = plane.client("penstock", plane.api.token(*OURS))
    for kind in ["Pod", "Namespace", "Node", "NetworkPolicy"]:
        agent.list(kind)
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"}}
    agent.create({**event, "involvedObject": {"namespace": "default"}, "type": "Warning"})
    refused(403, agent.patch, "Event", "e", {"count": 2})
    rights = plane.kubectl("auth", "can-i", "--list", f"--as=system:serviceaccount:{OURS[1]}:{OURS[0]}")
    anybody = plane.kubectl("auth", "can-i", "--list", "--as=system:serviceaccount:default:anybody")
    more = set(lines(rights)) - set(lines(anybody))
    assert more == {
        "events [] [] [create]",
        "namespaces [] [] [get list watch]",
        "nodes [] [] [get list watch]",
        "pods [] [] [get list watch]",
        "networkpolicies.networking.k8s.io [] [] [get list watch]",
    }
    for kind in ["Secret", "ServiceAccount", "DaemonSet", "Event"]:
        refused(403, agent.list, kind)
    refused(403, agent.create, pod("web"))


def lines(done):
    return [re.sub(r"\s+", " ", line).strip() for line in done.stdout.splitlines()]


def test_one_version_everywhere():
    version = re.search(r"version: '(.*)'", (SOURCE / "meson.build").read_text())[1]
    for file, where in [
        ("kustomize/kustomization.yaml", "newTag: "),
        ("helm/Chart.yaml", "version: "),
        ("helm/Chart.yaml", "appVersion: "),
        ("Containerfile", "-t penstock:"),
        ("../debian/changelog", r"\Apenstock \("),
    ]:
        assert re.search(rf"{where}{re.escape(version)}\b", (DEPLOY / file).read_text()), file


def programs():
    """Files of the build that are installed to be run."""
    installed = json.loads(run("meson", "introspect", BUILD, "--installed"))
    return [path for path, to in installed.items() if re.search(r"/(bin|libexec)/", to)]


def libraries(program):
    """Paths of those that it asks for by name."""
    names = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", program))
    found = dict(re.findall(r"(\S+) => (\S+)", run("ldd", program)))
    return {found[name] for name in names if name in found and not name.startswith(SANITIZERS)}


def package(library):
    """/lib may be /usr/lib by a link, and dpkg knows either."""
    path = pathlib.Path(library).resolve()
    return run("dpkg", "-S", f"*/{path.parent.name}/{path.name}").split(":")[0]


def test_the_image_has_the_libraries_that_are_needed_and_no_more():
    packages = {package(path) for path in set().union(*map(libraries, programs()))}
    last = (DEPLOY / "Containerfile").read_text().rpartition("FROM ")[2]
    listed = re.search(r"--no-install-recommends \\\n(.*?)&&", last, re.DOTALL)[1].replace("\\", "").split()
    assert set(listed) - {"ca-certificates", "ipset", "iptables"} == packages - IN_BASE
