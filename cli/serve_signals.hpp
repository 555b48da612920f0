/// \file
/// The signals of `gatherd serve`.
#pragma once

#include <asio/signal_set.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>

namespace gatherd::cli {

/// SIGHUP, SIGTERM and SIGINT, for the one thread that waits for them. The second of SIGTERM and SIGINT ends the
/// process on the spot, whatever that thread does.
///
/// Threads: next is for one thread at a time; the signals arrive on the context's.
class serve_signals {
public:
    explicit serve_signals(asio::io_context& on);

    /// Waits for a signal and gives its number. One SIGHUP may stand for several.
    [[nodiscard]] int next();

private:
    void wait();

    asio::signal_set signals_;
    bool must_stop_ = false;  // the context's own
    std::mutex lock_;
    std::condition_variable changed_;
    std::deque<int> came_;  // under lock_
};

}  // namespace gatherd::cli
