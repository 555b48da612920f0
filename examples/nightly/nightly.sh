#!/usr/bin/env bash
# A nightly job: packs logs, and keeps what web pages say. It needs no daemon. Once a night, by cron:
#
#     nightly.sh LOGS PAGES KEPT
#
#   LOGS     folder of the logs; each *.log becomes KEPT/*.log.gz, unless that is there and newer
#   PAGES    file with a URL a line; what they answer becomes a line each of KEPT/pages.jsonl
#   KEPT     folder for both, and for their check sums: sha256sum -c sums
#
# As many logs are packed at a time as there are CPUs. A URL is tried three times, for 15 s each. Exit status 1: something failed, standard
# error says what, and the next night tries it again.
set -uo pipefail
logs=$1 pages=$2 kept=$3
mkdir -p "$kept" || exit
status=0

# Words that gatherd puts in are arguments of sh, never text of its script.
find "$logs" -name '*.log' -print0 | sort -z |
    gatherd exec -0 -r -k --timeout 10m --joblog "$kept/packed.joblog" \
        sh -c '[ "$2" -nt "$1" ] || { gzip -9 <"$1" >"$2.new" && mv "$2.new" "$2" && echo "packed $3"; }' sh {} "$kept/{/}.gz" {/} || status=1

# Answers stand in the order of the URLs; one that failed is null, and an error on standard error.
gatherd map --local -j 8 --timeout 15s --retries 3 http.get <"$pages" >"$kept/pages.jsonl.new" || status=1
mv "$kept/pages.jsonl.new" "$kept/pages.jsonl"
echo "kept $(grep -vc '^null$' "$kept/pages.jsonl") of $(wc -l <"$pages") pages"

(cd "$kept" && gatherd exec -k sha256sum ::: *.gz pages.jsonl >sums) || status=1
exit $status
