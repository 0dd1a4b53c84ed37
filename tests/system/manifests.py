"""Manifests in few words, for tests that say what they mean in Python.

    cluster(
        pod("web", app="web", ports={"http": 8080}),
        pod("client", app="client"),
        policy("p", pods(app="web"), ingress=[allow(pods(app="client"), ports=[("TCP", 8080)])]),
    )

Each function makes one object, or part of one; cluster() makes text of them. JSON is YAML.
"""

import json

ANY = {}  # as a selector: all


def cluster(*objects):
    return "".join(f"---\n{json.dumps(thing)}\n" for thing in objects)


def node(name, *addresses, **spec):
    listed = [{"type": "InternalIP", "address": address} for address in addresses]
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": spec, "status": {"addresses": listed}}


def namespace(name, **labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def container_port(name, port):
    number, _, protocol = str(port).partition("/")
    return {"name": name, "containerPort": int(number), "protocol": protocol or "TCP"}


def pod(name, ns="default", node=None, ips=(), ports=None, phase="Running", labels=None, host=False, **more):
    """ports: {"http": 8080, "dns": "53/UDP"}; more are labels."""
    spec = {"containers": [{"name": "main", "image": "none", "ports": [container_port(*item) for item in (ports or {}).items()]}]}
    if node:
        spec["nodeName"] = node
    if host:
        spec["hostNetwork"] = True
    status = {"phase": phase}
    if ips:
        status["podIPs"] = [{"ip": ip} for ip in ips]
    metadata = {"name": name, "namespace": ns, "labels": more | (labels or {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def selector(labels):
    return {"matchLabels": labels} if labels else {}


def pods(**labels):
    """A peer, or a policy's subject: pods of the policy's own namespace; all of them without labels."""
    return {"podSelector": selector(labels)}


def pods_in(namespace_labels, **labels):
    """A peer: pods of those namespaces; with labels, only those of their pods."""
    peer = {"namespaceSelector": selector(namespace_labels)}
    return peer | (pods(**labels) if labels else {})


def block(cidr, *excepts):
    return {"ipBlock": {"cidr": cidr, "except": list(excepts)} if excepts else {"cidr": cidr}}


def port(protocol, number=None, end=None):
    entry = {"protocol": protocol}
    if number is not None:
        entry["port"] = number
    if end is not None:
        entry["endPort"] = end
    return entry


def allow(*peers, ports=()):
    """A rule, without its word from or to: policy() adds that."""
    return {"peers": list(peers), "ports": [port(*entry) for entry in ports]}


def rules(direction, given):
    word = "from" if direction == "ingress" else "to"
    made = []
    for rule in given:
        made.append({key: value for key, value in ((word, rule["peers"]), ("ports", rule["ports"])) if value})
    return made


def policy(name, subject, ns="default", ingress=None, egress=None):
    """A direction that is given is among the policyTypes; [] denies all."""
    spec = dict(subject, policyTypes=[])
    for direction, given in (("ingress", ingress), ("egress", egress)):
        if given is not None:
            spec["policyTypes"].append(direction.capitalize())
            spec[direction] = rules(direction, given)
    metadata = {"name": name, "namespace": ns}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
