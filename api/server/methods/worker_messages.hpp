/// \file
/// What a connection that serves functions sends, beside requests: answers to calls, and their output.
#pragma once

#include <cstddef>

#include "api/protocol/message.hpp"

namespace gatherd::api::server {

class connection;

/// Takes what is no request of a worker's: the answer to a call, or what stands in place of one. False: it is neither,
/// or the connection serves nothing, and the refusal is to be told. `bytes`: about how long its text is.
[[nodiscard]] bool take_answer(connection& client, const protocol::refusal& refused, std::size_t bytes);

/// Takes the notification `output` of a worker. False: it is none.
[[nodiscard]] bool take_output(connection& client, const protocol::request& request);

}  // namespace gatherd::api::server
