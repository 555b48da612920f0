# Sourced by run.sh: the steps by buildah alone, where no engine runs. The "container" is a chroot: it has the image's
# files, user and command, but neither its limits nor its network.
# shellcheck shell=bash disable=SC2154,SC2034,SC2016

cache=${XDG_CACHE_HOME:-$HOME/.cache}/gatherd
base=docker.io/library/debian:bookworm-slim
container=gatherd-test
port=7117

# Overlay mounts save copying every layer, where they work (not inside most containers).
export STORAGE_DRIVER=overlay
if ! buildah --root "$cache/overlay" --runroot "$work/probe" info >/dev/null 2>&1; then STORAGE_DRIVER=vfs; fi
images() { buildah --root "$cache/$STORAGE_DRIVER" --runroot "$cache/$STORAGE_DRIVER-run" "$@"; }

# The base image by Debian's own installer, from the mirror and through the proxy that this machine uses.
make_base() {
    local mirror root
    mirror=$(apt-get indextargets --format '$(SITE)' 'Codename: bookworm' 'Created-By: Packages' | head -n 1)
    images rm gatherd-base >/dev/null 2>&1 || true
    images from --name gatherd-base scratch >/dev/null
    root=$(images mount gatherd-base)
    debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}" >"$work/debootstrap" ||
        { tail -n 5 "$work/debootstrap" >&2; fail 'debootstrap could not make the base image'; }
    apt-config dump | grep -E '^Acquire::(https?::Proxy|Check)' >"$root/etc/apt/apt.conf.d/90host" || true
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    # As the slim image of Debian, which has no documentation and no translations.
    rm -rf "$root"/usr/share/{doc,groff,info,lintian,locale,man}/*
    printf 'path-exclude /usr/share/%s/*\n' doc groff info lintian locale man >"$root/etc/dpkg/dpkg.cfg.d/slim"
    images umount gatherd-base >/dev/null
    images commit --quiet --rm gatherd-base "$base" >/dev/null
}
build_image() {
    if [[ -z $(images images --quiet "$base" 2>/dev/null) ]]; then make_base; fi
    images build --isolation chroot --layers --pull-never --format docker --tag "$image" .
    images rm "$container" >/dev/null 2>&1 || true
    images from --name "$container" --pull-never "$image" >/dev/null
}
image_config() {
    images inspect --type image "$image" | /usr/bin/python3 -c '
import json, sys
found = json.load(sys.stdin)["Docker"]["config"]
for key in sys.argv[1].split("."):
    found = found[key]
print(json.dumps(found, separators=(",", ":")))' "$1"
}
image_bytes() {
    images push --quiet "$image" "dir:$work/pushed" >&2
    du --bytes --summarize "$work/pushed" | cut -f 1
    rm -r "$work/pushed"
}
in_image() { images run --isolation chroot "$container" -- "$@"; }
in_daemon() { in_image "$@"; }

# The process of the image's own command below the process $1. A chroot hides no process.
daemon_below() {
    local child
    for child in $(ps -o pid= --ppid "$1"); do
        if [[ $(readlink "/proc/$child/exe") == */usr/local/bin/gatherd ]]; then
            echo "$child"
            return
        fi
        daemon_below "$child"
    done
}
start_daemon() {
    local command
    mapfile -t command < <({ image_config Entrypoint; image_config Cmd; } | grep -o '"[^"]*"' | tr -d '"')
    in_image "${command[@]}" >"$work/log" 2>&1 &
    runner=$!
    local attempt
    for ((attempt = 0; attempt < 100; ++attempt)); do
        if in_daemon /usr/local/bin/gatherd ping >/dev/null 2>&1; then
            daemon=$(daemon_below "$runner")
            return
        fi
        kill -0 "$runner" 2>/dev/null || fail 'the daemon did not start'
        sleep 0.1
    done
    fail 'the daemon did not answer within 10 s'
}
stop_daemon() { kill -TERM "$daemon"; }
wait_for_daemon() {
    local status=0
    wait "$runner" || status=$?
    runner=
    return "$status"
}
remove_container() {
    local left
    if [[ -n ${runner-} ]]; then
        left=$(daemon_below "$runner")
        if [[ -n $left ]]; then kill -KILL "$left"; fi
    fi
    images rm "$container"
}
