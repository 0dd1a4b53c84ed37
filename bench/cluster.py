"""The cluster whose packets are measured: local pods, the policies that select them, their peers.

A namespace has five local pods, replicas of one application, and POLICIES policies that all select them.
Policy k allows UDP from the pods labelled client=k of the namespace: three, on another node. So each policy
has a peer set of its own. In the shape "one port" all policies name the same port, and every rule looks into its
set; in the shape "own ports" policy k names port 8000 + k, and only the rule of the packet's port does; in the
shape "any port" they name none.
"""

import json
import random
from dataclasses import dataclass, field

NODE = "node-1"
PODS = "10.100.0.0/16"
CLIENTS = "10.200.0.0/14"
PORT = 8000
REPLICAS = 5
PEERS = 3


@dataclass
class Pod:
    namespace: str
    name: str
    ip: str
    node: str
    labels: dict


@dataclass
class Policy:
    namespace: str
    name: str
    select: dict
    peer: dict
    port: int  # 0 where the policy names none
    peers: list  # pods


@dataclass
class Cluster:
    namespaces: list = field(default_factory=list)
    local: list = field(default_factory=list)
    remote: list = field(default_factory=list)
    policies: list = field(default_factory=list)  # that select local pods
    elsewhere: list = field(default_factory=list)  # that do not


def address(base, n):
    return f"10.{base + n // 65000}.{n % 65000 // 250}.{n % 250 + 2}"


SHAPES = {"one-port": lambda k: PORT, "own-ports": lambda k: PORT + k, "any-port": lambda k: 0}


def make(pods, policies, elsewhere=0, shape="one-port"):
    cluster = Cluster()
    for n in range(0, pods, REPLICAS):
        add_namespace(cluster, f"team-{n // REPLICAS}", min(REPLICAS, pods - n), policies, SHAPES[shape])
    for n in range(0, elsewhere, 10):
        add_elsewhere(cluster, f"other-{n // 10}", min(10, elsewhere - n))
    return cluster


def add_remote(cluster, namespace, name, labels):
    pod = Pod(namespace, name, address(200, len(cluster.remote)), "node-2", labels)
    cluster.remote.append(pod)
    return pod


def add_namespace(cluster, namespace, pods, policies, port_of):
    cluster.namespaces.append(namespace)
    for i in range(pods):
        cluster.local.append(Pod(namespace, f"server-{i}", address(100, len(cluster.local)), NODE,
                                 {"app": "server"}))
    for k in range(policies):
        peers = [add_remote(cluster, namespace, f"client-{k}-{i}", {"client": str(k)})
                 for i in range(PEERS)]
        cluster.policies.append(Policy(namespace, f"allow-client-{k}", {"app": "server"},
                                       {"client": str(k)}, port_of(k), peers))


def add_elsewhere(cluster, namespace, policies):
    """Policies of pods of another node; peers in their own namespace."""
    cluster.namespaces.append(namespace)
    for k in range(policies):
        pod = add_remote(cluster, namespace, f"pod-{k}", {"app": str(k)})
        cluster.elsewhere.append(Policy(namespace, f"policy-{k}", {"app": str(k)},
                                        {"app": str((k + 1) % policies)}, PORT, [pod]))


def flows(cluster, seed=1):
    """(source, destination, port) of packets that are allowed: every local pod, by each of its policies alike."""
    by_namespace = {}
    for policy in cluster.policies:
        by_namespace.setdefault(policy.namespace, []).append(policy)
    chosen = random.Random(seed)
    found = [(chosen.choice(policy.peers).ip, pod.ip, policy.port or PORT)
             for pod in cluster.local for policy in by_namespace[pod.namespace]]
    chosen.shuffle(found)
    return found


def one_flow_each(found):
    return list({flow[1]: flow for flow in found}.values())


def pod_object(pod):
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod.name, "namespace": pod.namespace, "labels": pod.labels},
            "spec": {"nodeName": pod.node, "containers": [{"name": "main", "image": "example/main"}]},
            "status": {"phase": "Running", "podIP": pod.ip, "podIPs": [{"ip": pod.ip}]}}


def policy_object(policy):
    rule = {"from": [{"podSelector": {"matchLabels": policy.peer}}]}
    if policy.port:
        rule["ports"] = [{"protocol": "UDP", "port": policy.port}]
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": policy.name, "namespace": policy.namespace},
            "spec": {"podSelector": {"matchLabels": policy.select}, "policyTypes": ["Ingress"],
                     "ingress": [rule]}}


def manifests(cluster):
    namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
                  for name in cluster.namespaces]
    items = (namespaces + [pod_object(pod) for pod in cluster.local + cluster.remote]
             + [policy_object(policy) for policy in cluster.policies + cluster.elsewhere])
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
