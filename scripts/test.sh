#!/bin/sh
# Builds and tests. Usage: scripts/test.sh all|check
#
#   check  gcc with ASan and UBSan: unit, golden, property and corpus tests
#   all    … also built by clang with warnings as errors, and the system tests
set -eu
cd "$(dirname "$0")/.."
what=${1:-all}

configure() { # DIR, then meson's options
        dir=$1
        shift
        [ -f "$dir/build.ninja" ] || meson setup "$dir" -Dwerror=true -Dtests=enabled "$@" >/dev/null
        ninja -C "$dir" --quiet
}

echo "Building with gcc, ASan and UBSan …"
configure build/sanitized -Db_sanitize=address,undefined
if [ "$what" = all ]; then
        echo "Building with clang …"
        CC=clang configure build/clang
        echo "Building plainly, for valgrind and what is weighed …"
        [ -f build/debug/build.ninja ] || meson setup build/debug >/dev/null
        ninja -C build/debug --quiet src/cmd/penstock src/cmd/penstock-feeder
        scripts/control_plane.sh
fi

export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
meson test -C build/sanitized --print-errorlogs --no-rebuild
# LeakSanitizer traces, so that only a plain build can show that nobody else does.
[ "$what" = all ] && meson test -C build/clang --print-errorlogs --no-rebuild test_sandbox
[ "$what" = all ] && [ -d tests/system ] || exit 0

echo "System tests: real packets in network namespaces …"
PENSTOCK=$PWD/build/sanitized/src/cmd/penstock python3 -m pytest -q -rs -p no:cacheprovider tests/system
