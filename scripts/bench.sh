#!/bin/bash
# Installs what is missing, builds, measures, and writes what it found to docs/PERFORMANCE.md. On an idle machine, please.
#
#   scripts/bench.sh executor            seven rounds, a quarter of an hour; tables and plot into docs/
#   scripts/bench.sh executor --quick    one short round, two minutes; prints the tables and writes no file
#
#   --rounds N     how many rounds
#   --only REGEX   only the rows whose <workload>/<runtime>/<size>/<workers> it matches; prints, writes no file
#
# A round runs every row once, in random order, each in a process of its own, so that neither a busy minute of the
# machine nor another row's memory falls on one runtime only. The tables give medians of the rounds.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

fail() {
    echo "bench.sh: $1" >&2
    exit 2
}

what='' rounds='' only='' quick=
while (($# > 0)); do
    case "$1" in
        executor) what=$1 ;;
        --quick) quick=yes ;;
        --rounds) [[ ${2-} =~ ^[1-9][0-9]*$ ]] || fail "--rounds takes a number from 1 on"; rounds=$2; shift ;;
        --only) [[ -n ${2-} ]] || fail "--only takes a regular expression"; only=$2; shift ;;
        -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' scripts/bench.sh; exit 0 ;;
        *) fail "unknown argument '$1'; there are: executor --quick --rounds N --only REGEX" ;;
    esac
    shift
done
[[ -n $what ]] || fail "say what to measure: scripts/bench.sh executor; --help tells more"
if [[ -n $quick ]]; then
    rounds=${rounds:-1} seconds=0.05
else
    rounds=${rounds:-7} seconds=0.5
fi

results=$(mktemp -d)
step=starting
clean_up() {
    local status=$?
    rm -rf "$results"
    if ((status == 1)); then echo "bench.sh: failed while $step" >&2; fi  # 2: fail has said what
}
trap clean_up EXIT
trap 'exit 130' INT TERM  # by way of clean_up

step='installing packages'
scripts/install-deps.sh bench

step='building: try  cmake --preset release && cmake --build --preset release --target executor_bench'
echo '== build'
cmake --preset release >"$results/configure" || { cat "$results/configure" >&2; exit 1; }
cmake --build --preset release --parallel "$(scripts/build-jobs.sh)" --target executor_bench

step='listing the rows'
build/release/bench/executor_bench --benchmark_list_tests >"$results/all"
grep -E -- "${only:-.}" "$results/all" >"$results/rows" || fail "no row matches '$only'"

for ((round = 1; round <= rounds; ++round)); do
    echo "== round $round of $rounds: $(wc -l <"$results/rows") rows"
    number=0
    while read -r row; do
        step="measuring: try  build/release/bench/executor_bench --benchmark_filter=^$row\$"
        number=$((number + 1))
        build/release/bench/executor_bench --benchmark_filter="^$row\$" --benchmark_min_time="$seconds" \
            --benchmark_out="$results/$round.$number.json" >"$results/log" 2>&1 || { cat "$results/log" >&2; exit 1; }
    done < <(shuf "$results/rows")
done

step='writing the report'
if [[ -n $quick || -n $only ]]; then
    bench/report.py "$results"
else
    bench/report.py "$results" --write docs
    echo '== docs/PERFORMANCE.md and docs/performance-executor.svg are written'
fi
