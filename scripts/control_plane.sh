#!/bin/sh
# Builds the control plane that system tests run against (kube-apiserver, etcd, kubectl, helm) from the Go
# module tests/control_plane into build/control-plane. Once: it says nothing and takes a few milliseconds when
# they are there, made of the same module by the same Go.
set -eu
cd "$(dirname "$0")/.."
module=tests/control_plane
out=build/control-plane

if ! command -v go >/dev/null; then
        echo "kube-apiserver is built for the tests: that takes go" \
                "$(sed -n 's/^go //p' $module/go.mod) or newer, which is not installed" >&2
        exit 1
fi
stamp=$(cat $module/go.mod $module/go.sum "$0" | sha256sum | cut -d ' ' -f 1)-$(go env GOVERSION)
mkdir -p $out
exec 9>$out/lock # somebody else may build it just now
flock 9
[ "$(cat $out/stamp 2>/dev/null)" != "$stamp" ] || exit 0

version=$(sed -n 's/.*k8s.io\/kubernetes \(v[0-9.]*\).*/\1/p' $module/go.mod)
echo "Building kube-apiserver $version, etcd, kubectl and helm for the tests, once: about 4 minutes on 2 cores …"
minor=${version#v1.}
minor=${minor%%.*}
package=k8s.io/component-base/version
flags="-s -w -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$minor"
rm -f $out/stamp
started=$(date +%s)
# A line for each package that is compiled goes to the log; one for each two hundred to whoever waits.
if ! {
        (cd $module && go build -v -ldflags "$flags" -o ../../$out/ tool 2>&1) || echo "go build failed"
} | tee $out/log | awk '
        /^go: downloading/ { if (++got % 50 == 0) print "  … " got " modules downloaded"; fflush(); next }
        /^go build failed/ { exit 1 }
        ++built % 200 == 0 { print "  … " built " packages compiled"; fflush() }'; then
        tail -n 20 $out/log >&2
        echo "building the tests' control plane failed; its modules come from $(go env GOPROXY)" >&2
        exit 1
fi
mv $out/server $out/etcd # its package is go.etcd.io/etcd/server
echo "$stamp" >$out/stamp
echo "  done in $(($(date +%s) - started)) s"
