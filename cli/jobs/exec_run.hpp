/// \file
/// Runs one command for each of many arguments, several at a time, with their outputs apart.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/jobs/argument_source.hpp"
#include "cli/jobs/halt_rule.hpp"
#include "cli/jobs/job_log.hpp"

namespace gatherd::cli::jobs {

struct exec_options {
    /// When output is printed.
    enum class grouping : std::uint8_t {
        job,   // all of a job, when it has ended
        line,  // lines as they come
        none,  // not by us: processes have our standard streams
    };

    std::vector<std::string> command = {};
    std::string replacement = "{}";  // what stands for the argument
    std::string shell = {};          // the program, or empty: none
    argument_options arguments = {};
    bool repeats_words = true;  // a word with {} for each of several arguments
    std::uint64_t jobs = 1;     // processes at a time
    grouping groups = grouping::job;
    bool is_ordered = false;
    bool has_tags = false;
    bool is_dry = false;
    bool shows_commands = false;  // on standard error, before they run
    bool shows_bar = false;
    std::string results = {};  // a folder for outputs, or empty
    std::uint64_t tries = 1;
    std::optional<std::chrono::milliseconds> timeout = std::nullopt;
    std::chrono::milliseconds delay{0};  // between one start and the next
    halt_rule halt = {};
    job_log_options log = {};
};

/// Gives GNU parallel's exit status: how many jobs failed, at most 101; that of `halt`; or 128 and a signal's number.
/// Throws usage_error.
[[nodiscard]] int run_exec(const exec_options& options);

}  // namespace gatherd::cli::jobs
