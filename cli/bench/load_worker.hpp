/// \file
/// The part of a load test that one process does.
#pragma once

#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/bench/load_connection.hpp"
#include "cli/bench/load_options.hpp"
#include "cli/bench/schedule.hpp"
#include "cli/bench/tally.hpp"
#include "cli/bench/workload.hpp"

namespace gatherd::cli::bench {

/// Of `load_options::processes` the one of this index: it has each so many-th connection and request.
///
/// One thread and one epoll. A closed loop sends a request when an answer has come. An open loop sends request n when
/// it is due; while its connection has no room the request waits, and its latency counts from when it was due.
///
/// Threads: one at a time. Costs: some 0.3 us a request beside the system's calls, of which a burst takes two.
class load_worker {
public:
    using clock = std::chrono::steady_clock;

    /// `shared` is empty, and outlives this object, as does `stop`: whether to end before the time.
    load_worker(const load_options& options, std::size_t index, workload shapes, shared_tally& shared,
                const std::atomic<bool>& stop);
    ~load_worker();
    load_worker(const load_worker&) = delete;
    load_worker& operator=(const load_worker&) = delete;

    /// Makes its connections. Throws connection_error.
    void connect(const asio::generic::stream_protocol::endpoint& server);

    /// Runs all phases from `start` on, and counts. The connections stay open.
    void run(clock::time_point start);

private:
    [[nodiscard]] bool is_open_loop() const noexcept { return schedule_.has_value(); }
    [[nodiscard]] bool may_start(clock::time_point now) const noexcept;
    [[nodiscard]] bool is_done(clock::time_point now) const noexcept;
    [[nodiscard]] clock::time_point giving_up_from() const noexcept;
    [[nodiscard]] clock::time_point due(std::uint64_t own_number) const noexcept;

    void wait_for_events(clock::time_point now);
    void start_due(clock::time_point now);
    void start_more(std::size_t connection, clock::time_point now);
    void begin(std::size_t connection, clock::time_point since, clock::time_point now);
    void flush(std::size_t connection);
    void handle(std::size_t connection, std::uint32_t events);
    void count(const ended_request& each, clock::time_point now);
    void drop_lost(std::size_t connection);
    void watch(std::size_t connection, int operation, bool for_writing);

    const load_options& options_;
    const std::size_t index_;
    workload shapes_;
    shared_tally& shared_;
    tally& counted_ = shared_.counted;
    const std::atomic<bool>& stop_;
    std::optional<schedule> schedule_;
    std::uint64_t allowed_;  // requests

    asio::io_context context_;  // of the sockets; it never runs
    int epoll_ = -1;
    std::string out_;
    std::vector<char> scratch_;
    std::vector<ended_request> ended_;
    struct peer {
        std::unique_ptr<load_connection> link;
        std::uint64_t next = 0;     // open loop: of its own requests the one to be sent next
        std::uint64_t backlog = 0;  // due and not sent
        bool watched_for_writing = false;
    };
    std::vector<peer> peers_;
    std::size_t alive_ = 0;

    clock::time_point start_;
    clock::time_point last_event_;  // a request was sent, or an answer came: patience counts from it
    std::size_t begun_peers_ = 0;   // of a closed loop's ramp
    std::uint64_t started_ = 0;     // requests that were sent
    std::uint64_t fallen_due_ = 0;  // requests of an open loop
    std::uint64_t backlog_ = 0;     // of all peers
    std::uint64_t in_flight_ = 0;
};

}  // namespace gatherd::cli::bench
