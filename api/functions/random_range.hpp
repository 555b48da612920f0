/// \file
/// random.randrange and random.randint: Python's rules for their arguments, and the draw.
#pragma once

#include "api/plan/model/function.hpp"
#include "api/plan/model/python_random.hpp"

namespace gatherd::api::functions {

/// `randrange(start, stop=None, step=1)` of one to three arguments, in CPython 3.11's way: a float that is integral
/// counts as an int. Throws raised: TypeError, ValueError; OverflowError if the result does not fit in 64 bits,
/// and at once for a float of 2**120 and more.
[[nodiscard]] value randrange(plan::python_random& random, plan::arguments given);

/// `randint(low, high)`: randrange(low, high + 1). Throws as randrange.
[[nodiscard]] value randint(plan::python_random& random, const value& low, const value& high);

}  // namespace gatherd::api::functions
