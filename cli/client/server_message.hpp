/// \file
/// What a line of the daemon says to a client.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "gatherd/api/value.hpp"

namespace gatherd::cli {

/// An answer or a notification.
struct server_message {
    std::optional<std::string> result = std::nullopt;  // JSON text as the daemon wrote it; only of an answer
    api::value error = nullptr;                        // only of an answer that is an error
    std::string method = {};                           // only of a notification
    std::string text = {};                             // the whole line; only of a notification
    api::value params = nullptr;
    std::optional<std::uint64_t> id = std::nullopt;  // none: the daemon could not tell which request it answers

    [[nodiscard]] bool is_notification() const { return !method.empty(); }
};

/// Reads one line. A result is passed on as text, not taken apart: it may be hundreds of megabytes.
/// Nothing where the line is no message of JSON-RPC 2.0: whoever answers is no gatherd.
[[nodiscard]] std::optional<server_message> parse_server_message(std::string_view line);

}  // namespace gatherd::cli
