/// \file
/// What has happened since the daemon's start, in numbers.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "api/error.hpp"
#include "api/latency_histogram.hpp"
#include "gatherd/api/value.hpp"

namespace gatherd::executor {
class scheduler;
}

namespace gatherd::api::server {

/// What is counted; names in the answer of method stats: counters.cpp.
enum class event : std::uint8_t {
    connections_accepted,
    connections_refused,  ///< beyond limits.connections or limits.address_connections
    foreign_closed,       ///< HTTP or TLS on a plain port
    tls_failed,           ///< handshakes and records that were no TLS, or a certificate that was not accepted
    tokens_refused,       ///< calls of auth with a token that is none
    bytes_read,
    bytes_written,
    requests,  ///< each one of a batch
    programs_run,
    programs_failed,  ///< however: failed, cancelled, timed out, over a limit
    tasks_started,    ///< of plans that were let in
    tasks_done,       ///< of plans that returned; a plan's tasks count alike when it has ended
    tasks_failed,     ///< of plans that failed or exceeded a limit
    tasks_cancelled,  ///< of plans that were cancelled or timed out
    created_tasks_run,
    answers_ignored,  ///< of workers: answers and output to no call
    count,            // how many there are
};

/// Counters that every part of the service raises.
///
/// Threads: all members are safe from any thread. Each worker counts in a place of its own, so that counting costs no
/// cache line that another one wants: a few nanoseconds.
class counters {
public:
    /// A place for each of those workers, and one for all other threads.
    explicit counters(const executor::scheduler& threads);

    void add(event counted, std::uint64_t n = 1) noexcept { add_at(static_cast<std::size_t>(counted), n); }

    /// A request for the method of that index, of `methods` (see methods.cpp).
    void add_method(std::size_t index) noexcept { add_at(first_method + index, 1); }

    /// A request for the method of that index was answered: with a result, or with an error of that code.
    void add_answer(std::size_t method, const errc* failed) noexcept;

    /// A request took so long. Only counted while that is asked for (request_log::measure).
    void add_request_time(std::chrono::nanoseconds took) noexcept;

    /// An error that a client is told.
    void add_error(const error& counted) noexcept;

    /// Somebody met that limit, by its full name ("limits.depth"). Unknown names are not counted.
    void add_limit(std::string_view name, std::uint64_t n = 1) noexcept;

    [[nodiscard]] std::uint64_t get(event counted) const noexcept { return sum(static_cast<std::size_t>(counted)); }
    [[nodiscard]] std::uint64_t of_method(std::size_t index) const noexcept { return sum(first_method + index); }

    /// Answers to requests for the method of that index: those with a result, and then by code, in the order of
    /// `errors`.
    struct answer_counts {
        std::uint64_t results = 0;
        std::vector<std::pair<errc, std::uint64_t>> errors{};
    };
    [[nodiscard]] answer_counts answers(std::size_t method) const;
    [[nodiscard]] latency_histogram request_times() const;

    /// All events by name.
    [[nodiscard]] value events() const;
    /// By code, and by limit: all that there are, also those that nobody has met.
    [[nodiscard]] value errors() const;
    [[nodiscard]] value limits_met() const;

    static constexpr std::size_t most_methods = 20;

private:
    static constexpr std::size_t most_errors = 16;
    static constexpr std::size_t most_limits = 24;
    static constexpr std::size_t first_method = static_cast<std::size_t>(event::count);
    static constexpr std::size_t first_error = first_method + most_methods;
    static constexpr std::size_t first_limit = first_error + most_errors;
    static constexpr std::size_t first_answer = first_limit + most_limits;
    static constexpr std::size_t first_time = first_answer + (most_methods + 1) * most_errors;
    static constexpr std::size_t all_times = first_time + latency_bounds.size() + 1;  // their sum, in ns
    static constexpr std::size_t cache_line = 128;  // two of 64: the processor fetches them in pairs

    struct alignas(cache_line) place {
        std::array<std::atomic<std::uint64_t>, all_times + 1> numbers{};
    };

    void add_at(std::size_t index, std::uint64_t n) noexcept;
    [[nodiscard]] std::uint64_t sum(std::size_t index) const noexcept;

    const executor::scheduler& threads_;
    std::size_t workers_;
    std::unique_ptr<place[]> places_;
};

}  // namespace gatherd::api::server
