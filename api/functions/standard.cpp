/// \file
/// Which families the standard functions are.
#include "api/functions/standard.hpp"

#include "api/functions/families.hpp"

namespace gatherd::api::functions {

void add_standard(plan::registry& functions, const outside_settings& outside) {
    add_core(functions);
    add_random(functions);
    add_hash(functions);
    add_compress(functions);
    add_stats(functions);
    add_text_search(functions);
    add_process(functions, outside.process);
    add_file(functions, outside.file);
    add_http(functions, outside.http);
    add_lists(functions);
    add_text(functions);
    add_operators(functions);
}

}  // namespace gatherd::api::functions
