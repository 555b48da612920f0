/// \file
/// From the text of a message to the methods that it calls.
#pragma once

#include <memory>
#include <string_view>

#include "api/limits.hpp"
#include "api/protocol/message_limits.hpp"

namespace gatherd::api::protocol {
class message_decoder;
}

namespace gatherd::api::server {

class connection;

/// What of the service's limits one message is held to.
[[nodiscard]] protocol::message_limits message_limits_of(const limits& bounds) noexcept;

/// Each worker decodes one message at a time, so that idle connections hold no decoder. It is made anew when a limit
/// has changed. Valid until this thread's next call.
[[nodiscard]] protocol::message_decoder& decoder_of_this_thread(const limits& bounds);

enum class handled {
    yes,
    no_json,         ///< the text was no JSON, and was answered so
    too_many_items,  ///< it is a batch of more than the caller asked for, and nothing was done
};

/// Calls the method of each request in the message, or answers what was none. By then `from` knows how long the texts
/// of the requests are.
[[nodiscard]] handled handle_message(const std::shared_ptr<connection>& from, std::string_view text,
                                     protocol::message_decoder& decoder, std::size_t most_items);

}  // namespace gatherd::api::server
