/// \file
/// What can be set, as one plain struct whose nesting follows the dotted names (`limits.depth`).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/address.hpp"
#include "config/log_level.hpp"
#include "config/pool.hpp"
#include "config/token.hpp"

namespace gatherd::config {

/// The values that the daemon runs with. A default-constructed one holds the defaults, and they stand nowhere else: the
/// table of settings (setting_table.hpp) reads them from here and adds each one's name, unit, range and help.
struct settings {
    std::vector<address> listen{{"127.0.0.1", 7117}};  // at least one
    std::string port_file;                             // empty: none is written
    std::uint64_t threads = 0;                         // 0: as many as the container may use
    bool pin_threads = false;

    struct unix_settings {
        std::uint64_t mode = 0600;  // of the files of Unix sockets
        std::string owner;          // "user", "user:group", ":group"; empty: who runs the daemon
    } unix_socket;

    struct tls_settings {
        std::string certificate;  // files, PEM
        std::string key;
        std::string client_ca;  // empty: clients need no certificate
    } tls;

    struct auth_settings {
        std::vector<token> tokens;  // none: nobody is asked for one
        std::chrono::milliseconds time = std::chrono::seconds{10};
        std::uint64_t tries = 5;
        bool open = false;
        bool open_functions = false;
    } auth;

    /// Of process.run, as api/functions/process.hpp says.
    struct process_settings {
        std::vector<std::string> allow;
        std::string path = "/usr/local/bin:/usr/bin:/bin";
        std::vector<std::string> env;
        std::uint64_t max_memory = 0;          // 0: off
        std::chrono::milliseconds max_cpu{0};  // 0: off
        std::uint64_t running = 64;
    } process;

    struct file_settings {
        std::map<std::string, std::string> roots;  // name and folder
    } file;

    /// Of http.request and http.get, as api/functions/http.hpp says.
    struct http_settings {
        std::vector<std::string> allow;
        std::uint64_t running = 256;
        std::vector<std::string> dns_servers;
        std::string ca_file;
    } http;

    struct log_settings {
        log_level level = log_level::info;
        std::chrono::milliseconds slow{0};  // 0: none is logged for its time
    } log;

    /// Of the admin port, as api/admin/admin_server.hpp says.
    struct admin_settings {
        std::optional<address> listen;  // TCP in clear; none: there is no admin port
        std::uint64_t connections = 64;
        std::vector<std::string> hosts;
        bool open_metrics = false;
    } admin;

    struct blocking_settings {
        std::uint64_t threads = 64;  // at most, of the blocking lane
    } blocking;

    struct drain_settings {
        std::chrono::milliseconds grace = std::chrono::seconds{30};
    } drain;

    struct task_settings {
        std::chrono::milliseconds keep = std::chrono::seconds{300};
    } tasks;

    /// Of connections that serve functions.
    struct worker_settings {
        std::chrono::milliseconds remember = std::chrono::minutes{5};
        std::chrono::milliseconds wait = std::chrono::seconds{10};
        std::chrono::milliseconds cancel_time = std::chrono::seconds{5};
    } workers;

    std::vector<pool> pools;           // processes that serve functions
    std::vector<std::string> plugins;  // shared libraries with functions

    /// What docs/PROTOCOL.md calls the limits; what happens beyond each stands there.
    struct limit_settings {
        std::uint64_t message_bytes = 0;  // 0: the smaller of 64 MiB and an eighth of memory_bytes
        std::uint64_t depth = 512;
        std::uint64_t id_bytes = 1024;
        std::uint64_t plan_tasks = 2'000'000;
        std::uint64_t result_bytes = std::uint64_t{256} << 20;
        std::uint64_t output_lines = 100'000;
        std::uint64_t tasks_in_flight = 4'000'000;
        std::uint64_t connection_tasks_in_flight = 2'000'000;
        std::uint64_t connections = 10'000;
        std::uint64_t connection_requests = 100'000;
        std::uint64_t unread_bytes = std::uint64_t{64} << 20;
        std::chrono::milliseconds unread_time = std::chrono::seconds{60};
        std::chrono::milliseconds message_time = std::chrono::seconds{30};
        std::chrono::milliseconds idle_time{0};  // 0: off
        std::chrono::milliseconds cleanup_time = std::chrono::seconds{10};
        std::size_t cleanup_rounds = 10;
        std::uint64_t kept_results = 100'000;
        std::uint64_t kept_bytes = std::uint64_t{256} << 20;
        std::uint64_t memory_bytes = 0;         // 0: half of what the machine or the container has
        std::uint64_t client_memory_bytes = 0;  // 0: half of memory_bytes
        std::uint64_t address_connections = 10'000;
        std::uint64_t token_tasks_in_flight = 4'000'000;
        std::uint64_t functions = 10'000;  // of all workers together
    } limits;
};

}  // namespace gatherd::config
