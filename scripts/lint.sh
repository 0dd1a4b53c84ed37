#!/bin/sh
# Layout and clang-tidy, both must be clean.
set -eu
cd "$(dirname "$0")/.."

files=$(git ls-files '*.c' '*.h')
clang-format --dry-run -Werror $files
[ -f build/clang/build.ninja ] || CC=clang meson setup build/clang -Dwerror=true -Dtests=enabled >/dev/null
ninja -C build/clang --quiet
git ls-files 'src/*.c' | xargs -P "$(nproc)" -n 4 clang-tidy -p build/clang --quiet 2>&1 |
        { ! grep -v -E '^[0-9]+ warnings (generated|treated)|^$|^Suppressed|^Use -header'; }
echo "clean"
