/// \file
/// What one message may cost.
#pragma once

#include <cstddef>

namespace gatherd::api::wire {

/// The limits that frames are held to. The names in errors are the configuration's: `limits.message_bytes` ...
struct frame_limits {
    std::size_t message_bytes = std::size_t{64} << 20;  ///< from a message's first byte to its last
    std::size_t depth = 512;                            ///< brackets open at once
};

}  // namespace gatherd::api::wire
