/// \file
/// Runs one program on the daemon for a person or a script: its output, its progress, its result and its exit status.
#pragma once

#include <chrono>
#include <optional>

#include "cli/client/client.hpp"
#include "cli/client/destination.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

/// How a program's result is shown. `add_to` makes the options that submit and call share.
struct show_options {
    bool pretty = false;
    bool raw = false;   // a text without its quotes
    bool time = false;  // how long it took, on standard error
    bool progress = false;
    bool notifications = false;  // each that is neither output nor progress, on standard output
    bool streams = false;        // a line for each result that comes as a notification; not the counts at the end
    bool partial = false;        // the same results, but as the list that they make, also if it is not whole
    bool lists_errors = false;   // of such a list: each is an object with `value` or `error`
    bool fail_on_error = false;  // a failure inside a result of return_exceptions counts

    /// The options must live as long as the app is used.
    void add_to(CLI::App& app);
};

/// Sends it and waits, at most for `patience` if there is one: then the exit status is that of a timeout. The result
/// goes to standard output; lines that the program prints, the progress bar and errors go to standard error, so that
/// what is piped on is JSON. Ctrl-C cancels the request; a second one leaves at once. Gives the exit status. Throws
/// connection_error, timeout_error.
[[nodiscard]] int run_program(const destination& server, const request& program, const show_options& show,
                              std::optional<std::chrono::milliseconds> patience);

/// Whether a progress bar has a terminal to stand on.
[[nodiscard]] bool has_terminal();

}  // namespace gatherd::cli
