#include "cli/serve.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/functions/standard.hpp"
#include "api/limits.hpp"
#include "api/plan/registry.hpp"
#include "api/server/listener.hpp"
#include "api/server/service.hpp"
#include "cli/exit_status.hpp"
#include "cli/version.hpp"
#include "executor/blocking_lane.hpp"
#include "executor/scheduler.hpp"

namespace gatherd::cli {
namespace {

using api::server::listener, api::server::service;

/// How long answers of cancelled requests may take to be written, once the grace is over.
constexpr std::chrono::seconds last_words{10};

void start_log(config::log_level level) {
    auto log = spdlog::stderr_color_mt("gatherd");
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
    switch (level) {
        case config::log_level::trace:
            log->set_level(spdlog::level::trace);
            break;
        case config::log_level::debug:
            log->set_level(spdlog::level::debug);
            break;
        case config::log_level::info:
            log->set_level(spdlog::level::info);
            break;
        case config::log_level::warn:
            log->set_level(spdlog::level::warn);
            break;
        case config::log_level::error:
            log->set_level(spdlog::level::err);
            break;
        case config::log_level::off:
            log->set_level(spdlog::level::off);
            break;
    }
    spdlog::set_default_logger(std::move(log));
}

/// As many descriptors as the system grants: each connection is one.
void raise_file_limit() {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
            spdlog::warn("cannot raise the limit of open files");
        }
    }
}

/// Field by field: the two layers do not know each other.
api::limits limits_from(const config::settings& s) {
    api::limits limits;
    limits.message_bytes = s.limits.message_bytes;
    limits.depth = s.limits.depth;
    limits.plan_tasks = s.limits.plan_tasks;
    limits.result_bytes = s.limits.result_bytes;
    limits.output_lines = s.limits.output_lines;
    limits.tasks_in_flight = s.limits.tasks_in_flight;
    limits.connection_tasks_in_flight = s.limits.connection_tasks_in_flight;
    limits.connections = s.limits.connections;
    limits.unread_bytes = s.limits.unread_bytes;
    limits.unread_time = s.limits.unread_time;
    limits.message_time = s.limits.message_time;
    limits.idle_time = s.limits.idle_time;
    limits.cleanup_time = s.limits.cleanup_time;
    limits.keep = s.tasks.keep;
    limits.kept_results = s.limits.kept_results;
    limits.kept_bytes = s.limits.kept_bytes;
    return limits;
}

/// One address a line. Written beside and renamed: who waits for the file never reads half of it.
void write_port_file(const std::string& path, const std::vector<std::shared_ptr<listener>>& listeners) {
    const std::string beside = path + ".new";
    {
        std::ofstream out{beside, std::ios::trunc};
        for (const auto& each : listeners) {
            out << each->address() << '\n';
        }
        if (!out.flush()) {
            throw std::runtime_error{"cannot write the port file " + beside};
        }
    }
    std::error_code failed;
    std::filesystem::rename(beside, path, failed);
    if (failed) {
        throw std::runtime_error{"cannot write the port file " + path + ": " + failed.message()};
    }
}

/// SIGTERM and SIGINT: the first is told to the one who waits, the second ends the process.
class stop_signals {
public:
    explicit stop_signals(asio::io_context& io) : signals_{io, SIGTERM, SIGINT} { wait(); }

    [[nodiscard]] std::future<int> first() { return first_.get_future(); }

private:
    void wait() {
        signals_.async_wait([this](const asio::error_code& failed, int number) {
            if (failed) {
                return;
            }
            if (std::exchange(seen_, true)) {
                constexpr int signal_base = 128;  // as shells say it
                spdlog::warn("stopped by a second signal, without waiting");
                std::_Exit(signal_base + number);
            }
            first_.set_value(number);
            wait();
        });
    }

    asio::signal_set signals_;
    std::promise<int> first_;
    bool seen_ = false;
};

std::vector<std::shared_ptr<listener>> listen(service& of, const config::settings& settings) {
    std::vector<std::shared_ptr<listener>> listeners;
    for (const config::address& at : settings.listen) {
        listeners.push_back(std::make_shared<listener>(of, at.host, at.port));
        spdlog::info("listening at {}", listeners.back()->address());
    }
    return listeners;
}

/// Lets what was accepted end, in time. See docs/OPERATIONS.md.
void drain(service& of, std::chrono::milliseconds grace) {
    std::promise<void> emptied;
    auto is_empty = emptied.get_future();
    of.drain([&emptied] { emptied.set_value(); });
    if (is_empty.wait_for(grace) == std::future_status::ready) {
        return;
    }
    spdlog::warn("the grace of {} ms is over: cancelling what still runs", grace.count());
    of.cancel_all();
    if (is_empty.wait_for(of.bounds().cleanup_time + last_words) != std::future_status::ready) {
        spdlog::error("{} connections could not be answered", of.connections());
        std::_Exit(EXIT_FAILURE);  // `emptied` may still be called: nothing here can be taken apart
    }
}

/// Detached tasks, whose creators are gone: nobody will ask for them any more.
void end_detached_tasks(service& of) {
    constexpr std::chrono::milliseconds between_looks{2};
    of.tasks().cancel_all("shutting down");
    const auto deadline = std::chrono::steady_clock::now() + of.bounds().cleanup_time;
    while (of.tasks_in_flight().load() > 0 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(between_looks);
    }
    if (of.tasks_in_flight().load() > 0) {
        spdlog::warn("{} tasks did not end in time", of.tasks_in_flight().load());
        spdlog::shutdown();
        std::_Exit(exit_status::fine);  // all that was accepted is answered; nothing here can be taken apart
    }
}

int serve_until_stopped(const config::settings& settings) {
    api::plan::registry functions;
    api::functions::add_standard(functions);
    executor::scheduler scheduler{{.workers = static_cast<std::size_t>(settings.workers),
                                   .blocking_threads = static_cast<std::size_t>(settings.blocking.threads)}};
    service of{scheduler, functions, limits_from(settings), std::string{version()}};
    stop_signals signals{scheduler.io(0)};
    auto stopped = signals.first();
    auto listeners = listen(of, settings);
    for (const auto& each : listeners) {
        each->start();
    }
    if (!settings.port_file.empty()) {
        write_port_file(settings.port_file, listeners);
    }
    spdlog::info("gatherd {} is ready, with {} workers", version(), scheduler.workers());

    const int number = stopped.get();
    spdlog::info("{}: draining, {} connections", number == SIGTERM ? "SIGTERM" : "SIGINT", of.connections());
    for (const auto& each : listeners) {
        each->stop();
    }
    drain(of, settings.drain.grace);
    end_detached_tasks(of);
    spdlog::info("stopped");
    if (scheduler.blocking().busy() > 0) {
        spdlog::shutdown();
        std::_Exit(exit_status::fine);  // a thread in the middle of a blocking call cannot be ended
    }
    scheduler.stop();  // before the service, which its last steps may still use
    return exit_status::fine;
}

}  // namespace

int serve(const config::settings& settings) {
    std::signal(SIGPIPE, SIG_IGN);
    start_log(settings.log.level);
    raise_file_limit();
    try {
        return serve_until_stopped(settings);
    } catch (const std::exception& e) {
        spdlog::error("{}", e.what());
        return exit_status::task_failed;
    }
}

}  // namespace gatherd::cli
