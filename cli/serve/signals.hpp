/// \file
/// The signals that `gatherd serve` waits for.
#pragma once

#include <csignal>

namespace gatherd::cli {

/// SIGTERM, SIGINT and SIGHUP, for the thread that waits for them.
///
/// The constructor blocks them in the calling thread, and so in every thread that it starts later: they stay pending
/// until `next` takes them. No handler runs beside other code (sigwait(3)).
///
/// Threads: one, which constructs it before it starts any other. A child process inherits the blocked signals: whoever
/// starts one gives it an empty mask.
class serve_signals {
public:
    serve_signals() noexcept;

    /// Blocks until a signal comes, and gives its number. One SIGHUP may stand for several. After SIGTERM or SIGINT,
    /// the next one of these two ends the process at once, with status 128 + its number. The same signal a second time
    /// within 50 ms is no next one; for as long, next does not return.
    [[nodiscard]] int next() noexcept;

private:
    sigset_t waited_for_{};
};

}  // namespace gatherd::cli
