/// \file
/// The bounds that a service keeps.
#pragma once

#include <chrono>
#include <cstddef>

namespace gatherd::api {

/// See docs/PROTOCOL.md, section Limits: the names there are those of the settings.
struct limits {
    std::size_t message_bytes = std::size_t{64} << 20;
    std::size_t depth = 512;
    std::size_t id_bytes = 1024;
    std::size_t plan_tasks = 2'000'000;
    std::size_t result_bytes = std::size_t{256} << 20;
    std::size_t output_lines = 100'000;
    std::size_t tasks_in_flight = 4'000'000;
    std::size_t connection_tasks_in_flight = 2'000'000;
    std::size_t connections = 10'000;
    std::size_t connection_requests = 100'000;  ///< of one connection that are owed their answers
    std::size_t unread_bytes = std::size_t{64} << 20;
    std::chrono::milliseconds unread_time = std::chrono::seconds{60};
    std::chrono::milliseconds message_time = std::chrono::seconds{30};
    std::chrono::milliseconds idle_time{0};  ///< zero: no limit
    std::chrono::milliseconds cleanup_time = std::chrono::seconds{10};
    std::size_t cleanup_rounds = 10;
    std::chrono::milliseconds keep = std::chrono::seconds{300};  ///< tasks.keep: of a finished task's result
    std::size_t kept_results = 100'000;
    std::size_t kept_bytes = std::size_t{256} << 20;
    std::size_t memory_bytes = std::size_t{4} << 30;         ///< that the process may allocate for clients
    std::size_t client_memory_bytes = std::size_t{2} << 30;  ///< of them, for one
    std::size_t address_connections = 10'000;                ///< from one address
    std::size_t token_tasks_in_flight = 4'000'000;           ///< of one token, unless it has a number of its own
    std::chrono::milliseconds auth_time = std::chrono::seconds{10};  ///< auth.time: until a token was shown
    std::size_t auth_tries = 5;                                      ///< auth.tries: wrong tokens of one connection
    bool open_functions = false;  ///< auth.open_functions: over TCP those that reach outside need no token

    std::size_t functions = 10'000;  ///< that all workers together serve
    std::chrono::milliseconds worker_remember =
        std::chrono::minutes{5};                                       ///< workers.remember: of a name without workers
    std::chrono::milliseconds worker_wait = std::chrono::seconds{10};  ///< workers.wait: for a worker of a known name
    std::chrono::milliseconds worker_cancel_time =
        std::chrono::seconds{5};  ///< workers.cancel_time: until it has answered

    bool operator==(const limits&) const = default;
};

}  // namespace gatherd::api
