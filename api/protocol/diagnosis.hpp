/// \file
/// A second look at a message that was refused: why, and whose it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/protocol/message_limits.hpp"
#include "api/protocol/request_id.hpp"

namespace gatherd::api::protocol {

/// What nlohmann's parser finds where simdjson only says no.
struct diagnosis {
    /// An integer outside [-2^63, 2^64), which simdjson refuses although it is JSON.
    struct huge_integer {
        bool is_in_params;
        std::string pointer;  ///< a JSON pointer into the params, else into the message
    };

    std::string fault;                 ///< what is no JSON, and where, in printable ASCII; empty if nothing was found
    std::optional<huge_integer> huge;  ///< the first one
    bool is_batch = false;
    bool has_method = false;  ///< of the one request, one was seen
    request_id id;  ///< of the one request, where it was seen: null if it is none or too long, absent if there is none
};

/// Reads a message, or as much of it as came. Levels beyond `limits.depth` are not looked into. Cost: linear.
/// Throws: std::bad_alloc.
[[nodiscard]] diagnosis diagnose(std::string_view text, const message_limits& limits);

}  // namespace gatherd::api::protocol
