#!/bin/bash
# Installs the Debian packages that gatherd needs, where they are missing.
#
#   scripts/install-deps.sh [build] [clang] [test] [bench] [bench-service] [bench-workers] [checks] [browser] [package] [image] [all]
#
#   build    compiler, CMake and the libraries: what builds the daemon (the default)
#   clang    clang 19, for the preset of that name
#   test     what scripts/test.sh runs
#   bench    what scripts/bench.sh executor runs
#   bench-service    the daemon's peers, for scripts/bench.sh service; their daemons are not started
#   bench-workers    other ways to call functions of processes, for scripts/bench.sh workers; likewise
#   checks   what scripts/test.sh --checks adds
#   browser  Chromium for the tests of the dashboard and scripts/screenshots.sh: 130 MB to load, 440 MB on the disk;
#            installed with checks and all, without it these tests are skipped
#   package  what scripts/package.sh runs
#   image    what builds the image where there is no docker or podman
#   all      all of these, and the tools for style
set -euo pipefail

fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

packages_of() {
    case "$1" in
        build) echo ccache g++ cmake ninja-build libasio-dev libc-ares-dev libcli11-dev libcurl4-openssl-dev libmicrohttpd-dev libncurses-dev libre2-dev \
            libsimdjson-dev libspdlog-dev libssl-dev libsystemd-dev libtbb-dev libxxhash-dev nlohmann-json3-dev pkg-config prometheus-cpp-dev zlib1g-dev ;;
        clang) echo clang-19 ;;
        test) echo catch2 clang-format-14 composer curl docker-compose iproute2 netcat-openbsd nodejs npm openssl parallel php-cli prometheus python3 python3-jsonschema python3-pil python3-pip \
            python3-setuptools python3-wheel python3-yaml systemd tmux valgrind ;;
        bench) echo libbenchmark-dev python3 ;;
        bench-service) echo beanstalkd gearman-job-server golang-go libgearman-dev libhiredis-dev libnats-dev nats-server netcat-openbsd nginx \
            nodejs python3-aiohttp python3-uvloop redis-server wrk ;;
        bench-workers) echo gearman-job-server php-cli php-gearman python3-celery python3-redis redis-server ;;
        checks) echo libclang-rt-19-dev llvm-19 relacy-dev spin ;;
        browser) echo chromium chromium-driver python3-pil ;;
        package) echo adduser debootstrap dpkg-dev file init-system-helpers lintian systemd ;;
        image) echo buildah debootstrap iproute2 procps ;;
        style) echo clang-tidy-19 shellcheck ;;
        *) return 1 ;;
    esac
}

groups=()
for argument in "${@:-build}"; do
    case "$argument" in
        test) groups+=(build test bench) ;;  # the benchmarks are built and run once, as tests
        bench) groups+=(build test bench) ;;
        bench-service) groups+=(build test bench bench-service) ;;
        bench-workers) groups+=(build test bench bench-workers) ;;
        checks) groups+=(build clang test bench checks browser) ;;
        all) groups+=(build clang test bench checks browser package image style) ;;
        -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
        *) packages_of "$argument" >/dev/null ||
                fail "no group '$argument'; there are: build clang test bench bench-service bench-workers checks browser package image all"
            groups+=("$argument") ;;
    esac
done

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    fail "needs Debian's apt; elsewhere install these yourself: $(for group in "${groups[@]}"; do packages_of "$group"; done | xargs)"
fi

# Whether a package needs no installing. Node.js is often there from elsewhere, under which Debian's npm cannot be installed.
is_there() {
    case "$1" in
        nodejs) command -v node >/dev/null && return ;;
        npm) command -v npm >/dev/null && return ;;
    esac
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

missing=()
for group in "${groups[@]}"; do
    for package in $(packages_of "$group"); do
        if ! is_there "$package"; then
            missing+=("$package")
        fi
    done
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $EUID -ne 0 ]]; then
    command -v sudo >/dev/null || fail "must install ${missing[*]}: run as root, or install sudo first"
    as_root=(sudo)
fi
apt() {
    # Runlevel 1: a broker that is installed to be measured is not started as a service.
    "${as_root[@]}" env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 \
        -o Dpkg::Use-Pty=0 "$@"
}

echo "${0##*/}: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! apt update >"$log" 2>&1 || ! apt install --yes --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
    cat "$log" >&2
    fail "apt-get could not install ${missing[*]}: the lines above say why; gatherd is built for Debian 12 (bookworm)"
fi
