#include "cli/client/json_place.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gatherd::cli {

namespace {

bool is_index(std::string_view token) {
    return !token.empty() && std::ranges::all_of(token, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_word(std::string_view token) {
    const auto fits = [](char c) {
        return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    return !token.empty() && std::ranges::all_of(token, fits);
}

/// Without the escapes of JSON pointers.
std::string plain(std::string_view token) {
    std::string text;
    for (std::size_t i = 0; i < token.size(); ++i) {
        const bool escaped = token[i] == '~' && i + 1 < token.size();
        text += !escaped ? token[i] : token[++i] == '1' ? '/' : '~';
    }
    return text;
}

}  // namespace

std::string json_place(std::string_view pointer, std::string_view base) {
    if (pointer.starts_with(base) && (pointer.size() == base.size() || pointer[base.size()] == '/')) {
        pointer.remove_prefix(base.size());
    }
    std::string place;
    while (pointer.starts_with('/')) {
        pointer.remove_prefix(1);
        const auto token = plain(pointer.substr(0, pointer.find('/')));
        pointer.remove_prefix(std::min(pointer.find('/'), pointer.size()));
        if (is_index(token)) {
            place += "[" + token + "]";
        } else if (is_word(token)) {
            place += (place.empty() ? "" : ".") + token;
        } else {
            place += "[" + nlohmann::json(token).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "]";
        }
    }
    return place;
}

}  // namespace gatherd::cli
