#!/bin/sh
# Looks for messages that take much memory: scripts/memory_fuzz.sh [SHAPES [SEED]], 1000 shapes from a new seed if not said.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
export TESTED_GATHERD="${TESTED_GATHERD:-$here/build/release/gatherd}"
PYTHONPATH="$here/tests/integration" exec /usr/bin/python3 -B "$here/tests/integration/memory_fuzz.py" "${1:-1000}" "${2:-$(date +%s)}"
