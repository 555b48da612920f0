// Adds a function under a name of the daemon's own.
#include "gatherd/api/plugin.hpp"

namespace {

void add_functions(gatherd::api::registry& functions) {
    functions.add("add", [](int left, int right) { return left + right; });
}

}  // namespace

const gatherd::api::plugin* gatherd_plugin() {
    static constexpr auto described = gatherd::api::plugin_of(add_functions);
    return &described;
}
