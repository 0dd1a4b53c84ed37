"""A whole cluster as kubectl prints it: `kubectl get nodes,namespaces,pods,networkpolicies -A -o json`.

One List, keys sorted, indented by four; pods of about 3 kB with what a real one carries and penstock has no use
for: volumes, owner references, conditions, container statuses, managed fields. The same numbers make the same
bytes.
"""

import json
import random
import textwrap

TIME = "2025-03-04T05:06:07Z"
PODS_PER_NODE = 100
PODS_PER_NAMESPACE = 20
APPS = 5  # in a namespace
ROLES = ("frontend", "backend", "database", "cache", "worker")


def identifier(random_bits):
    digits = f"{random_bits.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def metadata(bits, name, namespace=None, **more):
    found = {"creationTimestamp": TIME, "name": name, "resourceVersion": str(bits.randrange(10 ** 7)),
             "uid": identifier(bits), **more}
    if namespace:
        found["namespace"] = namespace
    return found


def managed(manager, fields, **more):
    return {"apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields, "manager": manager,
            "operation": "Update", "time": TIME, **more}


def node(bits, n):
    name = f"node-{n + 1}"
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": metadata(bits, name, labels={"kubernetes.io/hostname": name}),
            "spec": {"podCIDR": f"10.{n // 250}.{n % 250}.0/24", "podCIDRs": [f"10.{n // 250}.{n % 250}.0/24"]},
            "status": {"addresses": [{"address": f"192.168.{n // 250}.{n % 250 + 1}", "type": "InternalIP"},
                                     {"address": name, "type": "Hostname"}],
                       "conditions": [{"lastHeartbeatTime": TIME, "status": "True", "type": "Ready"}]}}


def namespace(bits, n):
    name = f"team-{n:04d}"
    return {"apiVersion": "v1", "kind": "Namespace",
            "metadata": metadata(bits, name, labels={"kubernetes.io/metadata.name": name,
                                                     "tier": f"tier-{n % 7}"}),
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}


def pod_spec(node_name, port):
    main = {"image": "registry.example/team/service:1.4.2", "name": "main",
            "ports": [{"containerPort": port, "name": "http", "protocol": "TCP"}],
            "resources": {"requests": {"cpu": "100m"}}}
    return {"containers": [main], "nodeName": node_name, "restartPolicy": "Always",
            "volumes": [{"emptyDir": {}, "name": "scratch"}]}


def pod_status(address, node_address):
    conditions = [{"lastTransitionTime": TIME, "status": "True", "type": kind}
                  for kind in ("Ready", "PodScheduled")]
    return {"conditions": conditions,
            "containerStatuses": [{"name": "main", "ready": True, "restartCount": 0}],
            "hostIP": node_address, "phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
            "startTime": TIME}


def pod(bits, n, n_namespaces, per_node):
    on, app = n // per_node, n % APPS
    # Of a namespace's pods a few are on each node, as a scheduler spreads them.
    home = f"team-{n * 7919 % n_namespaces:04d}"
    name = f"{ROLES[app]}-{bits.getrandbits(36):09x}-{bits.getrandbits(20):05x}"
    owner = {"apiVersion": "apps/v1", "blockOwnerDeletion": True, "controller": True, "kind": "ReplicaSet",
             "name": name.rpartition("-")[0], "uid": identifier(bits)}
    fields = {"f:metadata": {"f:labels": {"f:app": {}}}}
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": metadata(bits, name, home, generateName=name[:-5], ownerReferences=[owner],
                                 labels={"app": ROLES[app], "version": f"v{n % 3}"},
                                 managedFields=[managed("kube-controller-manager", fields)]),
            "spec": pod_spec(f"node-{on + 1}", 8080 + app),
            "status": pod_status(f"10.{on // 250}.{on % 250}.{n % per_node + 2}",
                                 f"192.168.{on // 250}.{on % 250 + 1}")}


def peers(bits, n):
    pods = {"podSelector": {"matchLabels": {"app": ROLES[(n + 1) % APPS]}}}
    tier = {"namespaceSelector": {"matchLabels": {"tier": f"tier-{n % 7}"}},
            "podSelector": {"matchLabels": {"app": ROLES[n % APPS], "version": f"v{n % 3}"}}}
    block = {"ipBlock": {"cidr": f"172.{16 + n % 16}.{n % 250}.0/24",
                         "except": [f"172.{16 + n % 16}.{n % 250}.{bits.randrange(256)}/32"]}}
    return [[pods], [pods, block], [tier]][n % 10 % 3]


def policy(bits, n, n_namespaces):
    home, app = f"team-{n % n_namespaces:04d}", ROLES[n // n_namespaces % APPS]
    rule = {"from": peers(bits, n), "ports": [{"port": 8080 + n % APPS, "protocol": "TCP"}]}
    spec = {"ingress": [rule], "podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress"]}
    if n % 4 == 0:
        spec["egress"] = [{"ports": [{"port": 53, "protocol": "UDP"}]}, {"to": peers(bits, n + 1)}]
        spec["policyTypes"].append("Egress")
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": metadata(bits, f"allow-{app}-{n}", home, generation=1,
                                 managedFields=[managed("kubectl-create", {"f:spec": {"f:ingress": {}}})]),
            "spec": spec}


def objects(pods, policies, seed, per_node=PODS_PER_NODE):
    bits = random.Random(seed)
    n_namespaces = max(1, pods // PODS_PER_NAMESPACE)
    for n in range(-(-pods // per_node)):
        yield node(bits, n)
    for n in range(n_namespaces):
        yield namespace(bits, n)
    for n in range(pods):
        yield pod(bits, n, n_namespaces, per_node)
    for n in range(policies):
        yield policy(bits, n, n_namespaces)


def write(path, pods, policies, seed=1):
    with open(path, "w", encoding="utf-8") as out:
        out.write('{\n    "apiVersion": "v1",\n    "items": [\n')
        separator = ""
        for item in objects(pods, policies, seed):
            out.write(separator + textwrap.indent(json.dumps(item, indent=4, sort_keys=True), " " * 8))
            separator = ",\n"
        out.write('\n    ],\n    "kind": "List",\n    "metadata": {\n        "resourceVersion": ""\n    }\n}\n')
