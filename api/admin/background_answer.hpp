/// \file
/// An answer that takes longer to make than the loop of the admin port may be held up.
#pragma once

#include <functional>
#include <memory>

#include "api/admin/exchange.hpp"
#include "api/server/state/bulk_lane.hpp"

namespace asio {
class io_context;
}

namespace gatherd::api::admin {

/// Has a thread of the bulk lane make it, for that client. `make` may throw: then the answer is 503.
[[nodiscard]] std::shared_ptr<request_handler> background_answer(asio::io_context& loop, server::bulk_lane& lane,
                                                                 server::bulk_lane::client client,
                                                                 std::function<http_answer()> make);

}  // namespace gatherd::api::admin
