#!/bin/bash
# Builds the image as the Dockerfile says, runs the daemon in it, and checks what a user of the image relies on.
#
# With docker or podman where one works; else with buildah on a base image made by debootstrap, as root.
# shellcheck disable=SC2034,SC2154
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
image=localhost/gatherd-test

work=$(mktemp -d)
clean_up() {
    remove_container >"$work/removal" 2>&1 || true
    rm -rf "$work"
}
trap clean_up EXIT
remove_container() { :; }

fail() {
    echo "image: $1" >&2
    if [[ -s $work/log ]]; then sed 's/^/image: the daemon said: /' "$work/log" >&2; fi
    exit 1
}
step() { echo "== $1"; }

# What differs between engines: build_image, image_config KEY (JSON), in_image COMMAND..., start_daemon (sets port),
# in_daemon COMMAND..., image_bytes (compressed), stop_daemon, wait_for_daemon (returns its status), remove_container.
if docker info >/dev/null 2>&1; then
    engine=docker
elif podman info >/dev/null 2>&1; then
    engine=podman
elif [[ $EUID -eq 0 ]] && command -v buildah debootstrap unshare ip >/dev/null; then
    engine=buildah
else
    fail 'needs docker or podman that works, or root and the packages of: scripts/install-deps.sh image'
fi
# shellcheck source=/dev/null
if [[ $engine == buildah ]]; then source "$here/with_buildah.sh"; else source "$here/with_engine.sh"; fi

if [[ ${1-} != --built ]]; then
    step "build with $engine"
    cd "$here/../.."
    build_image
    # buildah gives a container the host's network, so the daemon gets one of its own in which 7117 is free.
    if [[ $engine == buildah ]]; then
        unshare --net "$0" --built
        exit
    fi
elif [[ $engine == buildah ]]; then
    ip link set lo up
fi

step 'the image is as an orchestrator wants it'
[[ $(image_config User) == '"10001:10001"' ]] || fail "the user is $(image_config User), not a number that is not root"
[[ $(image_config StopSignal) == '"SIGTERM"' ]] || fail "the stop signal is $(image_config StopSignal), not SIGTERM"
[[ $(image_config Entrypoint) == '["/usr/local/bin/gatherd"]' ]] || fail 'the entry point is not gatherd in exec form'
for tool in cc c++ g++ gcc clang-19 clang++-19 cmake ninja make ld as git; do
    if in_image /bin/sh -c "command -v $tool" >/dev/null 2>&1; then fail "the final image contains $tool"; fi
done
[[ $(in_image /usr/bin/id -u) == 10001 ]] || fail 'commands in it do not run as user 10001'
bytes=$(image_bytes)
echo "image: $((bytes / 1000000)) MB compressed"
((bytes < 60000000)) || fail "it is larger than 60 MB compressed: $bytes bytes"

step 'it starts, is healthy and answers a batch'
start_daemon
health=$(image_config Healthcheck.Test)
[[ $health == '["CMD",'* ]] || fail "HEALTHCHECK is $health, not a command in exec form"
mapfile -t health_command < <(grep -o '"[^"]*"' <<<"$health" | tail -n +2 | tr -d '"')
in_daemon "${health_command[@]}" >"$work/health" 2>&1 || fail "the command of HEALTHCHECK failed: $(cat "$work/health")"

send() { printf '%s\n' "$1" >&3; }
receive() {
    local line
    IFS= read -r -t 30 -u 3 line || fail 'no answer within 30 s'
    [[ $line == "$1" ]] || fail "it answered $line and not $1"
}
exec 3<>"/dev/tcp/127.0.0.1/$port"
tasks=$(for ((i = 0; i < 99; ++i)); do printf '{"call":"sleep","args":[0.01,%d]},' "$i"; done)
send '{"id":1,"method":"gather","params":{"tasks":['"$tasks"'{"call":"add","args":[40,2]}]}}'
receive '{"jsonrpc":"2.0","id":1,"result":['"$(seq -s, 0 98)"',42]}'

step 'SIGTERM ends it with status 0, after what it had accepted'
# The second answer shows that the first request, which came before it, has been read.
send '{"id":2,"method":"run","params":{"task":{"call":"sleep","args":[1,"late"]}}}'
send '{"id":3,"method":"ping"}'
receive '{"jsonrpc":"2.0","id":3,"result":"pong"}'
stop_daemon
receive '{"jsonrpc":"2.0","id":2,"result":"late"}'
status=0
wait_for_daemon || status=$?
[[ $status -eq 0 ]] || fail "the daemon ended with status $status"
echo "image: built with $engine, healthy, answered, stopped"
