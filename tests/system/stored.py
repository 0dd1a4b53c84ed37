"""Objects as they are in etcd, for tests that write them there behind the API server's back: it passes on
what it finds, and whether that is valid it asks only those who write by its own way."""

import base64
import json
import uuid

from servers import code

PLACES = {"NetworkPolicy": "networkpolicies", "Pod": "pods", "Namespace": "namespaces"}
CREATED = "2026-01-02T03:04:05Z"


def key_of(thing):
    metadata = thing["metadata"]
    name = "/".join(filter(None, [metadata.get("namespace"), metadata["name"]]))
    return code(f"/registry/{PLACES[thing['kind']]}/{name}".encode())


def put(thing):
    """As part of a transaction, which an object without a uid gets one in."""
    metadata = {"uid": str(uuid.uuid4()), "creationTimestamp": CREATED, **thing["metadata"]}
    value = json.dumps({**thing, "metadata": metadata}).encode()
    return {"request_put": {"key": key_of(thing), "value": base64.b64encode(value).decode()}}


def delete(thing):
    return {"request_delete_range": {"key": key_of(thing)}}
