/// \file
/// Which answer or handler a request to the admin port gets.
#pragma once

#include <functional>
#include <memory>
#include <variant>

#include "api/admin/exchange.hpp"

namespace gatherd::api::admin {

/// What becomes of a request, by its head.
struct route_outcome {
    std::variant<http_answer, std::shared_ptr<request_handler>> what;
    bool is_reserved = false;  ///< it does not count against the connections that the options allow
};

using router = std::function<route_outcome(const request_head&)>;

}  // namespace gatherd::api::admin
