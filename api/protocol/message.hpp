/// \file
/// A decoded JSON-RPC 2.0 message.
#pragma once

#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "api/protocol/json_view.hpp"
#include "api/protocol/refusal.hpp"
#include "api/protocol/request_id.hpp"

namespace gatherd::api::protocol {

/// One call. The views are into the decoder's memory; the id is its own.
struct request {
    std::string_view method;
    std::optional<json_view> params;  ///< an array or an object
    request_id id;                    ///< absent: a notification
};

/// A request to carry out, or the answer to one that is not.
using message_item = std::variant<request, refusal>;

/// What one frame said.
struct message {
    bool is_json = true;              ///< false: its one item is a refusal for that
    bool is_batch = false;            ///< its answers go into one array; with no answers nothing is sent
    std::vector<message_item> items;  ///< in order; of no batch exactly one, or none: a notification that is refused
};

}  // namespace gatherd::api::protocol
