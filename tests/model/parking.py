#!/usr/bin/python3
"""Has spin search parking.pml, and then with each of its faults, which spin must find.

    parking.py SOURCE FOLDER

FOLDER is for what spin writes. Needs spin and a C compiler, `cc`. Exit status: 0 as expected, 1 not, 2 usage.
"""
import pathlib
import re
import shutil
import subprocess
import sys

FAULTS = ("NO_SECOND_LOOK", "WAKE_BEFORE_PUSH", "SILENT_LAST_SEARCHER", "SILENT_TAKE_ALL", "LATE_SEARCHER",
          "SPLIT_RETRACT", "NO_LOOK_FOR_OTHERS")


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
    right = errors_found(source, folder, []) == 0 and errors_found(source, folder, ["POKE"]) == 0
    for fault in FAULTS:
        if errors_found(source, folder, ["POKE", fault]) == 0:
            print(f"{fault} was not found")
            right = False
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
