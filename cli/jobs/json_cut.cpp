#include "cli/jobs/json_cut.hpp"

#include <simdjson.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gatherd::cli::jobs {

namespace {

/// Behind the text that begins at `at`, which is a quote.
std::size_t end_of_text(std::string_view json, std::size_t at) noexcept {
    for (++at; at < json.size(); ++at) {
        if (json[at] == '"') {
            return at + 1;
        }
        if (json[at] == '\\') {
            ++at;
        }
    }
    return json.size();
}

std::size_t end_of_value(std::string_view json) noexcept {
    std::size_t depth = 0;
    std::size_t at = 0;
    while (at < json.size()) {
        const char now = json[at];
        if (now == '"') {
            at = end_of_text(json, at);
        } else if (now == '[' || now == '{') {
            ++depth;
            ++at;
            continue;
        } else if (now == ']' || now == '}') {
            if (depth == 0) {
                return at;
            }
            --depth;
            ++at;
        } else if (depth == 0 &&
                   (now == ',' || now == ':' || now == ' ' || now == '\t' || now == '\r' || now == '\n')) {
            return at;
        } else {
            ++at;
            continue;
        }
        if (depth == 0) {
            return at;
        }
    }
    return at;
}

}  // namespace

std::string_view cut_value(std::string_view& rest) noexcept {
    constexpr std::string_view blanks = " \t\r\n";
    rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
    const auto value = rest.substr(0, end_of_value(rest));
    rest.remove_prefix(value.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n,:"), rest.size()));
    return value;
}

bool append_text(std::string& json, std::string_view text) {
    const auto is_plain = [](char each) {
        const auto byte = static_cast<unsigned char>(each);
        return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
    };
    if (std::ranges::all_of(text, is_plain)) {
        json.append(1, '"').append(text).append(1, '"');
        return true;
    }
    if (!simdjson::validate_utf8(text.data(), text.size())) {
        return false;
    }
    json += nlohmann::json(text).dump();
    return true;
}

std::string plain_text(std::string_view json) {
    if (!json.starts_with('"')) {
        return std::string{json};
    }
    const auto value = nlohmann::json::parse(json, nullptr, false);
    return value.is_string() ? value.get<std::string>() : std::string{json};
}

}  // namespace gatherd::cli::jobs
