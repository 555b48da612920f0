#include "cli/serve/local_daemon.hpp"

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <future>
#include <map>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "api/functions/standard.hpp"
#include "api/plan/model/registry.hpp"
#include "api/server/net/listener.hpp"
#include "api/server/net/peer_address.hpp"
#include "api/server/service.hpp"
#include "cli/environment.hpp"
#include "cli/failures.hpp"
#include "cli/serve/log.hpp"
#include "cli/serve/settings.hpp"
#include "cli/version.hpp"
#include "config/load.hpp"
#include "gatherd/executor/detail/blocking_pool.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::cli {

namespace {

std::atomic<bool> threads_left{false};  // only ever set; nothing else hangs on it

config::settings local_settings() {
    auto loaded = config::load({.variables = read_environment()});
    std::string all;
    for (const auto& each : loaded.faults) {
        all += (all.empty() ? "" : "\n") + each;
    }
    if (!all.empty()) {
        throw usage_error{all};
    }
    // Standard error is for the user's program, and for people.
    if (loaded.origins["log.level"] == "default") {
        loaded.values.log.level = config::log_level::warn;
    }
    if (loaded.origins["log.format"] == "default") {
        loaded.values.log.format = config::log_format::text;
    }
    return loaded.values;
}

api::plan::registry local_functions(const config::settings& settings, const local_rights& rights) {
    auto outside = outside_from(settings);
    outside.process.allow = rights.programs.value_or(std::vector<std::string>{"*"});
    outside.process.env = {"*"};
    if (const char* const path = std::getenv("PATH"); path != nullptr) {
        outside.process.path = path;
    }
    outside.process.is_anywhere = outside.file.is_anywhere = !rights.folders;
    outside.process.roots = outside.file.roots = rights.folders.value_or(std::map<std::string, std::string>{});
    outside.http.allow = rights.hosts.value_or(std::vector<std::string>{"0.0.0.0/0", "::/0"});
    api::plan::registry functions;
    try {
        api::functions::add_standard(functions, outside);
    } catch (const std::invalid_argument& e) {
        throw usage_error{e.what()};
    }
    add_plugins(functions, settings);
    return functions;
}

}  // namespace

struct local_daemon::parts {
    parts(const config::settings& settings, const local_rights& rights)
        : functions{local_functions(settings, rights)},
          scheduler{{.workers = static_cast<std::size_t>(settings.threads),
                     .blocking_threads = static_cast<std::size_t>(settings.blocking.threads),
                     .pin_workers = settings.pin_threads}},
          daemon{scheduler, functions, limits_from(settings), std::string{version()},
                 static_cast<std::size_t>(settings.blocking.threads)} {}

    api::plan::registry functions;
    executor::scheduler scheduler;
    api::server::service daemon;
    std::promise<void> emptied;
    std::size_t next_home = 0;

    [[nodiscard]] bool is_blocked() {
        auto* const bulk = daemon.state().made_bulk_scheduler();
        return scheduler.blocking().busy() > 0 || (bulk != nullptr && bulk->blocking().busy() > 0);
    }

    /// False: something has not ended in time.
    bool end() {
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{500};
        daemon.drain([this] { emptied.set_value(); });
        if (emptied.get_future().wait_until(until) != std::future_status::ready) {
            return false;
        }
        daemon.state().bulk().finish();
        while (daemon.state().tasks_in_flight()->load() != 0 || is_blocked()) {
            if (std::chrono::steady_clock::now() >= until) {
                return false;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
        daemon.state().stop_bulk();
        scheduler.stop();
        return true;
    }
};

local_daemon::local_daemon(const local_rights& rights) {
    const auto settings = local_settings();
    start_log(level_from(settings.log.level), style_from(settings.log.format));
    parts_ = std::make_unique<parts>(settings, rights);
}

local_daemon::~local_daemon() {
    if (!parts_->end()) {
        threads_left = true;
        static_cast<void>(parts_.release());  // threads use it till the process ends
    }
}

int local_daemon::connect() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw std::system_error{errno, std::system_category(), "cannot make a pair of sockets"};
    }
    const std::size_t home = parts_->next_home++ % parts_->scheduler.workers();
    api::server::transport::socket_type socket{parts_->scheduler.io(home).get_executor(),
                                               asio::generic::stream_protocol{AF_UNIX, 0}, ends[0]};
    api::server::let_in(parts_->daemon.connections(), std::move(socket), nullptr, api::server::peer_address{}, home);
    return ends[1];
}

bool local_daemon::is_left_behind() noexcept {
    return threads_left;
}

}  // namespace gatherd::cli
