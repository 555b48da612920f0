#!/usr/bin/python3
"""Has spin search a model of this folder, and then with each of its faults, which spin must find.

    search.py MODEL.pml FOLDER

FOLDER is for what spin writes. Needs spin and a C compiler, `cc`. Exit status: 0 as expected, 1 not, 2 usage.
"""
import pathlib
import re
import shutil
import subprocess
import sys

# Of each model the shapes in which it is right, and the faults of one shape each. Said there what they are.
RIGHT = {
    "parking": [["POKE"], ["POLL"], ["SPAWN", "POLL"]],
    "cancellation": [[], ["FORWARD"], ["FORWARD", "ONCE"], ["GATHER"]],
}
FAULTS = {
    "parking": {
        "POKE": ("NO_SECOND_LOOK", "EARLY_TRUST", "WAKE_BEFORE_PUSH", "SILENT_LAST_SEARCHER", "SILENT_TAKE",
                 "LATE_SEARCHER", "SPLIT_RETRACT", "NO_LOOK_FOR_OTHERS"),
        "POLL": ("SILENT_POLL",),
        "SPAWN": ("FORGOTTEN_SEARCH",),
    },
    "cancellation": {
        "PLAIN": ("FORGET_RUNNING", "FORGET_AT_END", "SPLIT_END", "NO_LOOK_AT_SUSPEND", "SPLIT_CLAIM", "NO_LOCK_IN_SUSPEND",
                  "NO_LOCK_IN_STEP", "RESUME_BEFORE_DUE", "KEEP_WAITING"),
        "FORWARD": ("FORGET_AT_END", "SPLIT_WATCH", "KEEP_TOO_LATE", "NO_SECOND_ASK"),
        "FORWARD ONCE": ("NEW_NUMBER", "NOT_HEARD", "HEARD_LATER"),
        "GATHER": ("NO_LOOK_AT_PROMOTION", "MARK_AFTER_LOOK"),
    },
}


def errors_found(source, folder, options):
    """How many errors the search found: 0, or 1, where it stops."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(["spin", *(f"-D{each}" for each in options), "-a", source], cwd=folder, check=True)
    subprocess.run(["cc", "-O1", "-w", "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=2000", "-o", "pan", "pan.c"],
                   cwd=folder, check=True)
    report = subprocess.run(["./pan", "-m1000000"], cwd=folder, check=True, capture_output=True, text=True).stdout
    errors = int(re.search(r"errors: (\d+)", report)[1])
    complete = "Search not completed" not in report and "max search depth too small" not in report
    if errors == 0 and not complete:
        sys.exit(f"{' '.join(options)}: the search ended early\n{report}")
    states = re.search(r"(\d+) states, stored", report)[1]
    print(f"{' '.join(options) or 'as it is'}: {errors} errors, {states} states", flush=True)
    return errors


def main(arguments):
    if len(arguments) != 2:
        print(__doc__)
        return 2
    source, folder = (pathlib.Path(each).resolve() for each in arguments)
    right = all([errors_found(source, folder, shape) == 0 for shape in RIGHT[source.stem]])
    for shape, faults in FAULTS[source.stem].items():
        for fault in faults:
            if errors_found(source, folder, [*shape.split(), fault]) == 0:
                print(f"{fault} was not found")
                right = False
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
