/// \file
/// A command with GNU parallel's replacement strings in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatherd::cli::jobs {

/// What a job puts into the command.
struct job_values {
    std::vector<std::string> arguments;
    std::uint64_t number = 1;  // {#}
    std::uint64_t slot = 1;    // {%}
};

/// Replacement strings: {} and {N} are all arguments and the one at N (from 1; negative: from the end); {.} is without
/// its extension, {/} without its folder, {//} its folder, {/.} without both, also as {N.} and so on; {#} is the job's
/// number, {%} its slot.
class command_template {
public:
    /// Without any replacement string, {} is added as the last word. `shell`: empty, or the program that is given the
    /// words, with a space between, as one text behind -c; arguments are then quoted for it, unless there are no words:
    /// they are commands themselves. `repeats`: a word with {} of several arguments is repeated for each; else they
    /// stand in it with spaces between, and a word {} becomes several. `replacement`: a text that stands for {}.
    command_template(const std::vector<std::string>& words, std::string shell, bool repeats,
                     std::string replacement = "{}");

    /// The words to execute.
    [[nodiscard]] std::vector<std::string> argv(const job_values& values) const;

    /// The command as a shell would be told it, for logs and people.
    [[nodiscard]] std::string line(const job_values& values) const;

private:
    struct piece {
        enum class source : std::uint8_t { text, all, position, number, slot };
        source from = source::text;
        std::string text{};  // of a text; of an argument its operator: empty, or ".", "/", "//", "/."
        std::int64_t position = 0;
    };
    using word = std::vector<piece>;

    [[nodiscard]] word parsed(std::string_view text) const;
    [[nodiscard]] std::vector<std::string> expanded(const job_values& values) const;
    [[nodiscard]] std::string filled(const word& pieces, const job_values& values, const std::string* each) const;

    std::string shell_;
    bool repeats_;
    bool quotes_;
    std::string replacement_;
    std::vector<word> words_{};
};

/// A text as one word of a POSIX shell.
[[nodiscard]] std::string shell_quoted(std::string_view text);

}  // namespace gatherd::cli::jobs
