#!/bin/sh
# Installs from Debian what building, running and testing penstock needs. Called by every make target;
# says nothing and takes a few milliseconds when all is there.
#
#   scripts/bootstrap.sh build   compiler, meson, the libraries
#   scripts/bootstrap.sh run     … and iptables, ipset, iproute2, conntrack for the lab and the demo
#   scripts/bootstrap.sh test    … and cmocka, pytest, the sanitizers' runtimes, valgrind, fuzzers, openssl
#   scripts/bootstrap.sh fuzz    … and AFL++
#   scripts/bootstrap.sh bench   … and jq and curl to compare with, openssl for an API server
#   scripts/bootstrap.sh lint    … and clang-format, clang-tidy
set -eu

build="gcc libc6-dev meson ninja-build pkg-config libyaml-dev libmd-dev libmnl-dev libuv1-dev
  libcurl4-openssl-dev libmicrohttpd-dev libseccomp-dev libcap-ng-dev"
run="$build iptables ipset iproute2 conntrack"
test="$run nftables procps clang libclang-rt-14-dev libcmocka-dev python3 python3-pytest valgrind openssl"
fuzz="$test afl++"
bench="$run python3 jq curl openssl"
lint="$test clang-format clang-tidy"

case "${1:-build}" in
build) wanted=$build ;;
run) wanted=$run ;;
test) wanted=$test ;;
fuzz) wanted=$fuzz ;;
bench) wanted=$bench ;;
lint) wanted=$lint ;;
*)
        echo "usage: $0 build|run|test|fuzz|bench|lint" >&2
        exit 2
        ;;
esac

installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null || true)
missing=
for package in $wanted; do
        case "
$installed
" in
        *"
$package installed
"*) ;;
        *) missing="$missing $package" ;;
        esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
        echo "penstock needs these Debian packages:$missing" >&2
        echo "install them as root: apt-get install$missing" >&2
        exit 2
fi
echo "Installing from Debian:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The lists may be missing or old on a new machine; an update before each install mends both.
if ! { apt-get update -q && apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        echo "installing failed:$missing" >&2
        exit 1
fi
