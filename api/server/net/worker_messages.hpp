/// \file
/// What a connection that serves functions sends, beside requests: answers to calls, and their output.
#pragma once

#include <cstddef>
#include <memory>

#include "api/protocol/message.hpp"
#include "api/workers/worker.hpp"

namespace gatherd::api::server {

class connection;

/// The worker that a connection is to be; `member`: as which process of a pool, or null.
[[nodiscard]] std::shared_ptr<workers::worker> make_worker(const std::shared_ptr<connection>& client,
                                                           std::shared_ptr<workers::pool_member> member = nullptr);

/// Takes what is no request of a worker's: the answer to a call, or what stands in place of one. False: it is neither,
/// or the connection serves nothing, and the refusal is to be told. `bytes`: about how long its text is.
[[nodiscard]] bool take_answer(connection& client, const protocol::refusal& refused, std::size_t bytes);

/// Takes the notification `output` of a worker. False: it is none.
[[nodiscard]] bool take_output(connection& client, const protocol::request& request);

}  // namespace gatherd::api::server
