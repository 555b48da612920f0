#!/bin/bash
# Installs what is missing, builds, measures, and writes what it found to docs/PERFORMANCE.md. On an idle machine, please.
#
#   scripts/bench.sh executor            seven rounds, a quarter of an hour; tables and plot into docs/
#   scripts/bench.sh executor --quick    one short round, two minutes; prints the tables and writes no file
#   scripts/bench.sh service             the daemon and its peers, through sockets: five rounds, half an hour
#   scripts/bench.sh service --quick     one short round, four minutes
#   scripts/bench.sh workers             calls of functions in Python and PHP processes, beside other ways to call them: five rounds, ten minutes
#   scripts/bench.sh workers --quick     one round; prints
#   scripts/bench.sh functions           processes, HTTP, compute and lines, beside what a shell user would take: five rounds, five minutes; prints
#   scripts/bench.sh admin               what the admin port costs, off, on, and watched: two minutes; prints
#   scripts/bench.sh scaling             what the daemon costs as batches, connections and sleeps grow: a minute
#
#   --rounds N     how many rounds
#   --only REGEX   only the rows whose <workload>/<runtime>/<size>/<workers> it matches, of the service <group>/<row>/<peer>,
#                  of the workers <name>; prints, writes no file
#   --before FILE  of service: another gatherd as a peer, the build of an earlier commit; prints, writes no file
#
# A round runs every row once, in random order, each in a process of its own, so that neither a busy minute of the
# machine nor another row's memory falls on one runtime only. The tables give medians of the rounds. Those of the executor
# are kept in build/executor_rounds as each ends, until the next run: bench/report.py makes tables of what a run that was
# stopped has left there.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

fail() {
    echo "bench.sh: $1" >&2
    exit 2
}

what='' rounds='' only='' before='' quick=
while (($# > 0)); do
    case "$1" in
        executor | service | workers | functions | admin | scaling) what=$1 ;;
        --quick) quick=yes ;;
        --rounds) [[ ${2-} =~ ^[1-9][0-9]*$ ]] || fail "--rounds takes a number from 1 on"; rounds=$2; shift ;;
        --only) [[ -n ${2-} ]] || fail "--only takes a regular expression"; only=$2; shift ;;
        --before) [[ -x ${2-} ]] || fail "--before takes a gatherd that can be run"; before=$2; shift ;;
        -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' scripts/bench.sh; exit 0 ;;
        *) fail "unknown argument '$1'; there are: executor service workers functions admin scaling --quick --rounds N --only REGEX --before FILE" ;;
    esac
    shift
done
[[ -z $before || $what == service ]] || fail "--before is of service only"
[[ -n $what ]] || fail "say what to measure: scripts/bench.sh executor, service, workers, functions, admin or scaling; --help tells more"
if [[ $what == service || $what == workers || $what == functions ]]; then
    default_rounds=5 default_seconds=1 quick_seconds=0.3
else
    default_rounds=7 default_seconds=0.5 quick_seconds=0.05
fi
if [[ -n $quick ]]; then
    rounds=${rounds:-1} seconds=$quick_seconds
else
    rounds=${rounds:-$default_rounds} seconds=$default_seconds
fi

results=$(mktemp -d)
rounds_kept=build/executor_rounds
whole_rounds=0
step=starting
clean_up() {
    local status=$?
    rm -rf "$results"
    if ((status != 0 && whole_rounds > 0)); then
        echo "bench.sh: stopped after $whole_rounds of $rounds rounds; for their tables: bench/report.py $rounds_kept" >&2
    fi
    if ((status == 1)); then echo "bench.sh: failed while $step" >&2; fi  # 2: fail has said what
}
trap clean_up EXIT
trap 'exit 130' INT TERM  # by way of clean_up

build() {  # TARGET...
    step="building: try  cmake --preset release && cmake --build --preset release --target $*"
    echo '== build'
    cmake --preset release >"$results/configure" || { cat "$results/configure" >&2; exit 1; }
    cmake --build --preset release --parallel "$(scripts/build-jobs.sh)" --target "$@"
}

if [[ $what == scaling ]]; then
    step='installing packages'
    scripts/install-deps.sh bench
    build gatherd
    step='measuring'
    if [[ -n $quick ]]; then flags=(--seconds 0.3); else flags=(--write docs); fi
    bench/service/scaling.py build/release "${flags[@]}"
    exit 0
fi

if [[ $what == admin ]]; then
    step='installing packages'
    scripts/install-deps.sh bench
    build gatherd
    step='measuring'
    tests/load/admin_cost.py build/release/gatherd
    exit 0
fi

if [[ $what == service ]]; then
    step='installing packages'
    scripts/install-deps.sh bench-service
    command -v node >/dev/null || fail "needs Node.js in the PATH"
    build gatherd service_peers
    step='measuring'
    export PATH=$PATH:/usr/sbin  # where Debian puts the brokers
    flags=(--rounds "$rounds" --seconds "$seconds" --only "$only")
    if [[ -n $before ]]; then flags+=(--before "$before"); elif [[ -z $quick && -z $only ]]; then flags+=(--write docs); fi
    bench/service/compare.py build/release "${flags[@]}"
    exit 0
fi

if [[ $what == workers ]]; then
    step='installing packages'
    scripts/install-deps.sh bench-workers
    build gatherd worker_peers
    step='measuring'
    export PATH=$PATH:/usr/sbin
    flags=(--rounds "$rounds" --only "$only")
    if [[ -z $quick && -z $only ]]; then flags+=(--write docs); fi
    bench/workers/compare.py build/release "${flags[@]}"
    exit 0
fi

if [[ $what == functions ]]; then
    step='installing packages'
    scripts/install-deps.sh bench-service
    build gatherd spawn_loop
    step='measuring'
    export PATH=$PATH:/usr/sbin
    ulimit -n 4096
    tests/load/commands.py build/release/gatherd build/release/tests/load/spawn_loop "$rounds"
    echo
    tests/load/http_clients.py build/release/gatherd "$rounds"
    echo
    tests/load/compute_scaling.py build/release/gatherd
    exit 0
fi

step='installing packages'
scripts/install-deps.sh bench
build executor_bench

step='listing the rows'
build/release/bench/executor_bench --benchmark_list_tests >"$results/all"
grep -E -- "${only:-.}" "$results/all" >"$results/rows" || fail "no row matches '$only'"

rm -rf "$rounds_kept"
mkdir -p "$rounds_kept"
for ((round = 1; round <= rounds; ++round)); do
    echo "== round $round of $rounds: $(wc -l <"$results/rows") rows"
    number=0
    while read -r row; do
        step="measuring: try  build/release/bench/executor_bench --benchmark_filter=^$row\$"
        number=$((number + 1))
        build/release/bench/executor_bench --benchmark_filter="^$row\$" --benchmark_min_time="$seconds" \
            --benchmark_out="$results/$round.$number.json" >"$results/log" 2>&1 || { cat "$results/log" >&2; exit 1; }
    done < <(shuf "$results/rows")
    mv "$results"/*.json "$rounds_kept"  # only whole rounds: one that is cut off would favour some rows
    whole_rounds=$round
done

step='writing the report'
if [[ -n $quick || -n $only ]]; then
    bench/report.py "$rounds_kept"
else
    bench/report.py "$rounds_kept" --write docs
    echo '== docs/PERFORMANCE.md and docs/performance-executor.svg are written'
fi
