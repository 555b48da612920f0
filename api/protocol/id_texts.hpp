/// \file
/// The ids of a message as they are written, found without decoding it.
#pragma once

#include <string_view>
#include <vector>

namespace gatherd::api::protocol {

/// The text of the last `id` member of the message, or of each item if it is a batch; empty where there is none.
///
/// `text` is a JSON object or array, or the beginning of one (an id that is cut off counts as none). Views are into it.
/// The value may be of any type: the caller judges. Cost: linear.
[[nodiscard]] std::vector<std::string_view> id_texts(std::string_view text);

}  // namespace gatherd::api::protocol
