#!/bin/bash
# Builds the Debian packages, and installs, starts, upgrades and removes gatherd in a fresh Debian 12 (a chroot made by
# debootstrap). No systemd runs there: what the unit starts is started by hand, as the unit's user.
#
#   run.sh [--built]     as root; with --built the packages of build/package are taken as they are
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

fail() {
    echo "package: $1" >&2
    if [[ -s ${work-}/log ]]; then sed 's/^/package: the daemon said: /' "$work/log" >&2; fi
    exit 1
}
step() { echo "== $1"; }

[[ $EUID -eq 0 ]] || fail 'needs root, for the chroot'
if [[ ${1-} != --built && ${1-} != --inside ]]; then
    step 'build the packages'
    scripts/package.sh >/dev/null
fi
# A network of its own for the daemon: 7117 may be taken here. apt needs the real one, so it works before.
if [[ ${1-} != --inside ]]; then
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/gatherd/debian
    if [[ ! -e $cache.complete ]]; then
        step 'a fresh Debian 12'
        rm -rf "$cache" && mkdir -p "$cache"
        mirror=$(apt-get indextargets --format '$(SITE)' 'Codename: bookworm' 'Created-By: Packages' | head -n 1)
        debootstrap --variant=minbase bookworm "$cache" "${mirror:-http://deb.debian.org/debian}" >/dev/null || fail 'debootstrap could not make a Debian'
        touch "$cache.complete"
    fi
    work=$(mktemp -d)
    root=$work/root
    clean_up() {
        if [[ -s $work/pid ]]; then kill -KILL "$(<"$work/pid")" 2>/dev/null || true; fi
        umount -l "$root/proc" "$root/dev" 2>/dev/null || true
        rm -rf --one-file-system "$work"
    }
    trap clean_up EXIT
    cp -a "$cache" "$root"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    apt-config dump | grep -E '^Acquire::(https?::Proxy|Check)' >"$root/etc/apt/apt.conf.d/90host" || true
    mount --bind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    mkdir "$root/packages"
    cp build/package/gatherd_*.deb "$root/packages/"
    in_debian() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }

    step 'install what it depends on'
    in_debian apt-get -qq update
    # The dependencies first, so that removing gatherd alone must leave what was there before.
    read -ra depends < <(dpkg-deb -f build/package/gatherd_*.deb Depends | tr ',' '\n' | sed 's/(.*)//; s/|.*//' | xargs)
    in_debian apt-get -qq install --yes --no-install-recommends "${depends[@]}" >"$work/log" 2>&1 || fail 'apt-get could not install the dependencies'
    export work root
    unshare --net -- "$0" --inside
    exit
fi

ip link set lo up
in_debian() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }
# All files but logs, caches, what runs, and the copies that adduser makes of its files.
traces() { (cd "$root" && find . -xdev \( -path ./packages -o -path ./var/lib/dpkg -o -path ./var/log -o -path ./var/cache -o -path ./var/lib/apt -o -path ./dev -o -path ./proc -o -path ./tmp -o -path ./run -o -path './etc/*-' \) -prune -o -print | sort); }

start_daemon() {
    # The unit's own command, as its user.
    local words
    read -ra words < <(sed -n 's/^ExecStart=//p' "$root/lib/systemd/system/gatherd.service")
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot --userspec gatherd:gatherd "$root" "${words[@]}" >"$work/log" 2>&1 &
    daemon=$!
    echo "$daemon" >"$work/pid"
    until grep -q 'is ready' "$work/log"; do
        kill -0 "$daemon" 2>/dev/null || fail 'it did not start'
        sleep 0.05
    done
}

step 'install'
before=$(traces)
in_debian dpkg -i "/packages/$(basename "$root"/packages/gatherd_*.deb)" >/dev/null
for each in /usr/bin/gatherd /usr/share/man/man1/gatherd.1.gz /etc/gatherd/gatherd.json /lib/systemd/system/gatherd.service /lib/systemd/system/gatherd.socket \
    /usr/share/bash-completion/completions/gatherd /usr/share/doc/gatherd/copyright /usr/share/gatherd/gatherd.schema.json \
    /usr/share/doc/gatherd/examples/gatherd.json; do
    [[ -s $root$each ]] || fail "the package has no $each"
done
in_debian getent passwd gatherd >/dev/null || fail 'there is no user gatherd'
[[ $(in_debian gatherd check-config /etc/gatherd/gatherd.json) == */gatherd.json:\ fine ]] || fail 'the sample settings are not fine'
grep -q '"/usr/share/gatherd/gatherd.schema.json"' "$root/etc/gatherd/gatherd.json" || fail 'the settings name no schema'

step 'start, and run a batch'
start_daemon
[[ $(in_debian gatherd submit '[{"call":"add","args":[1,2]},{"call":"sleep","args":[0.1,"b"]}]') == '[3,"b"]' ]] || fail 'a batch came back wrong'

step 'upgrade over the running one: what it has accepted is answered'
mkfifo "$work/begun"
(in_debian gatherd submit '{"sequence":[{"call":"print","args":["begun"]},{"call":"sleep","args":[2,"answered"]}]}' >"$work/answer" 2>"$work/begun") &
client=$!
read -r line <"$work/begun"
[[ $line == begun ]] || fail "the client said '$line'"
echo '{"listen": "127.0.0.1:7117", "log": {"level": "debug"}}' >"$root/etc/gatherd/gatherd.json"
in_debian dpkg --force-confold -i "/packages/$(basename "$root"/packages/gatherd_*.deb)" >/dev/null
grep -q debug "$root/etc/gatherd/gatherd.json" || fail 'the upgrade changed the settings'
kill -TERM "$daemon"
wait "$client" || fail 'the client lost its answer'
[[ $(<"$work/answer") == '[null,"answered"]' ]] || fail "the client got '$(<"$work/answer")'"
wait "$daemon" || fail 'the old one did not end well'
start_daemon
[[ $(in_debian gatherd ping) == pong* ]] || fail 'the new one does not answer'
kill -TERM "$daemon"
wait "$daemon" || fail 'the new one did not end well'

step 'remove: nothing is left'
in_debian dpkg --purge gatherd >/dev/null 2>"$work/purge" || fail "$(<"$work/purge")"
left=$(diff <(echo "$before") <(traces) | grep '^[<>]' || true)
[[ -z $left ]] || fail "what differs from before: $left"
! in_debian getent passwd gatherd >/dev/null || fail 'the user is still there'
step 'fine'
