/// \file
/// Asks a daemon again and again, on a thread of its own, so that nobody waits for an answer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cli/client/destination.hpp"
#include "cli/top/snapshot.hpp"

namespace gatherd::cli {
class client;
}

namespace gatherd::cli::top {

/// What is known now.
struct report {
    std::shared_ptr<const snapshot> now{};  ///< the last one, also while there is no connection; null: none yet
    std::string fault{};                    ///< why there is no connection; empty: there is one
    std::string task{};                     ///< that is watched, whose status follows
    api::value status{};
    std::string status_refusal{};
    std::string note{};  ///< what became of a cancel; taken once
    std::optional<std::chrono::steady_clock::time_point>
        asked{};  ///< when the round began that has not ended; none: all is answered
};

/// Tasks that are asked for each time, and where somebody looks for one.
inline constexpr std::size_t few_tasks = 1000;
inline constexpr std::size_t many_tasks = 10'000;

/// One round of questions, with at most so many tasks. Throws connection_error, timeout_error and refusal_error, as
/// client does.
[[nodiscard]] snapshot ask_all(client& daemon, const std::string& server, std::size_t most_tasks);

/// Looks at once, then once an interval; where the connection is lost it connects anew.
///
/// Threads: one that looks, and any that ask. It is never destroyed: its thread may be waiting for the daemon, so that
/// the process ends as it is.
class poller {
public:
    poller(destination server, double interval);
    ~poller() = delete;
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;

    /// Becomes readable when there is news; `take` makes it unreadable.
    [[nodiscard]] int descriptor() const noexcept { return event_; }
    [[nodiscard]] report take();

    void set_interval(double seconds);

    /// How many tasks are asked for; more than before at once.
    void set_most_tasks(std::size_t most);

    /// From now on the status of that task is asked for, too; empty: of none.
    void watch(std::string task);
    void cancel(std::string task);

private:
    struct wishes {
        double interval;
        std::size_t most_tasks = few_tasks;
        std::string watched{};
        std::vector<std::string> doomed{};
        bool is_new = false;
    };

    void run() noexcept;
    void look(std::unique_ptr<client>& daemon, const wishes& asked);
    void look_at_task(client& daemon, const std::string& task);
    void tell(const std::function<void(report&)>& change);

    const destination server_;
    const int event_;
    bool knows_nodes_ = true;  // of the thread: whether the daemon takes `nodes`
    std::mutex lock_;
    std::condition_variable asked_;
    wishes wishes_;  // under lock_, as the next
    report report_{};
};

}  // namespace gatherd::cli::top
