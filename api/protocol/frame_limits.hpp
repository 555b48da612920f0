/// \file
/// What one message may cost.
#pragma once

#include <cstddef>

namespace gatherd::api::protocol {

/// The limits that frames are held to. The names in errors are the configuration's: `limits.message_bytes` ...
struct frame_limits {
    std::size_t message_bytes = std::size_t{64} << 20;  ///< from a message's first byte to its last
    std::size_t depth = 512;                            ///< brackets open at once
};

/// From this size on a message is not decoded where it was found, between two looks at the other connections: it takes
/// about two milliseconds. The reader only finds its end, and whoever decodes it may do so elsewhere.
constexpr std::size_t huge_message_bytes = 128 * 1024;

/// Up to this size a huge message on one line is found by its brackets alone. A greater one is scanned as it comes, so
/// that the same in many lines, which is scanned always, costs not much more.
constexpr std::size_t most_unproven_bytes = std::size_t{4} << 20;

}  // namespace gatherd::api::protocol
