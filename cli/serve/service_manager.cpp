#include "cli/serve/service_manager.hpp"

#include <systemd/sd-daemon.h>

#include <chrono>
#include <cstdint>

#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::cli {

namespace {

void tell(const std::string& state) {
    static_cast<void>(sd_notify(0, state.c_str()));
}

executor::task<> feed_watchdog(std::chrono::microseconds between) {
    for (;;) {
        tell("WATCHDOG=1");
        co_await executor::sleep(between);
    }
}

}  // namespace

service_manager::service_manager(executor::scheduler& pool) : watched_{pool} {
    std::uint64_t patience = 0;  // microseconds
    if (sd_watchdog_enabled(0, &patience) > 0) {
        watched_.spawn(feed_watchdog(std::chrono::microseconds{patience / 2}));
    }
}

void service_manager::tell_ready(const std::string& status) {
    tell("READY=1\nSTATUS=" + status);
}

void service_manager::tell_reloading() {
    const auto now =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch());
    tell("RELOADING=1\nSTATUS=reading the settings again\nMONOTONIC_USEC=" + std::to_string(now.count()));
}

void service_manager::tell_stopping(const std::string& status) {
    tell("STOPPING=1\nSTATUS=" + status);
}

void service_manager::end_watchdog() {
    watched_.cancel();
    watched_.wait();
}

}  // namespace gatherd::cli
