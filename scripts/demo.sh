#!/bin/sh
# The main job for real, on one machine and without a cluster. Usage: scripts/demo.sh PENSTOCK
set -eu
cd "$(dirname "$0")/.."
penstock=$1
manifests=examples/frontend-backend

if [ "$(id -u)" -ne 0 ]; then
        echo "the demo makes network namespaces and wants root" >&2
        exit 2
fi

bold=
plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
        bold=$(printf '\033[1m')
        plain=$(printf '\033[0m')
fi
say() {
        printf '\n%s==> %s%s\n' "$bold" "$*" "$plain"
}
run() {
        printf '\n$ penstock %s\n' "$*"
        "$penstock" "$@"
}

"$penstock" lab down >/dev/null
trap '"$penstock" lab down >/dev/null' EXIT

say "Three pods of $manifests/pods.yaml as network namespaces, wired to one that plays the node"
run lab up -f $manifests

say "Without a policy everybody reaches everybody: real packets between all pairs"
run lab probe -f $manifests/pods.yaml

say "The policy: only the frontend may reach the backend"
cat $manifests/policy.yaml
run lab apply -f $manifests

say "The same packets again, each compared with what the policy means"
run lab probe -f $manifests

say "What is installed on the node, and what it has counted"
printf '\n$ iptables -L -v -n   (chains of penstock)\n'
"$penstock" lab exec node -- iptables -L -v -n | awk '/^Chain/ { ours = /PENSTOCK/ } ours' | cut -c 1-160
run lab exec node -- "$penstock" list policies
run lab exec node -- "$penstock" list pods

say "Why? One connection that is allowed, and one that is not"
run explain -f $manifests frontend backend --port 8080
run explain -f $manifests other backend --port 8080 || true

say "Everything is removed again"
run lab down
