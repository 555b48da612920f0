/// \file
/// Steps of JSON pointers (RFC 6901), in which errors name a place.
#pragma once

#include <string>
#include <string_view>

namespace gatherd::api::protocol {

/// A member's name as a pointer has it: `~` is `~0`, `/` is `~1`.
[[nodiscard]] inline std::string pointer_step(std::string_view name) {
    std::string step;
    step.reserve(name.size());
    for (const char byte : name) {
        if (byte == '~') {
            step += "~0";
        } else if (byte == '/') {
            step += "~1";
        } else {
            step += byte;
        }
    }
    return step;
}

}  // namespace gatherd::api::protocol
