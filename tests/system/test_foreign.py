"""On every real node others have rules too. They stay as they are, byte for byte, and go on to work."""

import contextlib
import re
import subprocess

import pytest
from labs import PENSTOCK, SOURCE
from manifests import allow, cluster, pod, pods, pods_in, policy

FLAVOURS = ["iptables-nft", "iptables-legacy"]
DATA = SOURCE / "tests/data"

# Pods at fixed addresses, because the rules of others name them. "far" is in no network that they let pass.
WEB, CLIENT, STRANGER, FAR = (["10.244.0.10", "fd00:10:244::10"], ["10.244.0.11", "fd00:10:244::11"],
                              ["10.244.0.12", "fd00:10:244::12"], ["10.250.0.13", "fd00:10:250::13"])  # fmt: skip
PODS = [
    pod("web", app="web", ips=WEB, ports={"http": 8080}),
    pod("client", app="client", ips=CLIENT),
    pod("stranger", app="stranger", ips=STRANGER),
    pod("far", app="client", ips=FAR),
]
SERVICE = {4: "10.96.0.10", 6: "fd00:10:96::10"}

# A Service as kube-proxy makes one, a host with Docker whose FORWARD drops, and a site's own rules.
OTHERS = """\
*nat
:PREROUTING ACCEPT [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SEP-WEB - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-WEB - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-SEP-WEB -s {web} -m comment --comment "default/web" -j KUBE-MARK-MASQ
-A KUBE-SEP-WEB -p tcp -m comment --comment "default/web" -m tcp -j DNAT --to-destination {endpoint}
-A KUBE-SERVICES -d {service} -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-WEB
-A KUBE-SVC-WEB ! -s {pods} -d {service} -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SVC-WEB -m comment --comment "default/web -> {web}" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-WEB
-A KUBE-SVC-WEB -m comment --comment "default/web -> {web}" -j KUBE-SEP-WEB
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
-A INPUT -j KUBE-FIREWALL
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -s {pods} -d {pods} -m comment --comment "a site's own: pods may" -j ACCEPT
-A OUTPUT -j KUBE-FIREWALL
-A DOCKER -d {docker} ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -p tcp -m tcp --dport 9999 -m comment --comment "a site's own: \\"never\\" 9999" -j DROP
-A DOCKER-USER -j RETURN
-A KUBE-FIREWALL -m comment --comment "kubernetes firewall for dropping marked packets" -m mark --mark 0x8000/0x8000 -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
"""
OTHERS_TEXT = {
    4: OTHERS.format(web=f"{WEB[0]}/32", endpoint=f"{WEB[0]}:8080", service=f"{SERVICE[4]}/32", pods="10.244.0.0/16", docker="172.17.0.2/32"),
    6: OTHERS.format(web=f"{WEB[1]}/128", endpoint=f"[{WEB[1]}]:8080", service=f"{SERVICE[6]}/128", pods="fd00:10:244::/48", docker="fd00:172:17::2/128"),
}

SERVE = """
import selectors, socket, sys
wait = selectors.DefaultSelector()
for port in sys.argv[1:]:
    s = socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
    wait.register(s, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in wait.select():
        peer, address = key.fileobj.accept()
        peer.send(address[0].removeprefix("::ffff:").encode())
        peer.close()
"""
ASK = """
import socket, sys
try:
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=0.7)
    print(s.makefile().read())
except TimeoutError:
    print("silence")
"""


@contextlib.contextmanager
def serving(lab, target, *ports):
    words = [PENSTOCK, "lab", "exec", "--lab", lab.name, target, "--", "python3", "-c", SERVE, *map(str, ports)]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "ready\n"
        yield
    finally:
        child.kill()
        child.wait()


def ask(lab, source, address, port):
    """Who the server says we are; "silence" where nothing comes back."""
    return lab.exec(source, "python3", "-c", ASK, address, str(port)).stdout.strip()


def tools(flavour):
    kind = flavour.removeprefix("iptables-")
    return {4: f"iptables-{kind}", 6: f"ip6tables-{kind}"}


def restore(lab, tool, text):
    done = subprocess.run(
        [PENSTOCK, "lab", "exec", "--lab", lab.name, "node", "--", f"{tool}-restore", "--noflush"], input=text, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr


def tables(text):
    """iptables-save's tables, a list of lines each, without what is penstock's."""
    held = []
    for line in text.splitlines():
        if line.startswith("*"):
            held.append([])
        if not line.startswith("#") and not re.search(r"^:PENSTOCK-|-A PENSTOCK-|-j PENSTOCK-", line):
            held[-1].append(line)
    return held


def is_empty(table):
    """A table that is there because somebody looked into it."""
    return all(re.match(r"[*]|COMMIT|:[A-Z]+ ACCEPT ", line) for line in table)


def others(lab, counters=False):
    """All that both flavours and ipset hold but penstock's own, in order; counters of IPv4 where asked, since the
    kernel itself sends nothing there."""
    kept = []
    for flavour in FLAVOURS:
        for version, tool in tools(flavour).items():
            count = counters and version == 4
            text = lab.exec("node", f"{tool}-save", *(["--counters"] if count else [])).stdout
            lines = [line for table in tables(text) if not is_empty(table) for line in table]
            kept += [f"{tool} {line if count else re.sub(r' .[0-9]+:[0-9]+.$', '', line)}" for line in lines]
    sets = lab.exec("node", "ipset", "save").stdout.splitlines()
    return kept + [line for line in sets if not line.split()[1].startswith("penstock-")]


def ours(lab):
    texts = [lab.exec("node", f"{tool}-save").stdout for flavour in FLAVOURS for tool in tools(flavour).values()]
    return [line for text in (*texts, lab.exec("node", "ipset", "save").stdout) for line in text.splitlines() if re.search("penstock", line, re.I)]


def clean_up(lab):
    lab.exec("node", PENSTOCK, "cleanup")
    assert ours(lab) == []


def web(*rules, **more):
    return policy("web", pods(app="web"), ingress=[*rules], **more)


@pytest.fixture(params=FLAVOURS)
def flavour(request):
    return request.param


@pytest.fixture
def among(lab, flavour):
    """A lab whose node has the rules of others, in use."""
    lab.up(cluster(*PODS))
    for version, tool in tools(flavour).items():
        restore(lab, tool, OTHERS_TEXT[version])
    with serving(lab, "web", 80, 8080, 9999), serving(lab, "client", 7070):
        yield lab


@pytest.mark.parametrize("version", [4, 6])
def test_a_service_is_judged_by_what_is_behind_it(among, flavour, version):
    at = {4: 0, 6: 1}[version]
    via_service = lambda source: ask(among, source, SERVICE[version], 80)
    direct = lambda source, port: ask(among, source, WEB[at], port)
    among_first = others(among)
    assert via_service("client") == CLIENT[at] and via_service("stranger") == STRANGER[at]

    # The pod's port counts, which the Service maps its own 80 to.
    among.apply(cluster(*PODS, web(allow(pods(app="client"), ports=[("TCP", 8080)]))), "--backend", flavour)
    assert others(among) == among_first
    assert via_service("client") == CLIENT[at]
    assert via_service("stranger") == "silence"
    assert direct("client", 8080) == CLIENT[at]
    assert direct("client", 80) == direct("stranger", 8080) == "silence"
    # Through its own Service the pod reaches itself; kube-proxy masquerades that. The node reaches its pod.
    hairpin = via_service("web")
    assert hairpin not in ("silence", *WEB)
    assert via_service("node") not in ("silence", *WEB)

    # The Service's port opens nothing.
    among.apply(cluster(*PODS, web(allow(pods(app="client"), ports=[("TCP", 80)]))), "--backend", flavour)
    assert others(among) == among_first
    assert via_service("client") == "silence"
    assert direct("client", 80) == CLIENT[at]

    # Egress likewise: to the pods behind it.
    only_web = policy("client", pods(app="client"), egress=[allow(pods(app="web"), ports=[("TCP", "http")])])
    among.apply(cluster(*PODS, only_web), "--backend", flavour)
    assert via_service("client") == CLIENT[at]
    assert direct("client", 80) == "silence"

    clean_up(among)
    assert others(among) == among_first
    assert via_service("stranger") == STRANGER[at]


@pytest.mark.parametrize("version", [4, 6])
def test_what_others_drop_stays_dropped(among, flavour, version):
    """Allowed by a policy is not accepted on behalf of others; and what they accept, a policy still denies."""
    at = {4: 0, 6: 1}[version]
    reach = lambda source, port: ask(among, source, WEB[at], port)
    before = others(among)
    assert reach("client", 9999) == "silence"  # DOCKER-USER
    assert reach("far", 8080) == "silence"  # FORWARD's policy
    assert reach("stranger", 8080) == STRANGER[at]

    everyone = cluster(*PODS, web(allow(pods(app="client"))))
    among.apply(everyone, "--backend", flavour)
    assert others(among) == before
    assert reach("client", 8080) == CLIENT[at]
    assert reach("client", 9999) == "silence"
    assert reach("far", 8080) == "silence"
    assert reach("stranger", 8080) == "silence"
    clean_up(among)
    assert reach("stranger", 8080) == STRANGER[at]
    assert reach("client", 9999) == reach("far", 8080) == "silence"
    assert others(among) == before


def test_rules_put_before_and_after(lab, flavour):
    """penstock's jump goes back to the top, whoever came in between; their order among themselves stays."""
    lab.up(cluster(*PODS))
    manifests = cluster(*PODS, web(allow(pods(app="client"))))
    for tool in tools(flavour).values():
        for number in (1, 2, 3):
            lab.exec("node", tool, "-A", "FORWARD", "-m", "comment", "--comment", f"number {number}")
    lab.apply(manifests, "--backend", flavour)
    for tool in tools(flavour).values():
        lab.exec("node", tool, "-I", "FORWARD", "-m", "comment", "--comment", "number 0", "-j", "ACCEPT")
        lab.exec("node", tool, "-A", "FORWARD", "-m", "comment", "--comment", "number 4")
    before = others(lab, counters=True)
    assert [line.split('"')[1] for line in before if "number" in line and " -A FORWARD" in line][:5] == [f"number {i}" for i in range(5)]
    lab.apply(manifests, "--backend", flavour)
    assert others(lab, counters=True) == before
    for tool in tools(flavour).values():
        first = next(line for line in lab.exec("node", f"{tool}-save").stdout.splitlines() if line.startswith("-A FORWARD"))
        assert first.endswith("-j PENSTOCK-FORWARD")
    clean_up(lab)
    assert others(lab, counters=True) == before


@pytest.mark.parametrize("theirs", FLAVOURS)
def test_a_real_nodes_rules(lab, flavour, theirs):
    """kube-proxy's and another policy engine's, hundreds of them, in either flavour beside either of ours."""
    lab.up(cluster(*PODS))
    done = subprocess.run(
        [PENSTOCK, "lab", "exec", "--lab", lab.name, "node", "--", "ipset", "restore"], input=(DATA / "kube-router.ipset").read_bytes()
    )
    assert done.returncode == 0
    for version, tool in tools(theirs).items():
        text = (DATA / f"kube-proxy+kube-router.v{version}.save").read_text()
        # Its counters' objects are made by another tool, nfacct, which need not be here.
        restore(lab, tool, re.sub(r"-m nfacct --nfacct-name +\S+ ", "", text))
    before = others(lab, counters=True)
    assert len(before) > 500
    states = [
        cluster(*PODS, web(allow(pods(app="client"), ports=[("TCP", 8080)]))),
        cluster(*PODS, web(allow(pods_in({}))), policy("client", pods(app="client"), egress=[])),
        cluster(*PODS),
    ]
    for state in states:
        lab.apply(state, "--backend", flavour)
        assert others(lab, counters=True) == before
        assert f"unchanged ({flavour})" in lab.apply(state, "--backend", flavour).stdout
        assert others(lab, counters=True) == before
        assert ours(lab)
    clean_up(lab)
    assert others(lab, counters=True) == before
