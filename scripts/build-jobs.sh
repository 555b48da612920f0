#!/bin/bash
# Prints how many compilers to run at once: one a core, and no more than the free memory carries.
set -euo pipefail

megabytes_per_job=1500  # what the largest source files need with a sanitizer
cores=$(nproc)
free_megabytes=$(awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo)
jobs=$((free_megabytes / megabytes_per_job))
if ((jobs > cores)); then jobs=$cores; fi
if ((jobs < 1)); then jobs=1; fi
echo "$jobs"
