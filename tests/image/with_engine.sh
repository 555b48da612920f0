# Sourced by run.sh: the steps by docker or podman, whose command lines agree in all that is used here.
# shellcheck shell=bash disable=SC2154,SC2034

container=gatherd-test-$$

build_image() {
    local format=()
    # Podman's own format has no HEALTHCHECK.
    if [[ $engine == podman ]]; then format=(--format docker); fi
    "$engine" build "${format[@]}" --tag "$image" .
}
image_config() { "$engine" image inspect --format "{{json .Config.$1}}" "$image"; }
image_bytes() { "$engine" save "$image" | gzip | wc -c; }
in_image() { "$engine" run --rm --entrypoint "$1" "$image" "${@:2}"; }
start_daemon() {
    "$engine" run --detach --name "$container" --read-only --cap-drop ALL --publish 127.0.0.1::7117 "$image" >/dev/null
    port=$("$engine" port "$container" 7117/tcp | sed -n '1s/.*://p')
    local attempt
    for ((attempt = 0; attempt < 100; ++attempt)); do
        if in_daemon /usr/local/bin/gatherd ping >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    "$engine" logs "$container" >"$work/log" 2>&1 || true
    fail 'the daemon did not answer within 10 s'
}
in_daemon() { "$engine" exec "$container" "$@"; }
stop_daemon() {
    "$engine" stop --time 30 "$container" >/dev/null &
    stopping=$!
}
wait_for_daemon() {
    wait "$stopping"
    return "$("$engine" wait "$container")"
}
remove_container() { "$engine" rm --force "$container"; }
