/// \file
/// A token that clients may show, as the settings hold it: its hash or the file that it is in, never itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace gatherd::config {

/// One entry of auth.tokens.
struct token {
    std::string name;                   // for people: unique, not empty
    std::string sha256;                 // of the token's bytes, 64 hexadecimal digits, lower case; or empty:
    std::string file;                   // whose first line is the token, without the line's end
    std::vector<std::string> rights;    // of token_rights; none: only methods that need no token
    std::uint64_t tasks_in_flight = 0;  // 0: limits.token_tasks_in_flight holds

    std::optional<std::vector<std::string>> functions;  // globs of names; none: all that are allowed without a setting

    std::optional<std::vector<std::string>> serve;  // globs of names that it may serve, which gives it that right;
                                                    // none: as its rights say, all

    friend bool operator==(const token&, const token&) = default;
};

/// Reads a list of tokens: `[{"name": "ci", "sha256": "9f86..", "rights": ["submit"], "tasks_in_flight": 1000,
/// "functions": ["img.*"], "serve": ["img.*"]}]`, the last three members being optional, and `"file":
/// "/run/secrets/ci"` going in place of sha256. The file is not read. Gives the list, or what is wrong with it for a
/// person.
[[nodiscard]] std::variant<std::vector<token>, std::string> read_tokens(const nlohmann::ordered_json& from);

/// A JSON Schema of what read_tokens takes.
[[nodiscard]] nlohmann::ordered_json tokens_schema();

/// What read_tokens reads back.
[[nodiscard]] nlohmann::ordered_json to_json(const std::vector<token>& tokens);

}  // namespace gatherd::config
