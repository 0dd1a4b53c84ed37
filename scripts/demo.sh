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
        printf '\n%s$ penstock %s%s\n' "$bold" "$*" "$plain"
        "$penstock" "$@"
}

# A lab of our own, removed however this ends.
lab=demo-$$
down() {
        "$penstock" lab down --lab $lab >/dev/null
}
trap down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "Three pods of $manifests/pods.yaml as network namespaces, wired to one that plays the node"
run lab up --lab $lab -f $manifests

say "Without a policy everybody reaches everybody: real TCP, UDP, SCTP and ICMP between all pairs"
run lab probe --lab $lab -f $manifests/pods.yaml

say "The policy: only the frontend may reach the backend"
cat $manifests/policy.yaml
run lab apply --lab $lab -f $manifests

say "The same packets again, each compared with what the policy means"
run lab probe --lab $lab -f $manifests

say "What is installed on the node, and what it has counted"
printf '\n%s$ iptables -L -v -n%s   (the chains that are penstock'"'"'s)\n' "$bold" "$plain"
"$penstock" lab exec --lab $lab node -- iptables -L -v -n |
        awk '/^Chain/ { ours = /PENSTOCK/ } ours' | cut -c 1-160
run lab exec --lab $lab node -- "$penstock" list policies
run lab exec --lab $lab node -- "$penstock" list pods

say "Why? One connection that is allowed, and one that is not"
run explain -f $manifests frontend backend --port 8080
run explain -f $manifests other backend --port 8080 || [ $? -eq 1 ]

say "Everything is removed again"
run lab down --lab $lab
