#include "api/http/answer_head.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

#include "api/http/lower_case.hpp"

namespace gatherd::api::http {

namespace {

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view{}
                                           : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Of a body: digits that fit into 63 bits.
bool is_length(std::string_view text) noexcept {
    std::int64_t length = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), length);
    return failed == std::errc{} && end == text.data() + text.size() && text.front() != '-';
}

}  // namespace

bool answer_head::feed(std::string_view line) {
    bytes_ += line.size();
    if (bytes_ > most_bytes || ++lines_ > most_lines) {
        fault_ = too_long;
        return false;
    }
    if (is_complete_) {
        return true;  // a trailer
    }
    if (line.starts_with("HTTP/")) {
        begin(line);
        return true;
    }
    if (trimmed(line).empty()) {
        is_complete_ = status_ >= 200 || status_ == 101;
        return true;
    }
    add(line);
    return fault_.empty();
}

void answer_head::begin(std::string_view status_line) {
    fields_.clear();
    last_ = 0;
    status_ = 0;
    const auto space = std::min(status_line.find(' '), status_line.size());
    const std::string_view rest = trimmed(status_line.substr(space));
    std::from_chars(rest.data(), rest.data() + rest.size(), status_);
    reason_ = trimmed(rest.substr(std::min(rest.find(' '), rest.size())));
}

void answer_head::add(std::string_view line) {
    if (line.front() == ' ' || line.front() == '\t') {  // goes on with the value before it
        if (last_ < fields_.size()) {
            fields_[last_].value.append(" ").append(trimmed(line));
        }
        return;
    }
    last_ = fields_.size();
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) {
        return;
    }
    std::string name = lower_case(trimmed(line.substr(0, colon)));
    const std::string_view value = trimmed(line.substr(colon + 1));
    const auto found = std::ranges::find(fields_, name, &header::name);
    if (name == "content-length" &&
        (!is_length(value) || (found != fields_.end() && found->value.substr(0, found->value.find(',')) != value))) {
        fault_ = "Content-Length is no length, or there are several that differ";
        return;
    }
    if (found != fields_.end()) {
        found->value.append(name == "set-cookie" ? "\n" : ", ").append(value);
        last_ = static_cast<std::size_t>(found - fields_.begin());
        return;
    }
    fields_.push_back({std::move(name), std::string{value}});
}

const std::string* answer_head::field(std::string_view name) const noexcept {
    const auto found = std::ranges::find(fields_, name, &header::name);
    return found == fields_.end() ? nullptr : &found->value;
}

bool answer_head::is_redirect() const noexcept {
    const bool leads = status_ == 301 || status_ == 302 || status_ == 303 || status_ == 307 || status_ == 308;
    return leads && field("location") != nullptr;
}

}  // namespace gatherd::api::http
