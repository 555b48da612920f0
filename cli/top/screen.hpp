/// \file
/// What top shows, as lines of styled text. Pure: no terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/top/snapshot.hpp"
#include "cli/top/view.hpp"

namespace gatherd::cli::top {

enum class style : std::uint8_t { plain, strong, bar, selected, good, bad, warning, faint };

struct span {
    std::string text;
    style look = style::plain;
};
using line = std::vector<span>;

/// What is known of the daemon.
struct situation {
    std::string server{};  ///< its address
    const snapshot* before = nullptr;
    const snapshot* now = nullptr;  ///< null: it has not answered yet
    std::string fault{};            ///< why there is no connection; empty: there is one
    double interval = 1;            ///< seconds between two looks
    double silence = 0;             ///< seconds since a question that has no answer yet
    api::value status{};            ///< of the task that is looked at; null: not known yet
    std::string status_refusal{};   ///< why it will not be
};

struct page {
    std::vector<line> lines;  ///< as many as asked for, none wider than asked for
    extent shown;
};

/// The screen of a terminal of that size. Adapts the selection to the rows that there are.
[[nodiscard]] page draw(view& looked_at, const situation& known, std::size_t rows, std::size_t columns);

/// All of it as plain text, for a pipe: columns are as wide as what is in them.
[[nodiscard]] std::string plain_text(const situation& known);

}  // namespace gatherd::cli::top
