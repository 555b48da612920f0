// Cannot register its functions.
#include <stdexcept>

#include "gatherd/api/plugin.hpp"

namespace {

void add_functions(gatherd::api::registry& /*functions*/) {
    throw std::runtime_error{"no licence"};
}

}  // namespace

const gatherd::api::plugin* gatherd_plugin() {
    static constexpr auto described = gatherd::api::plugin_of(add_functions);
    return &described;
}
