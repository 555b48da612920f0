#!/bin/bash
# Runs plans in CPython's asyncio and in the daemon, and compares. Installs and builds what is missing.
#
#   scripts/conformance.sh [--count N] [--seed S] [--depth D] [--preset release|asan|tsan|debug|clang]
#
#   --count N     how many random plans, besides the cases of tests/conformance/ (500)
#   --seed S      which: the same seed makes the same plans (a fresh one, which is printed)
#   --depth D     tasks inside of tasks, at most (4 and 5 in turn)
#   --preset P    the build of the daemon (release)
#
# A difference is shrunk to a small plan and shown with both outcomes; the exit status is then 1.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

fail() {
    echo "conformance.sh: $1" >&2
    exit 2
}

preset=release arguments=()
while (($# > 0)); do
    case "$1" in
        --count | --seed | --depth) [[ ${2-} =~ ^[0-9]+$ ]] || fail "$1 takes a number"; arguments+=("$1" "$2"); shift ;;
        --preset) [[ ${2-} =~ ^(release|debug|asan|tsan|clang)$ ]] || fail "--preset takes release, debug, asan, tsan or clang"
            preset=$2; shift ;;
        -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' scripts/conformance.sh; exit 0 ;;
        *) fail "unknown argument '$1'; there are: --count --seed --depth --preset" ;;
    esac
    shift
done

step=starting
log=$(mktemp)
clean_up() {
    local status=$?
    rm -f "$log"
    if ((status != 0 && status != 2)); then echo "conformance.sh: failed while $step" >&2; fi  # 2: fail has said what
}
trap clean_up EXIT

step='installing packages'
groups=(test)
if [[ $preset == clang ]]; then groups+=(clang); fi
scripts/install-deps.sh "${groups[@]}"
step="building: try  cmake --preset $preset && cmake --build --preset $preset --target gatherd"
cmake --preset "$preset" >"$log" || { cat "$log" >&2; exit 1; }
cmake --build --preset "$preset" --parallel "$(scripts/build-jobs.sh)" --target gatherd >"$log" || { cat "$log" >&2; exit 1; }

step='comparing: what differs stands above'
symbolizer=external_symbolizer_path=/usr/bin/llvm-symbolizer-19
export ASAN_OPTIONS=$symbolizer:detect_leaks=1:detect_stack_use_after_return=1 LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"
export UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS="$symbolizer:second_deadlock_stack=1:suppressions=$PWD/tests/tsan.supp"
TESTED_GATHERD=build/$preset/gatherd PYTHONPATH=tests/integration \
    /usr/bin/python3 -B tests/conformance/conformance.py "${arguments[@]}"
