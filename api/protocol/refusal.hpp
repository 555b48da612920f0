/// \file
/// An error answer, ready to be written.
#pragma once

#include <cstddef>

#include <optional>

#include "api/error.hpp"
#include "api/protocol/json_view.hpp"
#include "api/protocol/request_id.hpp"

namespace gatherd::api::protocol {

/// Why a message or one request of it is not carried out, and to whom it is said.
struct refusal {
    request_id id;  ///< never absent: null where the id is unknown
    error reason;
    std::optional<json_view> answer{};  ///< the whole object, if it is no request but an answer: it has result or error
    request_id call{};                  ///< of a text that is no JSON: the id before the fault, if no method is there
    bool is_empty = false;              ///< it is neither: no method, no result, no error
};

/// -32006 for a message, or one request of it, that is over the limit of that name.
[[nodiscard]] error over_limit(const char* limit, std::size_t max);

}  // namespace gatherd::api::protocol
