#!/bin/bash
# Builds the daemon and prints what it says and does with wrong settings and in surroundings that give it too little: a full
# disk, half a core, 64 descriptors and so on. A minute; some cases need root. Exit status 0: all as documented.
#
#   scripts/bad_night.sh [CASE..]     those of tests/surroundings/surroundings.py; without a name all of them
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
cmake --preset release >/dev/null
cmake --build --preset release --parallel "$(scripts/build-jobs.sh)" --target gatherd >&2
TESTED_GATHERD=$PWD/build/release/gatherd exec /usr/bin/python3 -B tests/surroundings/surroundings.py --table "$@"
