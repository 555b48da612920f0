/// \file
/// Fetching URLs: http.request and http.get.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

/// What the functions may reach. By default nothing: no host is allowed.
struct http_settings {
    std::vector<std::string> allow{};                 ///< as api/http/allow_list.hpp says
    std::size_t running = 256;                        ///< requests at a time
    std::vector<std::string> dns_servers{};           ///< none: the system's
    std::string ca_file{};                            ///< empty: the system's
    std::size_t max_received = std::size_t{1} << 30;  ///< bytes of all bodies that are being received, together
    std::string user_agent = "gatherd";
};

/// Adds the family. Throws std::invalid_argument, which names the setting, for those that cannot hold.
void add_http(plan::registry& functions, const http_settings& settings);

}  // namespace gatherd::api::functions
