/// \file
/// What the admin port knows of a request before its body, and what it answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/server/net/peer_address.hpp"

namespace gatherd::api::admin {

/// The head of a request, as far as the admin port looks at it.
struct request_head {
    std::string method;
    std::string path;  ///< without the query, unescaped
    std::vector<std::pair<std::string, std::string>> query{};
    std::vector<std::string> hosts{};  ///< each header of that name, as the next three
    std::vector<std::string> origins{};
    std::vector<std::string> authorizations{};
    std::vector<std::string> trace_parents{};
    std::string content_type{};
    std::string content_encoding{};
    std::optional<std::uint64_t> content_length{};  ///< none: no header of that name
    bool is_chunked = false;
    const char* fault = nullptr;  ///< why nobody can tell where the body ends; null: it is known
    bool has_nul = false;         ///< in its target: path and query are not what the client meant
    server::peer_address peer{};
    int socket = -1;              ///< of its connection
    bool is_on_loopback = false;  ///< its connection never leaves this machine

    [[nodiscard]] bool has_body() const noexcept { return is_chunked || content_length.value_or(0) > 0; }
    [[nodiscard]] std::optional<std::string> query_value(std::string_view name) const;
};

struct http_header {
    std::string name;
    std::string value;
};

/// An answer with its whole body, or the head of one whose body follows in pieces.
struct http_answer {
    unsigned status = 200;
    std::string type{};  ///< Content-Type; empty: none
    std::string body{};
    std::vector<http_header> headers{};
};

/// A line of text for a person.
[[nodiscard]] http_answer text_answer(unsigned status, std::string line);

}  // namespace gatherd::api::admin
