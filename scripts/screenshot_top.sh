#!/bin/bash
# Makes docs/images/top.svg: `gatherd top` beside a daemon under load. Needs tmux and python3.
#
#   scripts/screenshot_top.sh [GATHERD] [FILE]    (build/release/gatherd, docs/images/top.svg)
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
gatherd=$(realpath "${1:-build/release/gatherd}")
picture=${2:-docs/images/top.svg}
columns=100
rows=26
work=$(mktemp -d)
started=()

stop() {
    tmux -S "$work/tmux" kill-server 2>/dev/null || true
    for process in "${started[@]}"; do
        kill "$process" 2>/dev/null || true
    done
    wait
    rm -rf "$work"
}
trap stop EXIT

cat >"$work/tasks.py" <<'PY'
import time
from gatherd import function, run

@function(name="img.resize")
def resize(path, width=800): time.sleep(0.02)

@function(name="pdf.text")
def text(path): time.sleep(0.05)

run()
PY
pool=$(printf '{"img": {"command": ["python3", "%s/tasks.py"], "processes": 3, "env": {"PYTHONPATH": "%s"}}}' "$work" "$PWD/clients/python")
"$gatherd" serve --listen 127.0.0.1:0 --port-file "$work/port" --threads 4 --pools "$pool" 2>"$work/log" &
started+=($!)
until [[ -s $work/port ]]; do
    kill -0 "${started[0]}" || { cat "$work/log"; exit 1; }
    read -rt 0.05 <> <(:) || true
done
GATHERD_CONNECT=$(<"$work/port")
export GATHERD_CONNECT

create() {  # NAME TASK
    "$gatherd" request create_task "{\"task\": $2, \"name\": \"$1\", \"detach\": true}" >/dev/null
}
create "nightly thumbnails" '{"map": {"call": "img.resize", "args": [{"ref": "each"}]}, "as": "each", "limit": 3, "over": {"await": {"call": "range", "args": [100000]}}}'
create "texts of invoices" '{"map": {"call": "pdf.text", "args": [{"ref": "each"}]}, "as": "each", "limit": 2, "over": {"await": {"call": "range", "args": [100000]}}}'
for name in "weekly report" "mail to members" "mirror of the archive" "index of the search"; do
    create "$name" '{"gather": [{"call": "sleep", "args": [3600]}, {"call": "sleep", "args": [1800]}]}'
done
"$gatherd" bench --batch 100 --duration 60s --rate 200 >/dev/null 2>&1 &
started+=($!)

tmux -f /dev/null -S "$work/tmux" new-session -d -x "$columns" -y "$rows" "exec env LC_ALL=C.UTF-8 '$gatherd' top"
screen() {
    tmux -S "$work/tmux" capture-pane -p "$@"
}
# Rates of a whole second, and not the mean since the start: the second look has come when the first line has changed.
until screen | grep -q 'Requests [1-9]'; do :; done
first=$(screen | grep 'up ')
until [[ $(screen | grep 'up ') != "$first" ]]; do :; done
mkdir -p "$(dirname "$picture")"
screen -e | python3 scripts/terminal_svg.py "$columns" >"$picture"
printf 'made %s\n' "$picture"
