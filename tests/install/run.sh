#!/bin/bash
# Installs a build into an empty prefix, then builds and runs programs and plug-ins of somebody else's against it.
#
#   run.sh CMAKE BUILD-FOLDER COMPILER
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$here/../..
work=$(mktemp -d)
running=
stop() {
    if [[ -n $running ]]; then
        kill -TERM "$running"
        wait "$running" || fail "a daemon ended with status $?"
        running=
    fi
}
trap '[[ -z $running ]] || kill -KILL "$running"; rm -rf "$work"' EXIT

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
without() {  # PACKAGE...: options for a machine that lacks these
    options=()
    for package in "$@"; do
        options+=("-DCMAKE_DISABLE_FIND_PACKAGE_$package=ON")
    done
}
start() {  # COMMAND...: a daemon at $address, once a line of its output says so
    mkfifo "$work/output"
    "$@" >"$work/output" 2>&1 &
    running=$!
    local line
    exec 3<"$work/output"  # left open: it goes on writing
    while read -r line <&3; do
        [[ $line == *'; stop with Ctrl-C' || $line == *'is ready'* ]] && break
    done
    [[ -n $line ]] || fail "$1 does not start"
    rm "$work/output"
}
call() { "$gatherd" call --connect "$address" "$@"; }

cmake=$1 build=$2 compiler=$3
install "$work/whole"
gatherd=$work/whole/bin/gatherd address=unix:$work/socket
"$gatherd" --version || fail 'the installed gatherd does not run'
found=$(find "$work/whole/include" -name '*.hpp' -not -path '*/gatherd/api/*' -not -path '*/gatherd/executor/*' \
    -not -path '*/gatherd/executor.hpp')
[[ -z $found ]] || fail "installed, but no public header: $found"

# Plug-ins need headers and nlohmann's library, no other.
without simdjson OpenSSL spdlog CURL ZLIB PkgConfig TBB Threads
build plugin "$root/examples/plugin" "$work/whole" "${options[@]}"
start "$gatherd" serve --listen "$address" --plugin "$work/plugin/libwords.so"
says '{"be":2,"to":2}' call words.count 'to be or not to be' 2
says '"in the end"' call words.later 'in the end' 0.01
stop

# A daemon inside a program.
build embedding "$root/examples/embedding" "$work/whole"
start "$work/embedding/stock" "$address"
says '{"count":3,"price":0.5}' call stock.put apple 3 0.5
says 1.0 call stock.take apple 2
says 7.5 call stock.total '{"apple": {"count": 3, "price": 2.5}}'
stop

# What docs/EXTENDING.md shows: a plug-in, then a program.
mkdir "$work/guide"
awk -v folder="$work/guide" '/^```cpp/ { file = folder "/" ++count ".cpp"; next } /^```/ { file = "" } file { print > file }' \
    "$root/docs/EXTENDING.md"
cat >"$work/guide/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(guide LANGUAGES CXX)
find_package(gatherd 0.1 REQUIRED COMPONENTS plugin api)
add_library(mine MODULE 1.cpp)
target_link_libraries(mine PRIVATE gatherd::plugin)
add_executable(app 2.cpp)
target_link_libraries(app PRIVATE gatherd::api)
END
build guide-build "$work/guide" "$work/whole"
start "$gatherd" serve --listen "$address" --plugin "$work/guide-build/libmine.so"
says '"a.jpg is 300 wide"' call resize a.jpg 300
stop
start "$work/guide-build/app" "$address"
says 6.0 call twice 3
says '"x"' call later x 1
stop

# The executor alone: from a prefix that has nothing else, on a machine that lacks the libraries of the service.
install "$work/executor_only" --component executor
without nlohmann_json simdjson OpenSSL spdlog CURL ZLIB PkgConfig
build examples "$root/examples/cpp" "$work/executor_only" "${options[@]}"
says '20 pages, 210 bytes, no more than 2 connections: yes' "$work/examples/pipeline"
# The same from the prefix that has both. Without COMPONENTS that would ask for all libraries.
"$cmake" -S "$root/examples/cpp" -B "$work/both" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" \
    -DCMAKE_PREFIX_PATH="$work/whole" "${options[@]}"

found=$(find "$work/executor_only" -path '*/executor/src/*' -o -name '*.hpp' -path '*/api/*')
[[ -z $found ]] || fail "installed with the executor: $found"
