"""The agent as a DaemonSet's container: what its manifest says of arguments, environment, user, rights and
volumes, made of this machine's own means as a container runtime makes it, and nothing more.

    agent = Contained(node, plane, daemonset)
    agent.start()

The image's root is this machine's, read-only; a hostPath is one in a directory of the test's own. The
processes have a namespace for their pids and a runtime's filter of system calls, /proc/sys is read-only,
and the environment is the manifest's and what the kubelet adds.
"""

import os
import pathlib
import signal

from agents import WAIT, Agent
from nodes import PENSTOCK

# $1: the service account's files, then pairs of a directory or file and where it is mounted, then --.
# What is mounted stays writable, nothing else does.
MOUNTED = """
umount --lazy --recursive /run/netns
mount -t tmpfs none /run
account=/run/secrets/kubernetes.io/serviceaccount
mkdir -p $account
mount --bind "$1" $account
shift
volumes=
while [ "$1" != -- ]; do
    if [ -d "$1" ]; then mkdir -p "$2"; else mkdir -p "$(dirname "$2")"; touch "$2"; fi
    mount --bind "$1" "$2"
    volumes="$volumes $2 "
    shift 2
done
shift
mount --bind /proc/sys /proc/sys
for place in $(cut -d ' ' -f 5 /proc/self/mountinfo | sort -u); do
    case "$volumes /proc " in
    *" $place "*) ;;
    *) mount -o remount,bind,ro "$place" ;;
    esac
done
exec "$@"
"""

RUNTIME_DEFAULT = str(pathlib.Path(PENSTOCK).resolve().parents[2] / "tests/runtime_default")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def only(items):
    (item,) = items
    return item


class Contained(Agent):
    def __init__(self, node, plane, daemonset):
        super().__init__(node, "")
        spec = daemonset["spec"]["template"]["spec"]
        assert spec["hostNetwork"] and not spec.get("hostPID") and not spec.get("initContainers")
        container = only(spec["containers"])
        assert "command" not in container  # the image's: penstock
        self.probes = [container[f"{name}Probe"]["httpGet"] for name in ["liveness", "readiness"]]
        self.seconds_to_stop = spec["terminationGracePeriodSeconds"]
        token = plane.api.token(spec["serviceAccountName"], daemonset["metadata"]["namespace"])
        _, kubelets, token_file = plane.in_pod(token)
        environment = {"PATH": PATH, **kubelets, **self.environment(container)}
        if "ASAN_OPTIONS" in os.environ:
            environment["ASAN_OPTIONS"] = os.environ["ASAN_OPTIONS"]
        self.kept = self.rights(spec, container)
        self.arguments = [self.expanded(word, environment) for word in container["args"]]
        self.before = [
            *["/usr/bin/env", "-i", *(f"{key}={value}" for key, value in environment.items())],
            *["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"],
            *["sh", "-ec", MOUNTED, "sh", str(token_file.parent), *self.volumes(spec, container), "--"],
            *["setpriv", *self.kept],
        ]

    @staticmethod
    def environment(container):
        fields = {"spec.nodeName": "here"}
        return {
            each["name"]: each["value"] if "value" in each else fields[each["valueFrom"]["fieldRef"]["fieldPath"]]
            for each in container["env"]
        }

    @staticmethod
    def expanded(word, environment):
        for name, value in environment.items():
            word = word.replace(f"$({name})", value)
        return word

    def volumes(self, spec, container):
        """Pairs of what is mounted and where. The kubelet makes what there is not."""
        paths = {volume["name"]: volume["hostPath"] for volume in spec["volumes"]}
        pairs = []
        for mount in container["volumeMounts"]:
            assert not mount.get("readOnly") and "subPath" not in mount
            path = self.on_host(paths[mount["name"]]["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            if paths[mount["name"]]["type"] == "DirectoryOrCreate":
                path.mkdir()
            else:
                assert paths[mount["name"]]["type"] == "FileOrCreate"
                path.touch()
            pairs += [str(path), mount["mountPath"]]
        self.socket = self.on_host("/run/penstock/agent.sock")
        return pairs

    def on_host(self, path):
        return self.directory / f"host{path}"

    @staticmethod
    def rights(spec, container):
        """As runc has it: of root's capabilities the bounding set is what is left."""
        context = {**spec.get("securityContext", {}), **container["securityContext"]}
        capabilities = context.pop("capabilities")
        expected = {"runAsUser": 0, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}
        assert context == {**expected, "seccompProfile": {"type": "RuntimeDefault"}}
        assert capabilities["drop"] == ["ALL"]
        added = [f"+{name.lower()}" for name in capabilities.get("add", [])]
        return [
            *["--reuid=0", "--regid=0", "--clear-groups", "--no-new-privs"],
            *["--inh-caps=-all", "--ambient-caps=-all", f"--bounding-set={','.join(['-all', *added])}"],
            RUNTIME_DEFAULT,
        ]

    def start(self):
        self.daemon.start(*self.before, PENSTOCK, *self.arguments)

    def pid(self):
        """Of the agent, which unshare has forked."""
        pid = self.daemon.process.pid
        return int(only(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def exec(self, *words, **more):
        """penstock …, as by kubectl exec."""
        return self.node.run("nsenter", "-t", str(self.pid()), "-m", "-p", "setpriv", *self.kept, PENSTOCK, *words, **more)

    def status(self):
        """What /proc says of the agent."""
        lines = pathlib.Path(f"/proc/{self.pid()}/status").read_text().splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    def writable(self):
        """Where anything is mounted that could be written."""
        lines = [line.split() for line in pathlib.Path(f"/proc/{self.pid()}/mountinfo").read_text().splitlines()]
        options = {place: words.split(",") for _, _, _, _, place, words, *_ in lines}  # of many at one place, the last
        return {place for place in options if "rw" in options[place]}

    def probed(self):
        """Statuses of liveness and readiness."""
        statuses = []
        for probe in self.probes:
            assert probe["host"] == "127.0.0.1"
            statuses.append(self.get(probe["path"], probe["port"])[0])
        return statuses

    def stop(self):
        os.kill(self.pid(), signal.SIGTERM)
        assert self.daemon.ended_within(min(WAIT, self.seconds_to_stop)), self.tail()
        return self.daemon.process.wait()

    def done(self):
        if self.daemon.runs:
            self.kill()
        for path in sorted(self.on_host("").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        self.on_host("").rmdir()
        super().done()
