/// \file
/// When something was, as clients are told.
#pragma once

#include <chrono>

namespace gatherd::api::server {

/// Unix seconds of a time of the steady clock, which is not long ago.
[[nodiscard]] inline double unix_time(std::chrono::steady_clock::time_point when) {
    const auto ago = std::chrono::steady_clock::now() - when;
    return std::chrono::duration<double>{std::chrono::system_clock::now().time_since_epoch() - ago}.count();
}

}  // namespace gatherd::api::server
