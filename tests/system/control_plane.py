"""A real control plane for tests: etcd and kube-apiserver in a network namespace of their own.

    def test_something(plane, node):
        plane.connect(node.name)
        config = plane.kubeconfig("agent")
        plane.api.create(pod("web", "10.0.0.1"))

The server is one for all tests, the cluster in it is new in each: the namespaces default and kube-…,
and nothing else. Nobody writes to it but the test: no scheduler, no controllers, no kubelet.

Users: "admin" may do all, "agent" what deploy/ gives the agent, "nobody" nothing.
"""

import contextlib
import http.client
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from cables import ADDRESS, ADDRESS6, Cables
from certificates import Authority, openssl
from kube_api import Api, ApiError
from servers import BINARIES, Daemon, Etcd

SOURCE = pathlib.Path(__file__).resolve().parents[2]
ROLE = SOURCE / "deploy/kustomize/rbac.yaml"

KUBECTL = str(BINARIES / "kubectl")
PORT = 6443
USERS = {"admin": ["system:masters"], "agent": [], "nobody": []}
NAMES = [f"IP:{ADDRESS}", f"IP:{ADDRESS6}", "IP:127.0.0.1", "DNS:localhost", "DNS:kubernetes.default.svc"]

# As in a container: the service account's files where a pod has them.
MOUNTED = """
mount -t tmpfs none /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
mount --bind "$1" /run/secrets/kubernetes.io/serviceaccount
shift
exec "$@"
"""

numbers = itertools.count(1)


class ControlPlane(Cables):
    def __init__(self):
        self.name = f"penstock-plane-{os.getpid()}-{next(numbers)}"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.generation = 0  # of tokens
        self.altered = False  # the server is not what the next test expects
        with contextlib.ExitStack() as undo:
            undo.callback(self.remove)
            self.make_namespace()
            self.make_identity()
            self.start()
            self.kubectl("apply", "-f", str(ROLE))
            self.bind("agent", "penstock")
            self.pristine = self.etcd.keys()
            undo.pop_all()

    def make_namespace(self):
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.make_addresses()
        self.etcd = Etcd(self.name, self.directory)
        self.server = Daemon(self.name, self.directory / "kube-apiserver.log")

    def make_identity(self):
        self.authority = Authority(self.directory / "authority", "penstock-tests")
        self.make_credentials()
        openssl("genrsa", "-out", self.directory / "accounts.key", 2048)
        certificate = self.authority.issue("admin", USERS["admin"])
        where = f"/run/netns/{self.name}", "127.0.0.1", PORT
        # A test's own hand reaches the server even where its certificate is what is tested.
        self.api = Api(*where, authority=None, certificate=certificate)

    def remove(self):
        self.kill()
        self.etcd.stop()
        subprocess.run(["ip", "netns", "del", self.name], check=True)
        shutil.rmtree(self.directory)

    def run(self, *words, stdin="", check=True):
        command = ["ip", "netns", "exec", self.name, *map(str, words)]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True)
        print(f"$ {' '.join(map(str, words))}\n{done.stdout[-4000:]}{done.stderr}[{done.returncode}]")
        assert done.returncode == 0 or not check, done.stderr
        return done

    # The server

    def command(self):
        serving = self.directory / "serving"
        return [
            str(BINARIES / "kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{Etcd.PORT}",
            "--etcd-compaction-interval=0",  # history goes when a test says so
            "--bind-address=::",
            f"--secure-port={PORT}",
            f"--advertise-address={ADDRESS}",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--tls-cert-file={serving}.crt",
            f"--tls-private-key-file={serving}.key",
            f"--client-ca-file={self.authority.certificate}",
            f"--token-auth-file={self.directory / 'tokens'}",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.directory / 'accounts.key'}",
            f"--service-account-signing-key-file={self.directory / 'accounts.key'}",
        ]

    def start(self, *flags):
        """etcd too. flags: more of kube-apiserver's, until it is started again."""
        self.altered = self.altered or bool(flags)
        if not self.etcd.daemon.runs:
            self.etcd.start()
        self.server.start(*self.command(), *flags)
        self.api.forget_connections()
        self.server.wait_until(self.is_ready)

    def is_ready(self):
        """With the namespaces that it makes by itself."""
        try:
            self.api.request_bytes("GET", "/readyz")
            return {"default", "kube-system"} <= set(self.api.names("Namespace"))
        except (OSError, http.client.HTTPException, ApiError):
            return False

    def kill(self):
        """As by kill -9. What it was told stays in etcd."""
        self.server.end(signal.SIGKILL)

    def restart(self, *flags):
        self.kill()
        self.start(*flags)

    def forget_history(self):
        """The server comes back, and watches that want to go on where they were are told 410 Gone."""
        self.kill()
        self.etcd.compact()
        self.start()

    def snapshot(self):
        """What etcd holds now, for restore()."""
        directory = self.directory / f"snapshot-{next(numbers)}"
        self.etcd.copy(directory)
        return directory

    def restore(self, snapshot):
        """As after a disaster: all is as it was then, resource versions too."""
        self.kill()
        self.etcd.stop()
        self.etcd.replace(snapshot)
        self.start()

    def fresh(self):
        """As after the start of a new cluster, for the next test."""
        self.disconnect_all()
        if self.altered:
            self.make_credentials()
        if self.altered or not self.server.runs or not self.etcd.daemon.runs:
            self.restart()
        self.altered = False
        self.etcd.put_back(self.pristine)
        for kind in ["Namespace", "Node", "Pod", "NetworkPolicy"]:
            self.api.list(kind)  # of now: the server's cache, which may answer others, has followed then

    # Who may do what

    def make_credentials(self):
        self.generation = 0
        self.write_tokens()
        self.renew_server_certificate()

    def renew_server_certificate(self, authority=None, names=NAMES, **more):
        """From the next start on, until the test ends. more: seconds until it expires."""
        pair = (authority or self.authority).issue("kube-apiserver", names=names, **more)
        for file, end in zip(pair, ["crt", "key"]):
            shutil.copy(file, self.directory / f"serving.{end}")
        self.altered = True

    def token(self, user):
        return f"token-{self.generation}-of-{user}"

    def write_tokens(self):
        rows = [f'{self.token(user)},{user},{user},"{",".join(groups)}"' for user, groups in USERS.items()]
        (self.directory / "tokens").write_text("\n".join(rows) + "\n")

    def rotate_tokens(self):
        """All tokens of users are others from now on; the server restarts, as it reads them then."""
        self.generation += 1
        self.altered = True
        self.write_tokens()
        self.restart()

    def bind(self, user, role):
        """User gets a ClusterRole's rights, until the test ends."""
        group = "rbac.authorization.k8s.io"
        self.api.create(
            {
                "apiVersion": f"{group}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": f"{role}-for-{user}"},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
            }
        )

    def client(self, user, token=None):
        """The API as this user, or whoever's the token is."""
        token = token or self.token(user)
        return Api(self.api.namespace, "127.0.0.1", PORT, self.authority.certificate, token)

    def kubeconfig(self, user="agent", server=f"https://{ADDRESS}:{PORT}", cluster=None, **credentials):
        """A file, for whoever is connected. Without credentials (fields of a user: "tokenFile",
        "client-certificate" and so on) the user's token; cluster: more fields of it."""
        authority = {"certificate-authority": str(self.authority.certificate)}
        credentials = {key.replace("_", "-"): str(value) for key, value in credentials.items()}
        if "token-file" in credentials:
            credentials["tokenFile"] = credentials.pop("token-file")
        contents = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": user}}],
            "clusters": [{"name": "tests", "cluster": {"server": server, **authority, **(cluster or {})}}],
            "users": [{"name": user, "user": credentials or {"token": self.token(user)}}],
        }
        path = self.directory / f"kubeconfig-{next(numbers)}"
        path.write_text(json.dumps(contents, indent=2))
        return str(path)

    def kubectl(self, *words, user="admin", **more):
        config = self.kubeconfig(user, server=f"https://127.0.0.1:{PORT}")
        return self.run(KUBECTL, "--kubeconfig", config, *words, **more)

    def in_pod(self, token, *words):
        """A command, and its environment, for a process that is to see what a pod's does: a service
        account's token, the authority, the server's address. Also the token's file, to be rotated."""
        directory = pathlib.Path(tempfile.mkdtemp(prefix="pod-", dir=self.directory))
        (directory / "token").write_text(token)
        (directory / "namespace").write_text("kube-system")
        shutil.copy(self.authority.certificate, directory / "ca.crt")
        command = ["unshare", "-m", "sh", "-ec", MOUNTED, "sh", str(directory), *words]
        environment = {"KUBERNETES_SERVICE_HOST": ADDRESS, "KUBERNETES_SERVICE_PORT": str(PORT)}
        return command, environment, directory / "token"
