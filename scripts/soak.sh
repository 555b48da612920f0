#!/bin/bash
# Mixes everything that clients do for some minutes, checks every answer, and shows that memory, descriptors and threads
# stay flat. Exit status 0: all was right.
#
#   scripts/soak.sh [MINUTES] [PRESET...]     2 minutes, shared by the presets; release and asan
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

case "${1-}" in
    -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' scripts/soak.sh; exit 0 ;;
esac
minutes=${1:-2}
[[ $minutes =~ ^[0-9]+$ ]] || { echo "soak.sh: '$minutes' is no number of minutes" >&2; exit 2; }
presets=("${@:2}")
[[ ${#presets[@]} -gt 0 ]] || presets=(release asan)

scripts/install-deps.sh test
for preset in "${presets[@]}"; do
    cmake --preset "$preset" >/dev/null
    cmake --build --preset "$preset" --parallel "$(scripts/build-jobs.sh)" --target gatherd
done
export SOAK_SECONDS=$((minutes * 60 / ${#presets[@]}))
# ASan keeps what was freed for a while, which would look like growth; LeakSanitizer speaks at the end.
export ASAN_OPTIONS=external_symbolizer_path=/usr/bin/llvm-symbolizer-19:detect_leaks=1:quarantine_size_mb=8
export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0 UBSAN_OPTIONS=print_stacktrace=1
for preset in "${presets[@]}"; do
    echo "== soak of the $preset build, $SOAK_SECONDS s"
    /usr/bin/python3 -B tests/soak/soak.py "build/$preset/gatherd"
done
