#!/bin/bash
# Installs a build into an empty prefix, then builds and runs a program of somebody else's against it.
#
#   run.sh CMAKE BUILD-FOLDER COMPILER
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "install: $1" >&2; exit 1; }
says() {  # EXPECTED COMMAND...
    local said
    said=$("${@:2}") || fail "${*:2} failed"
    [[ $said == "$1" ]] || fail "${*:2} said '$said' and not '$1'"
}

"$1" --install "$2" --prefix "$work/prefix" >"$work/log" || { cat "$work/log" >&2; fail 'cmake --install failed'; }
# Whoever uses a library has warnings, a standard and a build type of his own.
"$1" -S "$here/consumer" -B "$work/build" -G Ninja -DCMAKE_CXX_COMPILER="$3" -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_PREFIX_PATH="$work/prefix"
"$1" --build "$work/build"
says 42 "$work/build/with_executor"
says hash.sha256 "$work/build/with_api"
"$work/prefix/bin/gatherd" --version || fail 'the installed gatherd does not run'
