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

build() {  # NAME SOURCE PREFIX [OPTION]...
    # Whoever uses a library has warnings, a standard and a build type of his own.
    "$cmake" -S "$2" -B "$work/$1" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_PREFIX_PATH="$3" "${@:4}"
    "$cmake" --build "$work/$1"
}
install() {  # PREFIX [OPTION]...
    "$cmake" --install "$build" --prefix "$@" >"$work/log" || { cat "$work/log" >&2; fail 'cmake --install failed'; }
}

cmake=$1 build=$2 compiler=$3 examples=$here/../../examples/cpp
install "$work/whole"
build api "$here/consumer" "$work/whole"
says hash.sha256 "$work/api/with_api"
"$work/whole/bin/gatherd" --version || fail 'the installed gatherd does not run'

# The executor alone: from a prefix that has nothing else, on a machine that lacks the libraries of the service.
install "$work/executor_only" --component executor
without=()
for package in nlohmann_json simdjson OpenSSL spdlog CURL ZLIB PkgConfig; do
    without+=("-DCMAKE_DISABLE_FIND_PACKAGE_$package=ON")
done
build examples "$examples" "$work/executor_only" "${without[@]}"
says '20 pages, 210 bytes, no more than 2 connections: yes' "$work/examples/pipeline"
# The same from the prefix that has both. Without COMPONENTS that would ask for all libraries.
"$cmake" -S "$examples" -B "$work/both" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$work/whole" \
    "${without[@]}"

found=$(find "$work/executor_only" -path '*/executor/src/*' -o -name '*.hpp' -path '*/api/*')
[[ -z $found ]] || fail "installed with the executor: $found"
