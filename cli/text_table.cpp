#include "cli/text_table.hpp"

#include <algorithm>

#include "cli/standard_output.hpp"

namespace gatherd::cli {

namespace {

/// Of one line, whatever others have put into it.
std::string line_of(const std::string& cell) {
    std::string line;
    for (const char each : without_controls(cell)) {
        if (each == '\n') {
            line += "\\n";
        } else if (each == '\t') {
            line += "\\t";
        } else {
            line += each;
        }
    }
    return line;
}

}  // namespace

std::string text_table(std::vector<std::vector<std::string>> rows) {
    for (auto& row : rows) {
        std::ranges::transform(row, row.begin(), line_of);
    }
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t column = 0; column < row.size(); ++column) {
            widths[column] = std::max(widths[column], row[column].size());
        }
    }
    std::string page;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t column = 0; column < row.size(); ++column) {
            line += row[column];
            line.append(widths[column] - row[column].size() + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        page += line + "\n";
    }
    return page;
}

}  // namespace gatherd::cli
