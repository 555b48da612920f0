/// \file
/// From the text of a message to the methods that it calls.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace gatherd::api::wire {
class message_decoder;
}

namespace gatherd::api::server {

class connection;

/// Each worker decodes one message at a time, so that idle connections hold no decoder. It is made anew when the limit
/// of depth has changed. Valid until this thread's next call.
[[nodiscard]] protocol::message_decoder& decoder_of_this_thread(std::size_t max_depth);

/// Calls the method of each request in the message, or answers what was none. By then `from` knows how long the texts
/// of the requests are. False: it is a batch of more than `most_items`, and nothing was done.
[[nodiscard]] bool try_handle_message(const std::shared_ptr<connection>& from, std::string_view text,
                                      protocol::message_decoder& decoder, std::size_t most_items);

}  // namespace gatherd::api::server
