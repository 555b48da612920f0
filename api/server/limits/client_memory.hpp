/// \file
/// What is known of the memory that one client holds.
#pragma once

#include <atomic>
#include <cstddef>

namespace gatherd::api::server {

/// Of the holder of a token, else of a connection. Shared by its programs and its kept results.
struct client_memory {
    std::atomic<std::size_t> kept_bytes{0};  ///< of the results that are kept for it
    std::atomic<bool> is_full{false};  ///< it held more than limits.client_memory_bytes when that was looked at last
};

}  // namespace gatherd::api::server
