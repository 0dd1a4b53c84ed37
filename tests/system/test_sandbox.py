"""What the sandboxes must leave: the agent's the node's tools, the feeder's TLS and HTTP.

What they must not, tests/unit/test_sandbox.c holds them to."""

import http.server
import pathlib
import ssl
import subprocess
import threading
import urllib.request

import pytest
from labs import PENSTOCK
from nodes import manifest_text, pod, pods, policy, tcp

BUILT = pathlib.Path(PENSTOCK).parents[2] / "tests/unit"
SANDBOXED = [str(BUILT / "sandboxed"), "agent"]
NAME = "api.penstock.test"
MANIFESTS = [
    pod("web", "10.0.0.1", "fd00::1", app="web"),
    pod("client", "10.0.0.2", "fd00::2", app="client"),
    policy("p", {"app": "web"}, ingress=[{"from": [pods(app="client")], "ports": tcp(80)}]),
]


def test_apply_works_in_the_agents(node):
    words = ["apply", "-f", "-", "--node", "here", "--backend", f"iptables-{node.flavour}"]
    text = manifest_text(MANIFESTS)
    assert "applied" in node.run(*SANDBOXED, PENSTOCK, *words, stdin=text).stdout
    assert any("PENSTOCK-" in line for line in node.save())
    assert any("PENSTOCK-" in line for line in node.save("ip6tables"))
    assert node.sets()
    assert "unchanged" in node.run(*SANDBOXED, PENSTOCK, *words, stdin=text).stdout
    node.run(*SANDBOXED, PENSTOCK, "verify", "-f", "-", "--node", "here", stdin=text)
    node.run(*SANDBOXED, PENSTOCK, "cleanup")
    assert not node.sets()


def test_settings_of_the_network_can_be_written_in_the_agents(node):
    """As those of bridges: CAP_NET_ADMIN is enough for its own namespace's."""
    setting = "/proc/sys/net/ipv4/ip_forward"
    node.run(*SANDBOXED, "sh", "-c", f"echo 1 > {setting}")
    assert node.run("cat", setting).stdout == "1\n"


def test_the_feeders_takes_the_tools_away(node):
    done = node.run(str(BUILT / "sandboxed"), "feeder", "iptables-nft-save", status=None)
    assert done.returncode != 0
    assert node.run("iptables-nft-save").returncode == 0


@pytest.fixture
def server(tmp_path):
    """HTTPS on loopback, by a name of /etc/hosts, so that resolvers are asked; its authority is a file."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "1", "-subj", f"/CN={NAME}",
         "-addext", f"subjectAltName=DNS:{NAME}"], check=True, capture_output=True)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"by TLS\n")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        served.socket = context.wrap_socket(served.socket, server_side=True)
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"https://{NAME}:{served.server_port}/", str(certificate)
        served.shutdown()
        thread.join()


def feeder(directory, *words):
    """The command that runs a feeder whose /etc/hosts knows the server."""
    hosts = directory / "hosts"
    hosts.write_text(f"127.0.0.1 {NAME}\n")
    script = 'mount --bind "$0" /etc/hosts && exec "$@"'
    return ["unshare", "-m", "sh", "-c", script, hosts, BUILT / "sandboxed_feeder", *words]


def test_tls_and_http_work_in_the_feeders(server, tmp_path):
    url, authority = server
    with subprocess.Popen(feeder(tmp_path, url, authority), text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "by TLS\n"
        port = process.stdout.readline().strip()
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").read() == b"ok\n"
        process.stdin.close()
        assert process.wait() == 0


def test_a_certificate_of_nobody_is_refused_in_the_feeders(server, tmp_path):
    url, _ = server
    done = subprocess.run(feeder(tmp_path, url, "/etc/ssl/certs/ca-certificates.crt"), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 1
    assert "certificate" in done.stderr
