// Cannot describe itself.
#include <stdexcept>

#include "gatherd/api/plugin.hpp"

const gatherd::api::plugin* gatherd_plugin() {
    throw std::logic_error{"no licence"};
}
