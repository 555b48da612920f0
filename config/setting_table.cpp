#include "config/setting_table.hpp"

#include <algorithm>
#include <array>

#include "config/address.hpp"

namespace gatherd::config {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t gib = kib * kib * kib;
constexpr std::uint64_t many = 1'000'000'000;
constexpr std::chrono::milliseconds day = 24h;

// In the order of their enumerators.
constexpr std::array<std::string_view, 6> level_words{"trace", "debug", "info", "warn", "error", "off"};
constexpr std::array<std::string_view, 3> format_words{"auto", "text", "json"};

// NOLINTBEGIN(readability-identifier-length): the parameter of a one-line accessor
// clang-format off
// It knows no layout for a table of lambdas.
constexpr std::array table{
    setting{"listen", addresses_field{[](settings& s) -> auto& { return s.listen; }},
            "where to accept clients: host:port (port 0 picks a free one), unix:/path, systemd, each also behind "
            "tls:; several with commas between"},
    setting{"port_file", text_field{[](settings& s) -> auto& { return s.port_file; }},
            "file to write the chosen addresses to, one a line, once clients are accepted"},
    setting{"threads", count_field{[](settings& s) -> auto& { return s.threads; }, 0, 1024, "auto"},
            "threads that run tasks; auto is as many as the machine or the container's CPU quota allows"},
    setting{"pin_threads", switch_field{[](settings& s) -> auto& { return s.pin_threads; }},
            "keep each of these threads on one CPU; for machines that run little else"},
    setting{"unix.mode", mode_field{[](settings& s) -> auto& { return s.unix_socket.mode; }},
            "mode of the files of Unix sockets: who may write may connect"},
    setting{"unix.owner", text_field{[](settings& s) -> auto& { return s.unix_socket.owner; }},
            "owner of the files of Unix sockets: user, user:group or :group"},
    setting{"tls.certificate", text_field{[](settings& s) -> auto& { return s.tls.certificate; }},
            "PEM file of the daemon's certificate and those that lead from it to its authority"},
    setting{"tls.key", text_field{[](settings& s) -> auto& { return s.tls.key; }},
            "PEM file of the certificate's key"},
    setting{"tls.client_ca", text_field{[](settings& s) -> auto& { return s.tls.client_ca; }},
            "PEM file of the authorities of clients' certificates; with it every TLS client must show one"},
    setting{"auth.tokens", tokens_field{[](settings& s) -> auto& { return s.auth.tokens; }},
            "tokens that clients may show, by their SHA-256 or the files that hold them; with any, every client must show one"},
    setting{"auth.time", duration_field{[](settings& s) -> auto& { return s.limits.auth_time; }, 1ms, day},
            "how long a connection may stay without having shown a token, where one is needed"},
    setting{"auth.tries", count_field{[](settings& s) -> auto& { return s.limits.auth_tries; }, 1, 1'000},
            "wrong tokens that a connection may show before it is closed"},
    setting{"auth.open", switch_field{[](settings& s) -> auto& { return s.auth.open; }},
            "listen beyond loopback though clients need neither a token nor a certificate"},
    setting{"auth.open_functions", switch_field{[](settings& s) -> auto& { return s.limits.open_functions; }},
            "offer process.run and the functions of files and HTTP over TCP, too, where clients need no token"},
    setting{"process.allow", texts_field{[](settings& s) -> auto& { return s.process.allow; }},
            "programs that process.run may run: names looked up in process.path, absolute paths, or *"},
    setting{"process.path", text_field{[](settings& s) -> auto& { return s.process.path; }},
            "folders in which process.run looks for a program by its name, with colons between"},
    setting{"process.env", texts_field{[](settings& s) -> auto& { return s.process.env; }},
            "environment variables that a call of process.run may set, or *"},
    setting{"process.max_memory",
            bytes_field{[](settings& s) -> auto& { return s.process.max_memory; }, kib * kib, 1024 * gib, "off"},
            "address space of a process that process.run starts"},
    setting{"process.max_cpu",
            duration_field{[](settings& s) -> auto& { return s.process.max_cpu; }, 0s, 7 * day, "off"},
            "CPU time of a process that process.run starts, in seconds, rounded up"},
    setting{"process.running", count_field{[](settings& s) -> auto& { return s.process.running; }, 1, 10'000},
            "processes of process.run at a time; further calls wait in line"},
    setting{"file.roots", folders_field{[](settings& s) -> auto& { return s.file.roots; }},
            "folders that the functions of files may reach, by the name with which a path begins"},
    setting{"http.allow", texts_field{[](settings& s) -> auto& { return s.http.allow; }},
            "whom http.request may reach: host names, *.suffix, * (public addresses only), blocks such as 10.0.0.0/8; each also "
            "with :port"},
    setting{"http.running", count_field{[](settings& s) -> auto& { return s.http.running; }, 1, 10'000},
            "requests of http.request at a time; further calls wait in line"},
    setting{"http.dns_servers", texts_field{[](settings& s) -> auto& { return s.http.dns_servers; }},
            "name servers that http.request asks, as address or address:port, in place of the system's"},
    setting{"http.ca_file", text_field{[](settings& s) -> auto& { return s.http.ca_file; }},
            "PEM file of the authorities that http.request trusts, in place of the system's"},
    setting{"log.level",
            word_field{level_words, "level", [](const settings& s) { return static_cast<std::size_t>(s.log.level); },
                       [](settings& s, std::size_t place) { s.log.level = static_cast<log_level>(place); }},
            "how much to log"},
    setting{"log.format",
            word_field{format_words, "format", [](const settings& s) { return static_cast<std::size_t>(s.log.format); },
                       [](settings& s, std::size_t place) { s.log.format = static_cast<log_format>(place); }},
            "how to write the log; auto is text on a terminal and for systemd's journal, else a JSON object a line"},
    setting{"log.slow", duration_field{[](settings& s) -> auto& { return s.log.slow; }, 0s, day},
            "requests that take as long are logged as slow, at level warn; 0s for none"},
    setting{"admin.listen", admin_address_field{[](settings& s) -> auto& { return s.admin.listen; }},
            "where the admin port answers HTTP: host:port; none for no admin port"},
    setting{"admin.connections", count_field{[](settings& s) -> auto& { return s.admin.connections; }, 1, 10'000},
            "requests that the admin port works on at a time, watchers among them; /healthz and /readyz have places beside these"},
    setting{"admin.hosts",
            texts_field{[](settings& s) -> auto& { return s.admin.hosts; }, is_host,
                        "a host as browsers name it: admin.example.org, 192.0.2.1 or [::1], each also with :port, and no http://",
                        R"(^([A-Za-z0-9_.-]{1,255}|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$)"},
            "further hosts by which browsers and others may call the admin port: name for any port, or name:port"},
    setting{"admin.open_metrics", switch_field{[](settings& s) -> auto& { return s.admin.open_metrics; }},
            "answer /metrics without a token"},
    setting{"blocking.threads", count_field{[](settings& s) -> auto& { return s.blocking.threads; }, 1, 10'000},
            "threads at most for calls that block, such as to_thread's"},
    setting{"drain.grace", duration_field{[](settings& s) -> auto& { return s.drain.grace; }, 0s, day},
            "how long a stopping daemon lets accepted tasks run on before it cancels them"},
    setting{"tasks.keep", duration_field{[](settings& s) -> auto& { return s.limits.keep; }, 0s, 7 * day},
            "how long the result of a finished created task is kept"},
    setting{"workers.remember", duration_field{[](settings& s) -> auto& { return s.limits.worker_remember; }, 0s, day},
            "how long plans may name a function after its last worker has gone"},
    setting{"workers.wait", duration_field{[](settings& s) -> auto& { return s.limits.worker_wait; }, 0s, day},
            "how long a call waits for a worker where nobody serves its function any more"},
    setting{"workers.cancel_time", duration_field{[](settings& s) -> auto& { return s.limits.worker_cancel_time; }, 1ms, day},
            "how long a worker may take to answer a cancelled call; after twice that it is closed"},
    setting{"pools", pools_field{[](settings& s) -> auto& { return s.pools; }},
            "pools of processes that serve functions, by name; the flag --pool COMMAND adds one"},
    setting{"plugins", texts_field{[](settings& s) -> auto& { return s.plugins; }},
            "shared libraries with functions that plans may call, loaded at the start; the flag --plugin FILE adds one"},
    setting{"limits.message_bytes",
            bytes_field{[](settings& s) -> auto& { return s.limits.message_bytes; }, kib, 2 * gib, "auto"},
            "size of one message; auto is the smaller of 64MiB and an eighth of limits.memory_bytes"},
    setting{"limits.depth", count_field{[](settings& s) -> auto& { return s.limits.depth; }, 2, 1'000},
            "how deep the JSON of a message may nest"},
    setting{"limits.id_bytes", bytes_field{[](settings& s) -> auto& { return s.limits.id_bytes; }, 16, 64 * kib},
            "size of a request's id, if that is a string, and of the name of a created task"},
    setting{"limits.plan_tasks", count_field{[](settings& s) -> auto& { return s.limits.plan_tasks; }, 1, many},
            "tasks in one plan, each item of a map being one"},
    setting{"limits.result_bytes",
            bytes_field{[](settings& s) -> auto& { return s.limits.result_bytes; }, kib, 64 * gib},
            "size of the results of one program"},
    setting{"limits.output_lines", count_field{[](settings& s) -> auto& { return s.limits.output_lines; }, 0, many},
            "lines that one program may print"},
    setting{"limits.tasks_in_flight",
            count_field{[](settings& s) -> auto& { return s.limits.tasks_in_flight; }, 1, many},
            "unfinished tasks of all clients together"},
    setting{"limits.connection_tasks_in_flight",
            count_field{[](settings& s) -> auto& { return s.limits.connection_tasks_in_flight; }, 1, many},
            "unfinished tasks of one connection"},
    setting{"limits.connections", count_field{[](settings& s) -> auto& { return s.limits.connections; }, 1, 1'000'000},
            "connections at a time"},
    setting{"limits.connection_requests",
            count_field{[](settings& s) -> auto& { return s.limits.connection_requests; }, 1, many},
            "requests of one connection that are not answered yet"},
    setting{"limits.unread_bytes",
            bytes_field{[](settings& s) -> auto& { return s.limits.unread_bytes; }, kib, 64 * gib},
            "answers that a client has not read yet; beyond it nothing more is read from that client"},
    setting{"limits.unread_time", duration_field{[](settings& s) -> auto& { return s.limits.unread_time; }, 1ms, day},
            "how long a client over limits.unread_bytes may read nothing before it is closed"},
    setting{"limits.message_time", duration_field{[](settings& s) -> auto& { return s.limits.message_time; }, 1ms, day},
            "time from the first to the last byte of a message"},
    setting{"limits.idle_time",
            duration_field{[](settings& s) -> auto& { return s.limits.idle_time; }, 0s, 7 * day, "off"},
            "how long a connection may stay without a message or an unfinished task before it is closed"},
    setting{"limits.cleanup_time", duration_field{[](settings& s) -> auto& { return s.limits.cleanup_time; }, 0s, day},
            "how long cancelled tasks may take to clean up before they are cancelled again"},
    setting{"limits.cleanup_rounds", count_field{[](settings& s) -> auto& { return s.limits.cleanup_rounds; }, 1, 1000},
            "how often tasks that do not clean up are cancelled again, once a second, before they are abandoned"},
    setting{"limits.kept_results", count_field{[](settings& s) -> auto& { return s.limits.kept_results; }, 0, many},
            "results of finished created tasks that are kept; the oldest go first"},
    setting{"limits.kept_bytes", bytes_field{[](settings& s) -> auto& { return s.limits.kept_bytes; }, 0, 64 * gib},
            "size of all kept results together; the oldest go first"},
    setting{"limits.memory_bytes",
            bytes_field{[](settings& s) -> auto& { return s.limits.memory_bytes; }, 16 * kib * kib, 1024 * gib, "auto"},
            "memory that the process may allocate for requests, tasks, answers and kept results; auto is half of the "
            "machine's or the container's"},
    setting{
        "limits.client_memory_bytes",
        bytes_field{[](settings& s) -> auto& { return s.limits.client_memory_bytes; }, kib * kib, 1024 * gib, "auto"},
        "memory that the programs, kept results, half-read messages and unread answers of one client may hold; auto is "
        "half of limits.memory_bytes"},
    setting{"limits.address_connections",
            count_field{[](settings& s) -> auto& { return s.limits.address_connections; }, 1, 1'000'000},
            "connections at a time from one IPv4 address or one /64 of IPv6"},
    setting{"limits.token_tasks_in_flight",
            count_field{[](settings& s) -> auto& { return s.limits.token_tasks_in_flight; }, 1, many},
            "unfinished tasks of one token, unless auth.tokens says otherwise"},
    setting{"limits.functions", count_field{[](settings& s) -> auto& { return s.limits.functions; }, 1, 1'000'000},
            "functions that all workers together serve"},
};
// clang-format on
// NOLINTEND(readability-identifier-length)

}  // namespace

std::span<const setting> setting_table() {
    return table;
}

const setting* find_setting(std::string_view name) {
    const auto* found = std::ranges::find(table, name, &setting::name);
    return found == table.end() ? nullptr : found;
}

bool is_group(std::string_view name) {
    return std::ranges::any_of(table, [name](const setting& each) {
        return each.name.size() > name.size() && each.name.starts_with(name) && each.name[name.size()] == '.';
    });
}

}  // namespace gatherd::config
