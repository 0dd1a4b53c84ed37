#!/bin/sh
# Golden files: tests/golden/NAME/*.yaml and beside them `expected`, what render prints of them for the
# node in the file `options` (further options of render, one line; may be absent).
# Usage: scripts/golden.sh PENSTOCK [--write]
set -eu
penstock=$(realpath "$1")
cd "$(dirname "$0")/.."
write=${2:-}
passed=0
failed=0

for dir in tests/golden/*/; do
        options=
        [ ! -f "${dir}options" ] || options=$(cat "${dir}options")
        # Words of options are meant to be split.
        # shellcheck disable=SC2086
        actual=$("$penstock" render -f "$dir" $options 2>&1) || actual="$actual
exit status $?"
        if [ "$write" = --write ]; then
                printf '%s\n' "$actual" >"${dir}expected"
        elif printf '%s\n' "$actual" | diff -u "${dir}expected" - >&2; then
                passed=$((passed + 1))
        else
                echo "FAILED ${dir}: run 'make golden' and read the difference if it is meant" >&2
                failed=$((failed + 1))
        fi
done
[ "$write" = --write ] || echo "golden: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
