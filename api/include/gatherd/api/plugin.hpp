/// \file
/// What a plug-in exports: a shared library that the daemon loads at its start, and whose functions plans may then
/// call.
///
///     void add_functions(gatherd::api::registry& functions) { functions.add("resize", resize); }
///
///     const gatherd::api::plugin* gatherd_plugin() {
///         static constexpr auto described = gatherd::api::plugin_of(add_functions);
///         return &described;
///     }
#pragma once

#include <cstdint>

#include <nlohmann/json.hpp>

#include "gatherd/api/registry.hpp"

namespace gatherd::api {

/// Counts the changes of what plug-ins and the daemon share: the layout and the meaning of the installed headers.
inline constexpr std::uint32_t plugin_abi = 1;

/// nlohmann's version, whose values both pass to each other: 31102 is 3.11.2.
inline constexpr std::uint32_t plugin_json =
    NLOHMANN_JSON_VERSION_MAJOR * 10000 + NLOHMANN_JSON_VERSION_MINOR * 100 + NLOHMANN_JSON_VERSION_PATCH;

/// Which std::string the standard library has: 1 is the one of C++11.
inline constexpr std::uint32_t plugin_strings = _GLIBCXX_USE_CXX11_ABI;

/// A plug-in. The first three members are compared with the daemon's own before anything else is touched; they stay
/// first in every version.
struct plugin {
    std::uint32_t abi;
    std::uint32_t json;
    std::uint32_t strings;
    void (*add_functions)(registry&);  ///< called once, before clients are accepted. May throw
};

/// A plug-in of the version that it is compiled with.
[[nodiscard]] constexpr plugin plugin_of(void (*add_functions)(registry&)) noexcept {
    return {plugin_abi, plugin_json, plugin_strings, add_functions};
}

}  // namespace gatherd::api

/// The one function that a plug-in defines. What it points to lives as long as the process: plug-ins are never
/// unloaded.
extern "C" [[gnu::visibility("default")]] const gatherd::api::plugin* gatherd_plugin();
