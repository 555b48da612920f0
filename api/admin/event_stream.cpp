#include "api/admin/event_stream.hpp"

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "gatherd/api/value.hpp"

namespace gatherd::api::admin {
namespace {

constexpr std::chrono::seconds interval{1};

std::string event_text(std::string_view name, std::string_view data) {
    std::string text = "event: ";
    return text.append(name).append("\ndata: ").append(data).append("\n\n");
}

}  // namespace

/// One client. It is given whole events: if one has not been read when the next snapshot comes, that one is left out.
class event_watcher final : public request_handler, public std::enable_shared_from_this<event_watcher> {
public:
    event_watcher(event_stream& source, std::shared_ptr<server::created_task> task)
        : source_{source}, task_{std::move(task)} {}

    void begin() override {
        to()->begin_answer({.status = 200, .type = "text/event-stream"}, std::nullopt);
        source_.enter(shared_from_this());
        if (task_ != nullptr) {
            tell_task();
            if (task_->end() == nullptr) {
                heard_ = task_->when_ended([kept = weak_from_this(), &loop = source_.loop_](const auto& /*task*/) {
                    asio::post(loop, [kept] {
                        if (const auto self = kept.lock(); self != nullptr && self->to() != nullptr) {
                            self->heard_ = 0;
                            self->tell_task();
                        }
                    });
                });
            }
        }
    }

    void offer(const std::shared_ptr<const std::string>& snapshot) {
        next_ = snapshot;
        if (to() != nullptr) {
            to()->wake();
        }
    }

    [[nodiscard]] bool has_left() const noexcept { return to() == nullptr; }

    ssize_t read(char* into, std::size_t most) override {
        if (written_ == (now_ == nullptr ? 0 : now_->size())) {
            written_ = 0;
            now_ = !news_.empty() ? std::make_shared<const std::string>(std::exchange(news_, {})) : std::exchange(next_, nullptr);
        }
        if (now_ == nullptr) {
            return 0;
        }
        const std::size_t count = std::min(most, now_->size() - written_);
        std::copy_n(now_->data() + written_, count, into);
        written_ += count;
        return static_cast<ssize_t>(count);
    }

private:
    void tell_task() {
        news_ += event_text("task", task_->status().dump());
        to()->wake();
    }

    void ended() noexcept override {
        if (task_ != nullptr && heard_ != 0) {
            task_->forget_listener(heard_);
        }
    }

    event_stream& source_;
    const std::shared_ptr<server::created_task> task_;
    std::uint64_t heard_ = 0;
    std::shared_ptr<const std::string> now_{};  // being read
    std::size_t written_ = 0;
    std::string news_{};                         // of the task: two events at most
    std::shared_ptr<const std::string> next_{};  // a snapshot that waits
};

event_stream::event_stream(asio::io_context& loop, std::function<std::string()> snapshot)
    : loop_{loop}, snapshot_{std::move(snapshot)}, timer_{loop} {}

std::shared_ptr<request_handler> event_stream::watch(std::shared_ptr<server::created_task> task) {
    return std::make_shared<event_watcher>(*this, std::move(task));
}

void event_stream::enter(const std::shared_ptr<event_watcher>& watcher) {
    watchers_.push_back(watcher);
    if (!std::exchange(is_ticking_, true)) {
        make_snapshot();
        tick();
    }
    watcher->offer(latest_);  // at most a second old
}

void event_stream::make_snapshot() {
    latest_ = std::make_shared<const std::string>(event_text("snapshot", snapshot_()));
}

void event_stream::tick() {
    timer_.expires_after(interval);
    timer_.async_wait([this](const asio::error_code& failed) {
        std::erase_if(watchers_, [](const auto& each) {
            const auto watcher = each.lock();
            return watcher == nullptr || watcher->has_left();
        });
        is_ticking_ = !failed && !watchers_.empty();
        if (is_ticking_) {
            make_snapshot();
            for (const auto& each : watchers_) {
                if (const auto watcher = each.lock()) {
                    watcher->offer(latest_);
                }
            }
            tick();
        }
    });
}

}  // namespace gatherd::api::admin
