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
#include "config/log_words.hpp"
#include "config/pool.hpp"
#include "config/token.hpp"
#include "gatherd/api/limits.hpp"

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
        bool open = false;
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
        log_format format = log_format::automatic;
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

    std::vector<pool> pools;           // processes that serve functions
    std::vector<std::string> plugins;  // shared libraries with functions

    /// The limits, and what else bounds clients: `tasks.keep`, `workers.*` and the numbers of `auth.*`. A zero among
    /// these three: message_bytes the smaller of 64 MiB and an eighth of memory_bytes; memory_bytes half of what the
    /// machine or the container has; client_memory_bytes half of memory_bytes.
    api::limits limits{.message_bytes = 0, .memory_bytes = 0, .client_memory_bytes = 0};
};

}  // namespace gatherd::config
