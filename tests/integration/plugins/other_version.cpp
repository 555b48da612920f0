// Built for an interface that this daemon does not have.
#include "gatherd/api/plugin.hpp"

const gatherd::api::plugin* gatherd_plugin() {
    static constexpr gatherd::api::plugin described{gatherd::api::plugin_abi + 1, 31203, gatherd::api::plugin_strings,
                                                    nullptr};
    return &described;
}
