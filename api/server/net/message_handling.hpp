/// \file
/// From the text of a message to the methods that it calls.
#pragma once

#include <cstddef>
#include <memory>

#include "api/protocol/message_limits.hpp"
#include "gatherd/api/limits.hpp"

namespace gatherd::api::protocol {
class message_decoder;
struct message;
}  // namespace gatherd::api::protocol

namespace gatherd::api::server {

class connection;

/// What of the service's limits one message is held to.
[[nodiscard]] protocol::message_limits message_limits_of(const limits& bounds) noexcept;

/// Each worker decodes one message at a time, so that idle connections hold no decoder. It is made anew when a limit
/// has changed. Valid until this thread's next call.
[[nodiscard]] protocol::message_decoder& decoder_of_this_thread(const limits& bounds);

/// Calls the method of each request in the message, or answers what was none. By then `from` knows how long the texts
/// of the requests are.
void handle_message(const std::shared_ptr<connection>& client, const protocol::message& message, std::size_t bytes);

}  // namespace gatherd::api::server
