/// \file
/// Names of hosts and headers, in which the case of ASCII letters does not matter; whatever the locale.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace gatherd::api::http {

[[nodiscard]] constexpr char lower_case(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] inline std::string lower_case(std::string_view text) {
    std::string lower{text};
    std::ranges::transform(lower, lower.begin(), [](char c) { return lower_case(c); });
    return lower;
}

}  // namespace gatherd::api::http
