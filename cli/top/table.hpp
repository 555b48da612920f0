/// \file
/// What top lists: tables of rows that can be sorted and filtered.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/top/cell_text.hpp"
#include "cli/top/snapshot.hpp"

namespace gatherd::cli::top {

enum class tab { tasks, functions, pools, workers, threads };
inline constexpr std::array<std::string_view, 5> tab_names{"Tasks", "Functions", "Pools", "Workers", "Threads"};

struct column {
    std::string_view title;
    std::size_t width;  ///< in columns of the terminal; 0: what is left
    alignment align = alignment::right;
};

struct cell {
    std::string text;
    double number = 0;  ///< what numbers are sorted by
    bool is_number = false;
};

struct row {
    std::string key;  ///< what stays the same as rows come and go; of a task its id, empty of one that has none
    std::vector<cell> cells;
};

struct table {
    std::vector<column> columns;
    std::vector<row> rows;
    std::size_t sorted_at_first = 0;  ///< the column
};

/// Whether what is listed under that id is a request, not a created task.
[[nodiscard]] inline bool is_id_of_request(std::string_view id) noexcept {
    return id.find(':') != std::string_view::npos;
}

/// Tasks and requests that run, functions and pools that are served, workers, or threads.
[[nodiscard]] table make_table(tab which, const rates& now);

/// Leaves the rows in one of whose cells the words are, in upper or lower case (of ASCII).
void filter(table& changed, std::string_view words);

/// Numbers the largest first, texts by their bytes; or the other way round. Equal ones by their keys.
void sort(table& changed, std::size_t by, bool is_reversed);

}  // namespace gatherd::cli::top
