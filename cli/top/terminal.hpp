/// \file
/// The terminal that top has to itself.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "cli/top/screen.hpp"
#include "cli/top/view.hpp"

namespace gatherd::cli::top {

/// Takes the terminal of standard input and output, and gives it back as it was.
///
/// Threads: one. One at a time. SIGWINCH and SIGTSTP (Ctrl-Z) are ncurses' own.
class terminal {
public:
    /// Throws usage_error where TERM names no terminal that has a cursor.
    terminal();
    ~terminal();
    terminal(const terminal&) = delete;
    terminal& operator=(const terminal&) = delete;

    [[nodiscard]] std::size_t rows() const;
    [[nodiscard]] std::size_t columns() const;

    void show(const std::vector<line>& lines);

    /// The next key that is there; none: there is no more. A change of the size is none.
    [[nodiscard]] std::optional<key_press> try_key();

private:
    [[nodiscard]] unsigned long attributes_of(style look) const;

    void* screen_;
    bool has_colors_ = false;
};

}  // namespace gatherd::cli::top
