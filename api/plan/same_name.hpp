/// \file
/// Whether two names are one. Inline: of a large plan each task asks for several.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace gatherd::api::plan {

namespace detail {

/// Whether two pieces of memory have the same `Word` at their beginning, and the same one at their end.
template <typename Word>
bool same_ends(std::string_view a, std::string_view b) noexcept {
    const auto word = [](const char* at) {
        Word made;
        std::memcpy(&made, at, sizeof made);
        return made;
    };
    const std::size_t last = a.size() - sizeof(Word);
    return word(a.data()) == word(b.data()) && word(a.data() + last) == word(b.data() + last);
}

}  // namespace detail

[[gnu::always_inline]] inline bool is_same_name(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) {
        return false;
    }
    if (a.size() >= 4 && a.size() <= 8) {
        return detail::same_ends<std::uint32_t>(a, b);
    }
    return std::memcmp(a.data(), b.data(), a.size()) == 0;
}

/// The same of a name that the compiler knows.
template <std::size_t Size>
[[gnu::always_inline]] inline bool is_same_name(std::string_view name, const char (&known)[Size]) noexcept {
    return name.size() == Size - 1 && std::memcmp(name.data(), known, Size - 1) == 0;
}

}  // namespace gatherd::api::plan
