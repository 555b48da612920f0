/// \file
/// Calls one function for each line of an input that may have no end, and writes the results as lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/client/client.hpp"
#include "cli/jobs/halt_rule.hpp"
#include "cli/jobs/job_log.hpp"

namespace gatherd::cli::jobs {

struct map_options {
    /// What a line is.
    enum class form : std::uint8_t {
        text,  // one text
        json,  // an array is all arguments, an object those by name, any other value one
        tsv,   // texts with tabs between
    };

    std::string function = {};
    std::string leading = {};  // arguments before those of a line, as JSON with commas between
    form lines = form::text;
    char separator = '\n';
    std::uint64_t jobs = 0;                             // calls at a time
    std::optional<std::string> timeout = std::nullopt;  // of a try, in seconds, as JSON
    std::uint64_t tries = 1;
    /// Of whatever is in flight: how long the daemon may say nothing; none: for ever.
    std::optional<std::chrono::milliseconds> patience = std::nullopt;
    bool is_ordered = true;
    bool shows_errors = false;  // in place of a result that is none: the ERROR, not null
    bool is_raw = false;        // a text is written without its quotes
    bool shows_bar = false;
    halt_rule halt = {};
    job_log_options log = {};
};

/// Reads standard input to its end, or to where `options.halt` or a signal stops it. Gives the exit status. Several
/// lines go into one request where calls are quick; no more are read than may run, so memory does not grow with the
/// input. Throws connection_error, usage_error.
[[nodiscard]] int run_map(client& daemon, const map_options& options);

}  // namespace gatherd::cli::jobs
