#!/bin/bash
# Installs what is missing, builds the daemon, runs a batch of a hundred tasks through it and shows what comes back.
set -euo pipefail
[[ ${1-} != -h && ${1-} != --help ]] || { sed -n "2s/^# //p" "$0"; exit 0; }
cd "$(dirname "$(readlink -f "$0")")/.."

work=$(mktemp -d)
daemon=
step=starting
clean_up() {
    local status=$?
    if [[ -n $daemon ]] && kill -0 "$daemon" 2>/dev/null; then kill -KILL "$daemon"; fi
    if ((status != 0)); then
        if [[ -s $work/log ]]; then sed 's/^/  /' "$work/log" >&2; fi
        echo "quickstart.sh: failed while $step" >&2
    fi
    rm -rf "$work"
}
trap clean_up EXIT

step='installing packages'
scripts/install-deps.sh build

step='building: try  cmake --preset release && cmake --build --preset release'
echo '== build (the first time takes some minutes)'
cmake --preset release -DBUILD_TESTING=OFF >"$work/configure" || { cat "$work/configure" >&2; exit 1; }
cmake --build --preset release --parallel "$(scripts/build-jobs.sh)" --target gatherd

step='starting the daemon'
build/release/gatherd serve --listen 127.0.0.1:0 --port-file "$work/port" >"$work/log" 2>&1 &
daemon=$!
until [[ -s $work/port ]]; do
    kill -0 "$daemon" 2>/dev/null || { echo 'the daemon ended at once; it said:' >&2; exit 1; }
    sleep 0.05
done
address=$(<"$work/port")
address=127.0.0.1:${address##*:}

step='running docs/examples/fan-out.json'
echo "== gatherd submit docs/examples/fan-out.json  (the daemon listens on $address)"
began=$(date +%s%N)
build/release/gatherd submit --connect "$address" docs/examples/fan-out.json >"$work/answer"
ended=$(date +%s%N)
# One outcome a line, of which the first ones and the failures are shown.
sed 's/},{/},\n{/g' "$work/answer" >"$work/outcomes"
head -n 5 "$work/outcomes" | cut -c 1-110
echo "... $(wc -l <"$work/outcomes") outcomes in order, these among them failed:"
grep '"error"' "$work/outcomes" | cut -c 1-110 || true
# A sleep of random length counts with the mean of its range.
awk -v nanoseconds=$((ended - began)) '
    /"(time\.)?sleep", "args": \[[0-9]/ {sub(/.*sleep", "args": \[/, ""); sum += $0; next}
    /"sleep".*"random\.uniform", "args": / {sub(/.*"random\.uniform", "args": \[/, ""); split($0, range, ", "); sum += (range[1] + range[2]) / 2}
    END {printf "== took %.2f s; one after the other its sleeps alone would take about %.0f s\n", nanoseconds / 1e9, sum}
' docs/examples/fan-out.json

step='stopping the daemon'
kill -TERM "$daemon"
status=0
wait "$daemon" || status=$?
daemon=
if ((status != 0)); then
    echo "the daemon ended with status $status" >&2
    exit 1
fi
echo '== the daemon has stopped cleanly; for one of your own: build/release/gatherd serve'
