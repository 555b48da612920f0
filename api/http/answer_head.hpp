/// \file
/// Status and headers of an answer, from the lines that the server sends. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/message.hpp"

namespace gatherd::api::http {

/// Feed it line after line. Interim answers (1xx) are dropped, and so are trailers.
///
/// Names become lower case. A repeated header is joined to the first one: by `, `, and Set-Cookie by a line feed. What
/// a line has that is no header is dropped.
///
/// Threads: one at a time. Memory: `most_bytes`.
class answer_head {
public:
    static constexpr std::size_t most_bytes = std::size_t{256} << 10;  ///< of all lines together
    static constexpr std::size_t most_lines = 1000;
    static constexpr std::string_view too_long = "the headers are larger than 256 KiB, or more than 1000 lines";

    /// False: there were too many bytes or lines, or they do not say where the body ends (RFC 9112, 6.3). Then nothing
    /// more may be fed.
    [[nodiscard]] bool feed(std::string_view line);

    /// Why the last line was not taken; empty: it was.
    [[nodiscard]] std::string_view fault() const noexcept { return fault_; }

    /// Whether the headers are there, and the body comes next.
    [[nodiscard]] bool is_complete() const noexcept { return is_complete_; }

    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
    [[nodiscard]] std::vector<header>& fields() noexcept { return fields_; }

    /// The value of a header, whose name is given in lower case; null: there is none.
    [[nodiscard]] const std::string* field(std::string_view name) const noexcept;

    /// Whether it leads elsewhere: 301, 302, 303, 307 or 308 with a Location.
    [[nodiscard]] bool is_redirect() const noexcept;

private:
    void begin(std::string_view status_line);
    void add(std::string_view line);

    std::size_t bytes_ = 0;
    std::size_t lines_ = 0;
    int status_ = 0;
    bool is_complete_ = false;
    std::string_view fault_{};
    std::string reason_{};
    std::vector<header> fields_{};
    std::size_t last_ = 0;  // the field of the last line, for one that goes on in the next; fields_.size(): none
};

}  // namespace gatherd::api::http
