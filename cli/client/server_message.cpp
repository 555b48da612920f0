#include "cli/client/server_message.hpp"

#include <charconv>

namespace gatherd::cli {

namespace {

using api::value;

/// The daemon writes an answer's members in this order and without spaces: its result can be cut out.
std::optional<server_message> cut_result(std::string_view line) {
    constexpr std::string_view before_id = R"({"jsonrpc":"2.0","id":)";
    constexpr std::string_view before_result = R"(,"result":)";
    if (!line.starts_with(before_id) || !line.ends_with('}')) {
        return std::nullopt;
    }
    line.remove_prefix(before_id.size());
    line.remove_suffix(1);
    std::uint64_t id = 0;
    const auto [end, fault] = std::from_chars(line.data(), line.data() + line.size(), id);
    line.remove_prefix(static_cast<std::size_t>(end - line.data()));
    if (fault != std::errc{} || !line.starts_with(before_result)) {
        return std::nullopt;
    }
    line.remove_prefix(before_result.size());
    return server_message{.result = std::string{line}, .id = id};
}

}  // namespace

std::optional<server_message> parse_server_message(std::string_view line) {
    if (auto answer = cut_result(line)) {
        return answer;
    }
    auto whole = value::parse(line, nullptr, false);
    if (!whole.is_object()) {
        return std::nullopt;
    }
    server_message message;
    if (const auto id = whole.find("id"); id != whole.end() && id->is_number_unsigned()) {
        message.id = id->get<std::uint64_t>();
    }
    if (const auto method = whole.find("method"); method != whole.end() && method->is_string()) {
        message.method = method->get<std::string>();
        message.text = line;
        message.params = whole.contains("params") ? std::move(whole["params"]) : value::object();
    } else if (const auto error = whole.find("error"); error != whole.end() && error->is_object()) {
        message.error = std::move(*error);
    } else if (const auto result = whole.find("result"); result != whole.end()) {
        message.result = result->dump();
    } else {
        return std::nullopt;
    }
    return message;
}

}  // namespace gatherd::cli
