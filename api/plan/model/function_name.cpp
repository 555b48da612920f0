#include "api/plan/model/function_name.hpp"

#include <algorithm>
#include <array>

#include "api/shortened.hpp"

namespace gatherd::api::plan {

namespace {

/// Families whose names the daemon keeps for itself, those that it has and those that it may get.
constexpr std::array<std::string_view, 12> reserved_families{
    "process", "http", "file", "hash", "compress", "stats", "text", "time", "random", "str", "json", "operator"};

bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name(std::string_view text) noexcept {
    return !text.empty() && text.size() <= most_name_bytes && is_letter(text.front()) &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '.'; });
}

}  // namespace

std::optional<std::string> why_unusable(std::string_view name, const registry& functions) {
    if (!is_name(name)) {
        return "'" + shortened(name) + "' is no name: letters, digits, '_' and '.', up to 128, no digit or '.' first";
    }
    if (functions.find(name) != nullptr) {
        return "'" + std::string{name} + "' is a function of the daemon's own";
    }
    const std::string_view family = name.substr(0, name.find('.'));
    if (family.size() < name.size() && std::ranges::count(reserved_families, family) > 0) {
        return "names that begin with '" + std::string{family} + ".' are reserved for the daemon's own functions";
    }
    return std::nullopt;
}

}  // namespace gatherd::api::plan
