#!/bin/sh
# Fuzzes every parser. Usage: scripts/fuzz.sh SECONDS [afl] [TARGET…]
#
# SECONDS are shared among the targets of tests/fuzz; libFuzzer, or with `afl` AFL++. What is found stays
# in build/fuzz/found (new paths, kept for the next run) and build/fuzz/crashes; a crash that is mended
# becomes a file of tests/fuzz/corpus/TARGET, which `make check` replays.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
fuzzer=libfuzzer
build=build/fuzz
compiler=clang
sanitize=address,undefined
if [ "${1:-}" = afl ]; then
        shift
        scripts/bootstrap.sh fuzz
        fuzzer=afl
        build=build/fuzz-afl
        compiler=afl-clang-fast
        export AFL_QUIET=1
fi

if [ ! -f $build/build.ninja ]; then
        CC=$compiler meson setup $build -Dfuzz=true -Dtests=disabled -Db_sanitize=$sanitize \
                -Db_lundef=false -Db_pie=false >/dev/null
fi
ninja -C $build --quiet >$build/build.log 2>&1 || { cat $build/build.log >&2; exit 1; }

targets=$*
[ -n "$targets" ] || targets=$(cd $build/tests/fuzz && ls -d fuzz_* | grep -v '\.p$' | sed 's/^fuzz_//')
each=$((seconds / $(echo "$targets" | wc -w)))
[ "$each" -gt 0 ] || each=1
crashes=$build/crashes
export UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_stacktrace=1
failed=0

run_libfuzzer() { # TARGET
        found=$build/found/$1
        mkdir -p "$found"
        dictionary=tests/fuzz/$1.dict
        set -- "$1" -max_total_time="$each" -print_final_stats=1 -timeout=10 -rss_limit_mb=2048 \
                -max_len=8192 -artifact_prefix="$crashes/$1/" "$found" "tests/fuzz/corpus/$1" \
                tests/golden tests/data examples
        [ ! -f "$dictionary" ] || set -- "$@" -dict="$dictionary"
        target=$1
        shift
        $build/tests/fuzz/fuzz_"$target" "$@" >"$build/$target.log" 2>&1 || true
        executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log" | tail -n 1)
        coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$build/$target.log" | tail -n 1)
}

run_afl() { # TARGET
        out=$build/found/$1
        mkdir -p "$out"
        dictionary=tests/fuzz/$1.dict
        target=$1
        set -- -V "$each" -m none -t 10000 -i "tests/fuzz/corpus/$1" -o "$out"
        [ ! -f "$dictionary" ] || set -- "$@" -x "$dictionary"
        AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_AUTORESUME=1 \
                AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
                ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0 \
                UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:symbolize=0 \
                afl-fuzz "$@" -- $build/tests/fuzz/fuzz_"$target" >"$build/$target.log" 2>&1 || true
        stats=$out/default/fuzzer_stats
        executions=$(sed -n 's/^execs_done *: *//p' "$stats")
        coverage=$(sed -n 's/^edges_found *: *//p' "$stats")
        find "$out/default/crashes" "$out/default/hangs" -type f -name 'id:*' \
                -exec cp -t "$crashes/$target" {} +
}

# What an earlier run found and somebody has mended since is forgotten.
forget_mended() { # TARGET
        mkdir -p "$crashes/$1"
        for input in "$crashes/$1"/*; do
                [ -f "$input" ] || continue
                if $build/tests/fuzz/fuzz_"$1" "$input" >/dev/null 2>&1; then rm "$input"; fi
        done
}

printf '%-12s %14s %10s %8s   %s\n' target executions coverage crashes "($fuzzer, ${each} s each)"
for target in $targets; do
        executions=
        coverage=
        forget_mended "$target"
        run_$fuzzer "$target"
        n=$(find "$crashes/$target" -type f | wc -l)
        printf '%-12s %14s %10s %8s\n' "$target" "${executions:--}" "${coverage:--}" "$n"
        if [ "$n" -gt 0 ] || [ -z "$executions" ]; then
                failed=1
                echo "  see $crashes/$target and $build/$target.log" >&2
        fi
done
exit $failed
