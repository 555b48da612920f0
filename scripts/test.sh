#!/bin/bash
# Installs what is missing, builds and tests. Exit status 0 means that all of it passed.
#
#   scripts/test.sh            release build; every test that needs no special build
#   scripts/test.sh --checks   the rest of what CI runs: models, a minute of fuzzing, a chaos of hostile clients, the tests
#                              under ASan and under TSan, a minute of soak under ASan
#   scripts/test.sh --all      both of these, every header compiled alone, the clang build, the image, the packages, deeper models and
#                              their mutants, five minutes of each fuzz target, and as many of soak for two builds
#
# FUZZ_SECONDS, SOAK_SECONDS and MODEL_ITERATIONS (random runs a suite) change how long those take.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

case "${1-}" in
    '') groups=(test) default_seconds=60 default_iterations=100000 ;;
    --checks) groups=(checks) default_seconds=60 fuzz_seconds=20 default_iterations=100000 ;;
    --all) groups=(checks package image) default_seconds=300 default_iterations=1000000 ;;
    -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' scripts/test.sh; exit 0 ;;
    *) echo "test.sh: unknown option '$1'; there are: --checks --all" >&2; exit 2 ;;
esac
export FUZZ_SECONDS=${FUZZ_SECONDS:-${fuzz_seconds:-$default_seconds}}
export SOAK_SECONDS=${SOAK_SECONDS:-$default_seconds}
export MODEL_ITERATIONS=${MODEL_ITERATIONS:-$default_iterations}

step=starting
trap 'if (($? != 0)); then echo "test.sh: failed while $step" >&2; fi' EXIT

build() {  # PRESET [TARGET...]
    step="building: try  cmake --preset $1 && cmake --build --preset $1"
    echo "== build $1"
    cmake --preset "$1"
    cmake --build --preset "$1" --parallel "$jobs" --target "${@:2}"
}
run_tests() {  # PRESET
    step="testing: for the failed ones again  ctest --preset $1 --rerun-failed"
    echo "== test $1"
    ctest --preset "$1"
}
quick() {
    build release all
    run_tests release
}
soak() {  # PRESET
    step="the soak of the $1 build"
    scripts/soak.sh "$(((SOAK_SECONDS + 59) / 60))" "$1"
}
checks() {
    build release all
    run_tests checks
    build fuzz fuzz_targets
    run_tests fuzz
    build asan all
    run_tests asan
    soak asan
    build tsan all
    run_tests tsan
}

step='installing packages'
scripts/install-deps.sh "${groups[@]}"
jobs=$(scripts/build-jobs.sh)
case "${1-}" in
    '') quick ;;
    --checks) checks ;;
    --all)
        quick
        checks
        soak release
        run_tests mutants
        run_tests image
        run_tests package
        build clang all all_verify_interface_header_sets
        run_tests clang
        ;;
esac
