"""A client of an API server in another network namespace: plain HTTPS, a connection for each thread.

    api.create(pod("web"))             with its status, if it has one
    api.update(pod("web", app="b"))    whatever it was before is replaced, status too
    api.patch("Pod", "web", {"metadata": {"labels": {"app": "c"}}})
    api.delete("Pod", "web")
    api.create_all(objects)            eight connections at once

What the server refuses is an ApiError. Nothing is tried again.
"""

import concurrent.futures
import http.client
import json
import select
import socket
import ssl
import threading
import urllib.parse

from sockets import netns

TIMEOUT = 30  # seconds until a silent server fails the test
CONNECTIONS = 8
MERGE = "application/merge-patch+json"

# Where a kind's objects are: the group's path, the name in paths, whether they are in namespaces.
RBAC = "apis/rbac.authorization.k8s.io/v1"
KINDS = {
    "Namespace": ("api/v1", "namespaces", False),
    "Node": ("api/v1", "nodes", False),
    "Pod": ("api/v1", "pods", True),
    "Service": ("api/v1", "services", True),
    "Secret": ("api/v1", "secrets", True),
    "ServiceAccount": ("api/v1", "serviceaccounts", True),
    "Event": ("api/v1", "events", True),
    "NetworkPolicy": ("apis/networking.k8s.io/v1", "networkpolicies", True),
    "DaemonSet": ("apis/apps/v1", "daemonsets", True),
    "ClusterRole": (RBAC, "clusterroles", False),
    "ClusterRoleBinding": (RBAC, "clusterrolebindings", False),
}
HAVE_STATUS = {"Pod", "Node"}


class ApiError(Exception):
    """status: HTTP's; reason, message: of the Status that the server sent."""

    def __init__(self, request, status, body):
        try:
            answer = json.loads(body)
        except ValueError:
            answer = {}
        self.status, self.reason = status, answer.get("reason")
        self.message = answer.get("message", body.decode(errors="replace"))
        super().__init__(f"{request}: {status} {self.reason}: {self.message}")


class Connection(http.client.HTTPSConnection):
    """From within the network namespace at this path."""

    def __init__(self, namespace, address, port, context):
        super().__init__(address, port, timeout=TIMEOUT, context=context)
        self.namespace = namespace
        self.tls = context

    def connect(self):
        with netns(self.namespace):
            plain = socket.create_connection((self.host, self.port), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self.tls.wrap_socket(plain, server_hostname=self.host)


def path_of(kind, namespace=None, name=None, *more):
    group, plural, namespaced = KINDS[kind]
    parts = [group]
    if namespaced and namespace:
        parts += ["namespaces", namespace]
    return "/" + "/".join([*parts, plural, *([name] if name else []), *more])


def place_of(thing, *more):
    metadata = thing["metadata"]
    return path_of(thing["kind"], metadata.get("namespace", "default"), metadata["name"], *more)


class Api:
    def __init__(self, namespace, address, port, authority, token=None, certificate=None):
        """authority (None: whoever it is), certificate (a pair): files."""
        self.namespace, self.address, self.port = namespace, address, port
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.tls = ssl.create_default_context(cafile=authority)
        if not authority:
            self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE
        if certificate:
            self.tls.load_cert_chain(*certificate)
        self.threads = threading.local()
        self.generation = 0

    def forget_connections(self):
        """The server that they led to is gone."""
        self.generation += 1

    def connection(self):
        mine = self.threads
        if getattr(mine, "generation", None) != self.generation:
            mine.connection = Connection(self.namespace, self.address, self.port, self.tls)
            mine.generation = self.generation
        elif mine.connection.sock and select.select([mine.connection.sock], [], [], 0)[0]:
            mine.connection.close()  # the server ended it, as it was idle for long: another is made
        return mine.connection

    def request_bytes(self, method, path, body=None, kind="application/json"):
        connection = self.connection()
        headers = {**self.headers, "Content-Type": kind, "Accept": "application/json"}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        if answer.status >= 300:
            raise ApiError(f"{method} {path}", answer.status, text)
        return text

    def request(self, method, path, body=None, **more):
        text = None if body is None else json.dumps(body)
        return json.loads(self.request_bytes(method, path, text, **more))

    def get(self, kind, name, namespace="default"):
        return self.request("GET", path_of(kind, namespace, name))

    def list(self, kind, namespace=None, **query):
        """The List: of all namespaces, or of one."""
        words = f"?{urllib.parse.urlencode(query)}" if query else ""
        return self.request("GET", path_of(kind, namespace) + words)

    def names(self, kind, namespace=None):
        return [item["metadata"]["name"] for item in self.list(kind, namespace)["items"]]

    def create(self, thing):
        """The object as the server has it then. The server ignores the status of what is created: it
        follows by a second request, as in a real cluster; until then a pod has no address."""
        place = path_of(thing["kind"], thing["metadata"].get("namespace", "default"))
        made = self.request("POST", place, thing)
        return self.set_status(thing) if self.has_status(thing) else made

    def create_all(self, things, connections=CONNECTIONS):
        with concurrent.futures.ThreadPoolExecutor(connections) as pool:
            return list(pool.map(self.create, things))

    def update(self, thing):
        made = self.request("PUT", place_of(thing), thing)
        return self.set_status(thing) if self.has_status(thing) else made

    @staticmethod
    def has_status(thing):
        return thing["kind"] in HAVE_STATUS and bool(thing.get("status"))

    def set_status(self, thing):
        """Of a Pod or a Node: phase, podIPs, addresses."""
        return self.patch(
            thing["kind"],
            thing["metadata"]["name"],
            {"status": thing["status"]},
            thing["metadata"].get("namespace", "default"),
            "status",
        )

    def patch(self, kind, name, change, namespace="default", *subresource):
        """A merge patch: null takes a field away."""
        return self.request("PATCH", path_of(kind, namespace, name, *subresource), change, kind=MERGE)

    def delete(self, kind, name, namespace="default", grace=0):
        """grace: seconds; a pod that is given some stays, as terminating, until it is deleted with 0."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": grace}
        return self.request("DELETE", path_of(kind, namespace, name), options)

    def delete_namespace(self, name):
        """With all that is in it, in the order of a cluster's namespace controller, which isn't here."""
        self.delete("Namespace", name)
        for kind in ["NetworkPolicy", "Pod"]:
            options = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}
            self.request("DELETE", path_of(kind, name), options)
        thing = self.get("Namespace", name)
        thing["spec"]["finalizers"] = []
        self.request("PUT", path_of("Namespace", None, name, "finalize"), thing)

    def token(self, account, namespace, bound_to=None, seconds=3600):
        """A service account's, as mounted into its pods. bound_to: a Pod or Secret, by whose end the
        token ends too (within ten seconds: for so long the server trusts what it has looked at)."""
        spec = {"expirationSeconds": seconds}
        if bound_to:
            reference = {"apiVersion": bound_to["apiVersion"], "kind": bound_to["kind"]}
            spec["boundObjectRef"] = {**reference, "name": bound_to["metadata"]["name"]}
        ask = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = path_of("ServiceAccount", namespace, account, "token")
        return self.request("POST", path, ask)["status"]["token"]

    def watch(self, kind, namespace=None, **query):
        """Events from now on, or from resourceVersion=."""
        return Watch(self, path_of(kind, namespace), query)


class Watch:
    """with api.watch("Pod", resourceVersion=version) as events: event = next(events)

    Ends where the server ends it; raises TimeoutError where none comes for TIMEOUT seconds."""

    def __init__(self, api, path, query):
        self.connection = Connection(api.namespace, api.address, api.port, api.tls)
        words = urllib.parse.urlencode({"watch": "true", **query})
        self.connection.request("GET", f"{path}?{words}", headers=api.headers)
        self.answer = self.connection.getresponse()
        if self.answer.status >= 300:
            text = self.answer.read()
            self.connection.close()
            raise ApiError(f"GET {path}?{words}", self.answer.status, text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.answer.close()

    def __iter__(self):
        return self

    def __next__(self):
        """{"type": "ADDED", "object": …}"""
        line = self.answer.readline()
        if not line:
            raise StopIteration
        return json.loads(line)
