/// \file
/// Which families the standard functions are.
#include "api/functions/standard.hpp"

#include "api/functions/core.hpp"
#include "api/functions/hash.hpp"
#include "api/functions/random.hpp"

namespace gatherd::api::functions {

void add_standard(plan::registry& functions) {
    add_core(functions);
    add_random(functions);
    add_hash(functions);
}

}  // namespace gatherd::api::functions
