/// \file
/// The subcommand `exec`.
#pragma once

#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/jobs/argument_source.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli::jobs {

/// Exit status for all that is wrong with the command line: GNU parallel's.
inline constexpr int exec_usage_status = 255;

/// Takes `::: a b`, `:::+ c d`, `:::: file` and `::::+ file` off the end of a command. Throws usage_error for a list
/// of files without one.
[[nodiscard]] std::vector<argument_list> cut_lists(std::vector<std::string>& words);

/// A number of jobs: `4`, `0` for as many as may be, `50%` of the CPUs, `+2` or `-1` more or fewer than them.
/// Throws usage_error.
[[nodiscard]] std::uint64_t jobs_of(const std::string& text, std::uint64_t cpus);

/// Of `exec [OPTIONS] [--] COMMAND...`: takes the `--` away and marks the first word of the command, as `shield_words`
/// does, so that the parser takes no word of the command for an option. Other subcommands' words are left alone.
void mark_command(std::vector<std::string>& words, const CLI::App& root);

void add_exec(CLI::App& root, command& chosen);

}  // namespace gatherd::cli::jobs
