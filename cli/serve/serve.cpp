#include "cli/serve/serve.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <spdlog/spdlog.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "api/admin/admin_port.hpp"
#include "api/functions/standard.hpp"
#include "api/log/event.hpp"
#include "api/plan/model/registry.hpp"
#include "api/pools/pool_table.hpp"
#include "api/server/drain.hpp"
#include "api/server/net/listener.hpp"
#include "api/server/net/listening_socket.hpp"
#include "api/server/net/request_log.hpp"
#include "api/server/net/tls_context.hpp"
#include "api/server/service.hpp"
#include "cli/exit_status.hpp"
#include "cli/failures.hpp"
#include "cli/serve/check.hpp"
#include "cli/serve/first_process.hpp"
#include "cli/serve/log.hpp"
#include "cli/serve/service_manager.hpp"
#include "cli/serve/settings.hpp"
#include "cli/serve/signals.hpp"
#include "cli/version.hpp"
#include "gatherd/executor/detail/blocking_pool.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::cli {
namespace {

using api::admin::admin_port;
using api::pools::pool_table;
using api::server::last_words, api::server::listener, api::server::listening_socket, api::server::service,
    api::server::wait_until;

/// As many descriptors as the system grants: each connection is one. Gives the limit that there was before, which is
/// what programs that the daemon starts expect.
std::optional<std::uint64_t> raise_file_limit() {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return std::nullopt;
    }
    const std::uint64_t before = files.rlim_cur;
    if (files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
            api::log::warn("cannot raise the limit of open files");
        }
    }
    return before;
}

/// So many descriptors that something may have open at a time.
struct descriptor_need {
    const char* part;
    std::size_t count;
};

/// What the daemon may have open beside the connections of clients: of a process both ends of its pipes, its handle,
/// input and folder, of a request two sockets while it connects and those that ask name servers, of a call that has a
/// thread its file and folder; of the admin port each connection's socket, and of those that are handled a pair to the
/// service.
std::vector<descriptor_need> descriptor_needs(const config::settings& settings, std::size_t threads) {
    constexpr std::size_t of_the_daemon = 32;
    constexpr std::size_t of_a_reactor = 6;  // a thread's, and those of its twin for bulky plans
    constexpr std::size_t of_a_process = 8;
    constexpr std::size_t of_a_request = 4;
    constexpr std::size_t of_a_thread = 4;
    constexpr std::size_t of_a_worker = 2 * 8;  // of a pool; each may have a successor for a while
    std::size_t workers = 0;
    for (const auto& each : pools_from(settings)) {
        workers += each.processes;
    }
    constexpr std::size_t beside_connections = 64;
    return {
        {"the daemon", of_the_daemon + settings.listen.size()},
        {"threads", of_a_reactor * threads},
        {"processes of pools", of_a_worker * workers},
        {"process.running", settings.process.allow.empty() ? 0 : of_a_process * settings.process.running},
        {"http.running", settings.http.allow.empty() ? 0 : of_a_request * settings.http.running},
        {"blocking.threads (file.roots)", settings.file.roots.empty() ? 0 : of_a_thread * settings.blocking.threads},
        {"admin.connections",
         settings.admin.listen ? beside_connections + 3 * static_cast<std::size_t>(settings.admin.connections) : 0}};
}

/// The limits of the settings, with no more connections than there are descriptors for: what else the daemon opens
/// (listeners, reactors, files, connections that are being refused) never finds that none is left. Throws
/// std::runtime_error where there are too few for any.
api::limits bearable_limits(const config::settings& settings, std::size_t threads) {
    constexpr std::size_t refused_at_once = 256;
    constexpr std::size_t fewest_connections = 8;
    api::limits limits = limits_from(settings);
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) {
        return limits;
    }
    std::size_t own = 0;
    std::string parts;
    for (const descriptor_need& each : descriptor_needs(settings, threads)) {
        own += each.count;
        parts += each.count == 0
                     ? ""
                     : (parts.empty() ? "" : ", ") + std::string{each.part} + " " + std::to_string(each.count);
    }
    if (files.rlim_cur < own + 2 * fewest_connections) {
        throw std::runtime_error{"the limit of open files is " + std::to_string(files.rlim_cur) + ", and " +
                                 std::to_string(own + 2 * fewest_connections) + " are needed (" + parts + ", clients " +
                                 std::to_string(2 * fewest_connections) +
                                 "): raise it (ulimit -n, LimitNOFILE), or lower what needs most"};
    }
    const std::size_t for_clients = files.rlim_cur - own;
    const std::size_t bearable = for_clients - std::min(for_clients / 2, refused_at_once);
    if (limits.connections > bearable) {
        api::log::warn("limits.connections is lowered: the limit of open files (ulimit -n, LimitNOFILE) allows no more",
                       {{"from", limits.connections}, {"to", bearable}, {"open_files", files.rlim_cur}});
        limits.connections = bearable;
    }
    return limits;
}

/// One address a line, the admin port as the last. Written beside and renamed: who waits for the file never reads half
/// of it.
void write_port_file(const std::string& path, const std::vector<std::shared_ptr<listener>>& listeners,
                     const admin_port* admin) {
    const std::string beside = path + ".new";
    {
        errno = 0;
        std::ofstream out{beside, std::ios::trunc};
        for (const auto& each : listeners) {
            out << each->address() << '\n';
        }
        if (admin != nullptr) {
            out << "http://" << admin->address() << '\n';
        }
        if (!out.flush()) {
            throw std::runtime_error{"cannot write the port file " + path + ": " +
                                     std::strerror(errno == 0 ? EIO : errno)};
        }
    }
    std::error_code failed;
    std::filesystem::rename(beside, path, failed);
    if (failed) {
        throw std::runtime_error{"cannot write the port file " + path + ": " + failed.message()};
    }
}

using tls_ptr = std::shared_ptr<api::server::tls_context>;

std::vector<std::shared_ptr<listener>> listen(service& daemon, const config::settings& settings, const tls_ptr& tls) {
    using kind = config::address::kind;
    std::vector<std::shared_ptr<listener>> listeners;
    const auto add = [&](listening_socket at, bool is_tls) {
        check_exposure(at.address(), at.is_local(), is_tls, settings);
        listeners.push_back(std::make_shared<listener>(daemon.connections(), std::move(at), is_tls ? tls : nullptr));
        api::log::info("listening", {{"address", (is_tls ? "tls:" : "") + listeners.back()->address()}});
    };
    for (const config::address& at : settings.listen) {
        if (at.is == kind::systemd) {
            for (listening_socket& each : listening_socket::inherited()) {
                add(std::move(each), at.tls);
            }
        } else if (at.is == kind::local) {
            add(listening_socket::local(at.path, unix_access_from(settings)), at.tls);
        } else {
            add(listening_socket::tcp(at.host, at.port), at.tls);
        }
    }
    return listeners;
}

api::admin::admin_access admin_access_from(const config::settings& settings) {
    return {settings.admin.hosts, settings.admin.open_metrics};
}

/// Null where there is to be none.
std::unique_ptr<admin_port> open_admin_port(service& daemon, const pool_table& pools,
                                            const config::settings& settings) {
    if (!settings.admin.listen) {
        return nullptr;
    }
    auto at = listening_socket::tcp(settings.admin.listen->host, settings.admin.listen->port);
    check_admin_exposure(at.address(), at.is_local(), settings);
    api::server::request_log::measure();
    auto made =
        std::make_unique<admin_port>(daemon, pools, std::move(at), static_cast<std::size_t>(settings.admin.connections),
                                     admin_access_from(settings));
    api::log::info("the admin port listens", {{"address", "http://" + made->address()}});
    return made;
}

void set_log(const config::settings& settings) {
    spdlog::default_logger()->set_level(level_from(settings.log.level));
    api::server::request_log::set_slow(settings.log.slow);
}

/// Of tokens whose entry is as before: that their files hold others now.
void tell_new_files(const config::settings& old_settings, const config::settings& new_settings,
                    const std::vector<api::server::token_grant>& old_tokens,
                    const std::vector<api::server::token_grant>& new_tokens) {
    const auto& known = old_settings.auth.tokens;
    for (std::size_t i = 0; i < new_tokens.size(); ++i) {
        const auto same = std::ranges::find(known, new_settings.auth.tokens[i]);
        if (same != known.end() &&
            old_tokens[static_cast<std::size_t>(same - known.begin())].hash != new_tokens[i].hash) {
            api::log::info("SIGHUP: a token was replaced in its file", {{"token", new_tokens[i].name}});
        }
    }
}

void check_pools(const config::settings& settings, const api::plan::registry& functions) {
    check_pool_environments(settings);
    for (const auto& each : pools_from(settings)) {
        try {
            api::pools::check(each, functions);
        } catch (const std::runtime_error& wrong) {
            throw usage_error{wrong.what()};
        }
    }
}

/// New addresses count at the next start only. What that would refuse is told now: the daemon must not find out then.
void check_new_addresses(const config::settings& asked, const config::settings& now) {
    if (asked.listen == now.listen && asked.admin.listen == now.admin.listen) {
        return;
    }
    std::string lines;
    for (const auto& each : address_faults(asked)) {
        lines += (lines.empty() ? "" : "\n") + each;
    }
    if (!lines.empty()) {
        throw usage_error{lines};
    }
}

/// Takes what settings may change while the daemon runs: all of it, or none where anything is wrong.
void reload(service& daemon, pool_table& pools, const std::vector<std::shared_ptr<listener>>& listeners,
            const tls_ptr& tls, admin_port* admin, config::settings& settings,
            std::vector<api::server::token_grant>& tokens, const std::function<config::settings()>& read_again) {
    try {
        const auto asked = read_again();
        const auto next = keep_start_settings(asked, settings);
        check_new_addresses(asked, settings);
        for (const auto& each : listeners) {
            check_exposure(each->address(), each->is_local(), each->is_tls(), next);
        }
        if (admin != nullptr) {
            check_admin_exposure(admin->address(), admin->is_local(), next);
        }
        auto certificate = tls == nullptr ? nullptr : api::server::tls_context::read(tls_files_from(next));
        check_pools(next, daemon.state().functions());
        auto next_tokens = tokens_from(next);
        const auto next_pools = pools_from(next);
        auto next_access = admin_access_from(next);
        const auto warnings = start_warnings(next);
        const auto next_limits = bearable_limits(next, daemon.state().runs_on().workers());  // last: it may log
        // From here on nothing can be refused any more.
        for (const auto& line : changes(settings, asked)) {
            api::log::info("SIGHUP: a setting has changed", {{"change", line}});
        }
        daemon.state().change_limits(next_limits);
        tell_new_files(settings, next, tokens, next_tokens);
        daemon.change_tokens(next_tokens);
        tokens = std::move(next_tokens);
        set_log(next);
        if (admin != nullptr) {
            admin->change_access(std::move(next_access));
        }
        if (tls != nullptr) {
            tls->take(std::move(certificate));
            api::log::info("SIGHUP: the certificates were read again");
        }
        pools.change(next_pools);
        settings = next;
        for (const auto& line : warnings) {
            api::log::warn("SIGHUP: " + line);
        }
        api::log::info("SIGHUP: the settings were read again");
    } catch (const std::exception& e) {
        std::istringstream lines{e.what()};
        for (std::string line; std::getline(lines, line);) {
            api::log::error("SIGHUP: a fault in the settings", {{"error", line}});
        }
        api::log::error("SIGHUP: nothing was changed");
    }
}

/// Ends the process as it is: nothing here can be taken apart while something still runs.
[[noreturn]] void leave(int status) {
    spdlog::shutdown();
    std::_Exit(status);
}

/// Lets what was accepted end, in time. See docs/OPERATIONS.md.
void drain(service& daemon, pool_table& pools, std::chrono::milliseconds grace) {
    const auto end = api::server::drain(daemon, grace, [&pools](bool at_once) {
        pools.stop(at_once);
        if (at_once) {
            pools.wait();
        }
    });
    if (!end.all_read) {
        leave(end.all_ended ? exit_status::fine : EXIT_FAILURE);
    }
    if (!end.all_ended) {
        leave(exit_status::fine);  // all that was accepted is answered
    }
}

void add_functions(api::plan::registry& functions, const config::settings& settings,
                   std::optional<std::uint64_t> open_files) {
    auto outside = outside_from(settings);
    outside.process.open_files = open_files;
    try {
        api::functions::add_standard(functions, outside);
    } catch (const std::invalid_argument& e) {
        throw usage_error{e.what()};
    }
    add_plugins(functions, settings);
}

std::unique_ptr<executor::scheduler> start_threads(const config::settings& settings) {
    try {
        return std::make_unique<executor::scheduler>(
            executor::scheduler_options{.workers = static_cast<std::size_t>(settings.threads),
                                        .blocking_threads = static_cast<std::size_t>(settings.blocking.threads),
                                        .pin_workers = settings.pin_threads});
    } catch (const std::system_error& refused) {
        throw std::runtime_error{std::string{"cannot start the threads: "} + refused.what() +
                                 ": raise the limit of processes (ulimit -u, TasksMax), or lower threads"};
    }
}

int serve_until_stopped(serve_signals& signals, config::settings settings, std::optional<std::uint64_t> open_files,
                        const std::function<config::settings()>& read_again) {
    check_tls(settings);
    check_port_file(settings);  // before anything is accepted
    const bool speaks_tls = std::ranges::any_of(settings.listen, [](const auto& each) { return each.tls; });
    const tls_ptr tls = speaks_tls ? std::make_shared<api::server::tls_context>(tls_files_from(settings)) : nullptr;
    api::plan::registry functions;
    add_functions(functions, settings, open_files);
    check_pools(settings, functions);  // before anything listens
    const auto threads = start_threads(settings);
    executor::scheduler& scheduler = *threads;
    if (settings.pin_threads && scheduler.pinned_workers() < scheduler.workers()) {
        api::log::warn("only some threads stay on one CPU: the system refused the rest",
                       {{"pinned", scheduler.pinned_workers()}, {"threads", scheduler.workers()}});
    }
    service daemon{scheduler, functions, bearable_limits(settings, scheduler.workers()), std::string{version()},
                   static_cast<std::size_t>(settings.blocking.threads)};
    auto tokens = tokens_from(settings);
    daemon.change_tokens(tokens);
    for (const auto& line : start_warnings(settings)) {
        api::log::warn(line);
    }
    pool_table pools{scheduler, daemon.state().workers(),
                     [&daemon](api::process::descriptor end, std::shared_ptr<api::workers::pool_member> member) {
                         return api::server::let_in_process(daemon.connections(), std::move(end), std::move(member));
                     },
                     open_files};
    std::unique_ptr<admin_port> admin;
    std::vector<std::shared_ptr<listener>> listeners;
    try {
        admin = open_admin_port(daemon, pools, settings);
        listeners = listen(daemon, settings, tls);
    } catch (const usage_error&) {
        throw;
    } catch (const std::exception&) {
        // That two settings name one address is more than the system knows, to which the second is just taken.
        if (const auto faults = address_faults(settings); !faults.empty()) {
            throw std::runtime_error{faults.front()};
        }
        throw;
    }
    pools.change(pools_from(settings));
    for (const auto& each : listeners) {  // only now: a plan may name what a pool has yet to serve
        each->start();
    }
    if (!settings.port_file.empty()) {
        write_port_file(settings.port_file, listeners, admin.get());
    }
    if (admin != nullptr) {
        admin->set_ready();
    }
    service_manager manager{scheduler};
    const std::string is_ready =
        "gatherd " + std::string{version()} + " is ready, with " + std::to_string(scheduler.workers()) + " threads";
    api::log::info("gatherd is ready", {{"version", version()}, {"threads", scheduler.workers()}, {"pid", getpid()}});
    service_manager::tell_ready(is_ready);

    int number = signals.next();
    for (; number == SIGHUP; number = signals.next()) {
        service_manager::tell_reloading();
        reload(daemon, pools, listeners, tls, admin.get(), settings, tokens, read_again);
        service_manager::tell_ready(is_ready);
    }
    service_manager::tell_stopping("draining");
    api::log::info("draining", {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"},
                                {"connections", daemon.connections().size()}});
    for (const auto& each : listeners) {
        each->stop();
    }
    if (admin != nullptr) {
        admin->hurry();
    }
    drain(daemon, pools, settings.drain.grace);
    if (admin != nullptr) {
        const auto soon = std::chrono::steady_clock::now() + last_words;
        static_cast<void>(wait_until(soon, [&admin] { return admin->owed() == 0; }));
        admin->stop();
        if (!wait_until(soon + last_words, [&daemon] { return daemon.connections().size() == 0; })) {
            leave(exit_status::fine);  // all that was accepted is answered
        }
    }
    manager.end_watchdog();
    api::log::info("stopped");
    auto* const bulk = daemon.state().made_bulk_scheduler();
    if (scheduler.blocking().busy() > 0 || (bulk != nullptr && bulk->blocking().busy() > 0)) {
        leave(exit_status::fine);  // a thread in the middle of a blocking call cannot be ended
    }
    daemon.state().stop_bulk();  // what they still do may need a worker
    scheduler.stop();            // before the service, which its last steps may still use
    return exit_status::fine;
}

}  // namespace

int serve(const config::settings& settings, const std::function<config::settings()>& read_again) {
    leave_first_process();
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a log that has come to the limit of a file's size is no reason to end
    serve_signals signals;
    start_log(level_from(settings.log.level), style_from(settings.log.format));
    set_log(settings);
    const auto open_files = raise_file_limit();
    try {
        return serve_until_stopped(signals, settings, open_files, read_again);
    } catch (const usage_error&) {
        throw;
    } catch (const std::exception& e) {
        api::log::error(e.what());
        return exit_status::task_failed;
    }
}

}  // namespace gatherd::cli
