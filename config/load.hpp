/// \file
/// Defaults, file, environment and flags put together into one `settings`, each later source over the earlier.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.hpp"

namespace gatherd::config {

/// Environment variables as name and value.
using environment = std::vector<std::pair<std::string, std::string>>;

/// A flag that stood on the command line.
struct flag_value {
    std::string name;  // of the setting: "limits.depth"
    std::string text;
};

/// Where settings come from.
struct load_sources {
    std::optional<std::string> file = std::nullopt;  // a path; over the variable GATHERD_CONFIG
    environment variables = {};                      // may hold all there are: only GATHERD_* is looked at
    std::vector<flag_value> flags = {};
};

/// What came of them. With faults, `values` is not to be run with.
struct load_outcome {
    settings values = {};
    /// For each setting by name, where its value came from: "default", "/etc/gatherd.json:3", "GATHERD_LISTEN",
    /// "--listen".
    std::map<std::string, std::string, std::less<>> origins = {};
    /// Every fault of every source, one line each, for a person: where, what, and what would be right.
    std::vector<std::string> faults = {};
};

/// Reads the file, if one is named, and puts the sources together. An empty variable counts as unset. Variables that a
/// container engine sets for a service named gatherd (GATHERD_SERVICE_HOST, GATHERD_PORT_7117_TCP ...) are passed over;
/// any other unknown GATHERD_* is a fault, GATHERD_CONFIG, GATHERD_CONNECT and its kin (the client's) being known.
/// Throws: std::bad_alloc only.
[[nodiscard]] load_outcome load(const load_sources& sources);

}  // namespace gatherd::config
