/// \file
/// Settings as the service takes them, and which of them may change while it runs.
#pragma once

#include <spdlog/common.h>
#include <memory>
#include <string>
#include <vector>

#include "api/functions/standard.hpp"
#include "api/plan/model/registry.hpp"
#include "api/pools/pool_settings.hpp"
#include "api/server/auth/token_table.hpp"
#include "api/server/net/listening_socket.hpp"
#include "api/server/net/tls_context.hpp"
#include "cli/serve/log.hpp"
#include "config/settings.hpp"
#include "gatherd/api/limits.hpp"

namespace gatherd::cli {

// Field by field: config and api do not know each other.
[[nodiscard]] api::limits limits_from(const config::settings& settings);
[[nodiscard]] api::functions::outside_settings outside_from(const config::settings& settings);
/// Reads the files that hold tokens: throws usage_error where it cannot, or where two tokens are the same text.
[[nodiscard]] std::vector<api::server::token_grant> tokens_from(const config::settings& settings);
[[nodiscard]] std::vector<api::pools::pool_settings> pools_from(const config::settings& settings);
[[nodiscard]] api::server::tls_files tls_files_from(const config::settings& settings);
[[nodiscard]] api::server::unix_access unix_access_from(const config::settings& settings);
[[nodiscard]] spdlog::level::level_enum level_from(config::log_level level);
[[nodiscard]] log_style style_from(config::log_format format);

/// Loads the plug-ins and adds their functions. Throws usage_error where one cannot be used.
void add_plugins(api::plan::registry& functions, const config::settings& settings);

/// Throws std::runtime_error where the port file, if there is to be one, could not be written.
void check_port_file(const config::settings& settings);

/// Throws usage_error where the environment of a pool is to have a variable of the daemon's own that is not there.
void check_pool_environments(const config::settings& settings);

/// Throws usage_error where an address needs TLS but no certificate is named.
void check_tls(const config::settings& settings);

/// Throws usage_error if anybody beyond this machine could use a socket there: it is not local, and clients need
/// neither a token nor a certificate, and auth.open does not say that this is meant.
void check_exposure(const std::string& address, bool is_local, bool is_tls, const config::settings& settings);

/// The same for the admin port.
void check_admin_exposure(const std::string& address, bool is_local, const config::settings& settings);

/// What has changed from one to the other, one line each: "limits.depth: 512 -> 64". Of those that only count at the
/// start, behind it: "; that takes a restart".
[[nodiscard]] std::vector<std::string> changes(const config::settings& from, const config::settings& to);

/// `next`, but for those that only count at the start.
[[nodiscard]] config::settings keep_start_settings(config::settings next, const config::settings& now);

}  // namespace gatherd::cli
