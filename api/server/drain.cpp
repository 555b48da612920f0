#include "api/server/drain.hpp"

#include <future>
#include <memory>
#include <thread>

#include "api/log/event.hpp"

namespace gatherd::api::server {

namespace {

using clock = std::chrono::steady_clock;

/// How long it may take until the last round of clean-up has abandoned what catches every cancellation.
std::chrono::milliseconds longest_clean_up(const limits& bounds) {
    constexpr std::chrono::seconds between_rounds{1};  // docs/PROTOCOL.md says so
    return bounds.cleanup_time + bounds.cleanup_rounds * between_rounds;
}

}  // namespace

bool wait_until(clock::time_point deadline, const std::function<bool()>& is_so) {
    constexpr std::chrono::milliseconds between_looks{2};
    while (!is_so()) {
        if (clock::now() >= deadline) {
            return false;
        }
        std::this_thread::sleep_for(between_looks);
    }
    return true;
}

drain_end drain(service& drained, std::chrono::milliseconds grace, const std::function<void(bool at_once)>& end_pools) {
    const auto emptied = std::make_shared<std::promise<void>>();  // the service may still call it after the end of this
    auto is_empty = emptied->get_future();
    const auto grace_ends = clock::now() + grace;
    drained.state().workers().drain(grace);
    drained.drain([emptied] { emptied->set_value(); });
    drained.state().workers().end_expecting();  // requests that wait for a pool are told
    const auto has_ended = [&drained] { return drained.state().tasks_in_flight()->load() == 0; };
    // Ends all processes; then their connections close.
    const auto end_all_pools = [&] {
        end_pools(true);
        static_cast<void>(wait_until(clock::now() + last_words, [&drained] {
            return drained.state().workers().size() == 0 && drained.connections().size() == 0;
        }));
    };
    if (wait_until(grace_ends,
                   [&drained] { return drained.connections().size() <= drained.state().workers().size(); })) {
        drained.state()
            .bulk()
            .finish();  // a huge message that was being read when its connection ended may have created tasks
        if (wait_until(grace_ends, has_ended)) {
            drained.end_workers(false);
            end_pools(false);
            if (is_empty.wait_until(grace_ends) == std::future_status::ready) {
                end_all_pools();
                return {};
            }
        }
    }
    log::warn("the grace is over: what still runs is cancelled",
              {{"seconds", std::chrono::duration<double>{grace}.count()}});
    drained.cancel_all();
    drain_end end;
    end.all_ended = wait_until(clock::now() + longest_clean_up(drained.state().bounds()), has_ended);
    if (!end.all_ended) {
        log::warn("tasks did not end in time", {{"tasks", drained.state().tasks_in_flight()->load()}});
    }
    drained.end_workers(true);
    end_all_pools();
    // Nothing runs any more, or nothing will end: what is left is for clients to read their answers.
    end.all_read = is_empty.wait_for(last_words) == std::future_status::ready;
    if (!end.all_read) {
        log::warn("clients did not read their answers in time", {{"clients", drained.connections().size()}});
    }
    return end;
}

}  // namespace gatherd::api::server
