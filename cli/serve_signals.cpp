#include "cli/serve_signals.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <asio/io_context.hpp>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace gatherd::cli {

serve_signals::serve_signals(asio::io_context& on) : signals_{on, SIGTERM, SIGINT, SIGHUP} {
    wait();
}

int serve_signals::next() {
    std::unique_lock guard{lock_};
    changed_.wait(guard, [this] { return !came_.empty(); });
    const int number = came_.front();
    came_.pop_front();
    return number;
}

void serve_signals::wait() {
    signals_.async_wait([this](const asio::error_code& failed, int number) {
        if (failed) {
            return;
        }
        if (number != SIGHUP && std::exchange(must_stop_, true)) {
            constexpr int signal_base = 128;  // as shells say it
            spdlog::warn("stopped by a second signal, without waiting");
            std::_Exit(signal_base + number);
        }
        {
            const std::lock_guard guard{lock_};
            if (std::find(came_.begin(), came_.end(), number) == came_.end()) {
                came_.push_back(number);
            }
        }
        changed_.notify_one();
        wait();
    });
}

}  // namespace gatherd::cli
