#!/bin/bash
# Builds the daemon and prints how long a neighbour waits for a ping and a sleep beside each of a table of attacks. On an
# idle machine, please: two minutes. What it prints is bounded by what the tests count, not by a test.
#
#   scripts/neighbours.sh [NAME..]     the attacks of tests/load/neighbours.py; without a name all of them
set -euo pipefail
[[ ${1-} != -h && ${1-} != --help ]] || { sed -n "2,5s/^# \{0,1\}//p" "$0"; exit 0; }
cd "$(dirname "$(readlink -f "$0")")/.."
cmake --preset release >/dev/null
cmake --build --preset release --parallel "$(scripts/build-jobs.sh)" --target gatherd >&2
exec /usr/bin/python3 -B tests/load/neighbours.py build/release/gatherd "$@"
