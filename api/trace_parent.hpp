/// \file
/// Which trace a request belongs to: the traceparent of W3C's Trace Context.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace gatherd::api {

/// A valid traceparent of version 00, or none. The daemon records no spans of its own, so it hands on the parent that
/// it was given.
class trace_parent {
public:
    trace_parent() = default;

    /// None where the text is not valid: a trace then starts anew, as the recommendation has it. Of a later version
    /// what version 00 knows is kept.
    explicit trace_parent(std::string_view given) noexcept {
        constexpr std::size_t trace_at = 3;
        constexpr std::size_t parent_at = 36;
        constexpr std::size_t flags_at = 53;
        if (given.size() < size) {
            return;
        }
        const std::string_view version = given.substr(0, 2);
        const std::string_view trace = given.substr(trace_at, 32);
        const std::string_view parent = given.substr(parent_at, 16);
        const std::string_view flags = given.substr(flags_at, 2);
        const bool is_first = version == "00";
        const bool has_dashes = given[trace_at - 1] == '-' && given[parent_at - 1] == '-' && given[flags_at - 1] == '-';
        const bool ends = given.size() == size || (!is_first && given[size] == '-');
        if (!has_dashes || !ends || !is_hex(version) || version == "ff" || !is_id(trace) || !is_id(parent) ||
            !is_hex(flags)) {
            return;
        }
        std::ranges::copy(given.substr(0, size), text_.begin());
        if (!is_first) {
            constexpr std::string_view odd = "13579bdf";
            const bool is_sampled = odd.find(flags.back()) != std::string_view::npos;
            text_[0] = text_[1] = text_[flags_at] = '0';
            text_[flags_at + 1] = is_sampled ? '1' : '0';
        }
    }

    [[nodiscard]] bool empty() const noexcept { return text_.front() == '\0'; }

    /// As a header or member has it; empty for none.
    [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), empty() ? 0 : size}; }

private:
    static constexpr std::size_t size = 55;

    static bool is_hex(std::string_view text) noexcept {
        return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    }
    static bool is_id(std::string_view text) noexcept {
        return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
    }

    std::array<char, size> text_{};
};

}  // namespace gatherd::api
