/// \file
/// What one message may cost.
#pragma once

#include <cstddef>

namespace gatherd::api::protocol {

/// The limits that messages are held to. The names in errors are the configuration's: `limits.message_bytes` ...
struct message_limits {
    std::size_t message_bytes = std::size_t{64} << 20;  ///< from a message's first byte to its last
    std::size_t depth = 512;                            ///< brackets open at once
    std::size_t id_bytes = 1024;                        ///< of a string that is an id, as UTF-8
    std::size_t memory_bytes = std::size_t{4} << 30;    ///< only named, where there is no memory to decode a message

    bool operator==(const message_limits&) const = default;
};

/// From this size on a message is not decoded where it was found, between two looks at the other connections: it takes
/// about two milliseconds. Whoever decodes it does so elsewhere.
constexpr std::size_t huge_message_bytes = 128 * 1024;

}  // namespace gatherd::api::protocol
