#!/usr/bin/env bash
# A worker: serves shell.upper(text) and shell.load(). Usage: worker.sh HOST PORT, beside `gatherd serve`; then
#     gatherd call shell.upper hello
set -u
exec 3<>"/dev/tcp/$1/$2"
say() { printf '%s\n' "$1" >&3; }
say '{"id":1,"method":"serve","params":{"name":"bash","functions":[
      {"name":"shell.upper","params":[{"name":"text"}],"idempotent":true}, {"name":"shell.load","params":[]}]}}'
while IFS= read -r line <&3; do
    [[ $line =~ '"id":"'([0-9]+)'","method":"invoke","params":{"call":"'([a-z.]+)'"' ]] || continue
    id=${BASH_REMATCH[1]} call=${BASH_REMATCH[2]}
    if [[ $call == shell.load ]]; then
        read -r load _ </proc/loadavg
        say "{\"id\":\"$id\",\"result\":$load}"
    elif [[ $line =~ '"args":["'([^\"\\]*)'"]' ]]; then
        say "{\"id\":\"$id\",\"result\":\"${BASH_REMATCH[1]^^}\"}"
    else
        say "{\"id\":\"$id\",\"error\":{\"code\":1,\"message\":\"\",\"data\":{\"type\":\"ValueError\",\"message\":\"a plain text is expected\"}}}"
    fi
done
