#include "api/protocol/json_view.hpp"

namespace gatherd::api::protocol {

double json_view::as_number() const noexcept {
    switch (kind()) {
        case json_kind::integer:
            return static_cast<double>(as_integer());
        case json_kind::unsigned_integer:
            return static_cast<double>(as_unsigned());
        default:
            return as_real();
    }
}

std::size_t json_view::size() const noexcept {
    assert(is_array() || is_object());
    constexpr unsigned count_shift = 32;
    constexpr std::size_t saturated = 0xFFFFFF;  // the tape has 24 bits for it
    const std::size_t count = (word() >> count_shift) & saturated;
    if (count < saturated) {
        return count;
    }
    std::size_t counted = 0;
    if (is_array()) {
        for ([[maybe_unused]] const auto item : items()) {
            ++counted;
        }
    } else {
        for ([[maybe_unused]] const auto m : members()) {
            ++counted;
        }
    }
    return counted;
}

std::optional<json_view> json_view::find(std::string_view name) const noexcept {
    std::optional<json_view> found;
    for (const auto m : members()) {
        if (m.name == name) {
            found = m.value;
        }
    }
    return found;
}

}  // namespace gatherd::api::protocol
