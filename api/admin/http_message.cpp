#include "api/admin/http_message.hpp"

#include <algorithm>

namespace gatherd::api::admin {

std::optional<std::string> request_head::query_value(std::string_view name) const {
    const auto found = std::ranges::find(query, name, &std::pair<std::string, std::string>::first);
    return found == query.end() ? std::nullopt : std::optional{found->second};
}

http_answer text_answer(unsigned status, std::string line) {
    return {.status = status, .type = "text/plain; charset=utf-8", .body = std::move(line) + "\n"};
}

}  // namespace gatherd::api::admin
