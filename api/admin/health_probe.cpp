#include "api/admin/health_probe.hpp"

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <utility>

namespace gatherd::api::admin {
namespace {

constexpr std::chrono::seconds patience{5};
constexpr unsigned fine = 200;
constexpr unsigned unavailable = 503;

class health_handler final : public request_handler, public std::enable_shared_from_this<health_handler> {
public:
    health_handler(asio::io_context& loop, health_probe& probe) : probe_{probe}, timer_{loop} {}

    void begin() override {
        timer_.expires_after(patience);
        timer_.async_wait([kept = weak_from_this()](const asio::error_code& failed) {
            if (const auto self = kept.lock(); self != nullptr && !failed) {
                self->answer(unavailable, "no thread has run a task for 5 s");
            }
        });
        passed_ = std::make_shared<std::function<void()>>([this] { answer(fine, "ok"); });
        probe_.ask(passed_);
    }

private:
    void answer(unsigned status, const char* line) {
        if (to() != nullptr && !std::exchange(has_answered_, true)) {
            to()->answer(text_answer(status, line));
        }
    }
    void ended() noexcept override {
        timer_.cancel();
        passed_.reset();
    }

    health_probe& probe_;
    asio::steady_timer timer_;
    std::shared_ptr<std::function<void()>> passed_{};
    bool has_answered_ = false;
};

}  // namespace

executor::task<> health_probe::pass(health_probe& through) {
    asio::post(through.loop_, [&through] { through.take_answer(); });
    co_return;
}

void health_probe::ask(const std::shared_ptr<std::function<void()>>& passed) {
    std::erase_if(asking_, [](const auto& each) { return each.expired(); });
    asking_.push_back(passed);
    if (!is_under_way_) {
        tasks_.spawn(pass(*this));
        is_under_way_ = true;
    }
}

void health_probe::take_answer() {
    is_under_way_ = false;
    for (const auto& each : std::exchange(asking_, {})) {
        if (const auto passed = each.lock()) {
            (*passed)();
        }
    }
}

std::shared_ptr<request_handler> health_answer(asio::io_context& loop, health_probe& probe) {
    return std::make_shared<health_handler>(loop, probe);
}

}  // namespace gatherd::api::admin
