/// \file
/// The families of standard functions that need no settings. Each has its functions in the .cpp of its name.
#pragma once

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

/// What plans are tried out with: noop, echo, print, fail, sleep, time.sleep, add.
void add_core(plan::registry& functions);

/// Python's built-in functions of lists and numbers: len, range, zip, min, max, sum, sorted.
void add_lists(plan::registry& functions);

/// Python's operators: eq, ne, lt, le, gt, ge, not_, contains, getitem.
void add_operators(plan::registry& functions);

/// str.split, str.join, str.format, json.loads, json.dumps.
void add_text(plan::registry& functions);

/// text.search.
void add_text_search(plan::registry& functions);

/// random.*, which draw the very numbers of CPython 3.11's random.Random.
void add_random(plan::registry& functions);

/// stats.describe.
void add_stats(plan::registry& functions);

/// Digests and checksums: hash.*.
void add_hash(plan::registry& functions);

/// compress.gzip and compress.gunzip.
void add_compress(plan::registry& functions);

}  // namespace gatherd::api::functions
