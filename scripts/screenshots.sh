#!/bin/bash
# Makes docs/images/dashboard-light.png and dashboard-dark.png: the dashboard of a release build under load.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

scripts/install-deps.sh build browser
cmake --preset release >/dev/null
cmake --build --preset release --parallel "$(scripts/build-jobs.sh)" --target gatherd
mkdir -p docs/images
TESTED_GATHERD=$PWD/build/release/gatherd PYTHONPATH=$PWD/tests/integration:$PWD/tests/dashboard \
    /usr/bin/python3 -B tests/dashboard/screenshots.py docs/images
ls -l docs/images
