"""The layout that is common in the field, to compare with: a list of all local pods, as kube-router writes it.

FORWARD asks for each pod in turn, by destination and by source, and jumps to the pod's chain; that asks every
policy of the pod in turn; a policy's rule looks up source and destination in sets and sets a mark.
What kube-router has besides for bridged packets (a second rule for each, by physdev) is left out.
"""

MARK_ALLOWED = "0x10000/0x10000"
MARK_DONE = "0x20000/0x20000"


def names(prefix, objects):
    return {id(o): f"{prefix}{i:016d}" for i, o in enumerate(objects)}


def sets_text(cluster):
    lines = []
    source, target = names("LINEAR-SRC-", cluster.policies), names("LINEAR-DST-", cluster.policies)
    for policy in cluster.policies:
        for name, pods in ((source[id(policy)], policy.peers),
                           (target[id(policy)], selected(cluster, policy))):
            lines.append(f"create {name} hash:ip family inet hashsize 1024 maxelem 65536")
            lines += [f"add {name} {pod.ip}" for pod in pods]
    return "\n".join(lines) + "\n"


def selected(cluster, policy):
    return [pod for pod in cluster.local
            if pod.namespace == policy.namespace and policy.select.items() <= pod.labels.items()]


def policy_rules(chain, policy, source, target):
    protocol, port = ("-p udp ", f" -m udp --dport {policy.port}") if policy.port else ("", "")
    matches = (f'{protocol}-m comment --comment "{policy.namespace}/{policy.name} ingress" '
               f"-m set --match-set {source} src -m set --match-set {target} dst{port}")
    return [f"-A {chain} {matches} -j MARK --set-xmark {MARK_ALLOWED}",
            f"-A {chain} {matches} -m mark --mark {MARK_ALLOWED} -j RETURN"]


def pod_rules(chain, pod, policy_chains):
    comment = f'-m comment --comment "{pod.namespace}/{pod.name}"'
    return [f"-A {chain} {comment} -j LINEAR-COMMON",
            f"-A {chain} -d {pod.ip}/32 {comment} -m addrtype --src-type LOCAL -j ACCEPT",
            f"-A {chain} -s {pod.ip}/32 {comment} -j LINEAR-DEFAULT",
            *(f"-A {chain} -d {pod.ip}/32 {comment} -j {policy}" for policy in policy_chains),
            f"-A {chain} {comment} -m mark ! --mark {MARK_ALLOWED} -m limit --limit 10/min "
            "--limit-burst 10 -j NFLOG --nflog-group 100",
            f"-A {chain} {comment} -m mark ! --mark {MARK_ALLOWED} -j REJECT",
            f"-A {chain} -j MARK --set-xmark 0x0/0x10000",
            f"-A {chain} {comment} -j MARK --set-xmark {MARK_DONE}"]


COMMON = ["-A LINEAR-COMMON -m conntrack --ctstate INVALID -j DROP",
          "-A LINEAR-COMMON -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
          "-A LINEAR-COMMON -p icmp -m icmp --icmp-type 8 -j ACCEPT",
          "-A LINEAR-COMMON -p icmp -m icmp --icmp-type 3 -j ACCEPT",
          "-A LINEAR-COMMON -p icmp -m icmp --icmp-type 11 -j ACCEPT",
          f"-A LINEAR-DEFAULT -j MARK --set-xmark {MARK_ALLOWED}"]


def rules_text(cluster):
    pods, policies = names("LINEAR-POD-", cluster.local), names("LINEAR-POL-", cluster.policies)
    source, target = names("LINEAR-SRC-", cluster.policies), names("LINEAR-DST-", cluster.policies)
    chains = ["LINEAR-FORWARD", "LINEAR-COMMON", "LINEAR-DEFAULT", *pods.values(), *policies.values()]
    rules = ["-A FORWARD -j LINEAR-FORWARD", *COMMON]
    by_pod = {}
    for policy in cluster.policies:
        rules += policy_rules(policies[id(policy)], policy, source[id(policy)], target[id(policy)])
        for pod in selected(cluster, policy):
            by_pod.setdefault(id(pod), []).append(policies[id(policy)])
    for pod in cluster.local:
        rules += pod_rules(pods[id(pod)], pod, by_pod[id(pod)])
        comment = f'-m comment --comment "{pod.namespace}/{pod.name}'
        rules += [f'-A LINEAR-FORWARD -d {pod.ip}/32 {comment} in" -j {pods[id(pod)]}',
                  f'-A LINEAR-FORWARD -s {pod.ip}/32 {comment} out" -j {pods[id(pod)]}']
    rules.append(f"-A LINEAR-FORWARD -m mark --mark {MARK_DONE} -j ACCEPT")
    return "\n".join(["*filter", *(f":{chain} - [0:0]" for chain in chains), *rules, "COMMIT", ""])
