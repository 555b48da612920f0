#!/usr/bin/python3
"""The instructions that a request costs, counted by callgrind, are no more than recorded: five in a hundred are let pass.

Usage: instructions.py HOT_PATH            compares with instructions.json beside this file
       instructions.py HOT_PATH --record   writes it: with the change that is the reason

Counts of another compiler, or of another processor's variant of simdjson, say nothing: then it says so and ends with 77,
which ctest shows as skipped.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

RECORD = Path(__file__).resolve().parent / "instructions.json"
TIMES = 20  # of which the first is not counted
TOLERATED = 1.05
SKIPPED = 77


def output_of(words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def collected(words):
    """Instructions inside the `counted_step` of a program."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=counted_step",
                               f"--callgrind-out-file={folder}/out", *words], capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found or int(found[1]) == 0:
        sys.exit(f"callgrind counted nothing for {' '.join(words)}:\n{done.stderr}")
    return int(found[1])


def count(hot_path, name, step):
    """Instructions of one time."""
    return collected([hot_path, name, step, str(TIMES)]) // (TIMES - 1)


def identity_of(hot_path):
    """As valgrind's processor is, which is not quite this machine's."""
    return output_of(["valgrind", "--tool=none", "-q", hot_path, "--identity"]).strip()


def compare(recorded, found):
    """Prints every count; gives how many have grown too much."""
    grown = 0
    for name, now in found.items():
        before = recorded.get(name)
        note = ""
        if before is None or now > before * TOLERATED:
            note, grown = "  MORE THAN IS RECORDED" if before else "  NOT RECORDED", grown + 1
        elif now < before / TOLERATED:
            note = "  less: record it"
        print(f"{name:32} {now:10}  recorded {before}{note}")
    return grown


def main(arguments):
    if len(arguments) not in (1, 2) or arguments[1:] not in ([], ["--record"]):
        sys.exit(__doc__)
    hot_path = arguments[0]
    if not shutil.which("valgrind"):
        print("instructions.py: skipped: there is no valgrind here; scripts/install-deps.sh test installs it")
        return SKIPPED
    identity = identity_of(hot_path)
    recorded = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {"identity": None, "instructions": {}}
    if len(arguments) == 1 and identity != recorded["identity"]:
        print(f"instructions.py: skipped: the record is of {recorded['identity']}, this build is of {identity}")
        return SKIPPED
    pairs = [line.split() for line in output_of([hot_path, "--list"]).splitlines()]
    found = {f"{name} {step}": count(hot_path, name, step) for name, step in pairs}
    if len(arguments) == 2:
        RECORD.write_text(json.dumps({"identity": identity, "instructions": found}, indent=2) + "\n", encoding="utf-8")
        return 0
    if compare(recorded["instructions"], found):
        print("Where that is the price of something: tests/load/instructions.py HOT_PATH --record, and say so in the change.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
