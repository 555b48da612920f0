#include "api/admin/event_stream.hpp"

#include <algorithm>
#include <asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "gatherd/api/value.hpp"
#include "gatherd/executor/allocated_memory.hpp"

namespace gatherd::api::admin {
namespace {

constexpr std::chrono::seconds interval{1};

std::string event_text(std::string_view name, std::string_view data) {
    std::string text = "event: ";
    return text.append(name).append("\ndata: ").append(data).append("\n\n");
}

/// May throw memory_limit_exceeded.
std::string event_of(const server::watched_program& program, std::uint64_t since) {
    executor::memory_account writing{executor::memory_account::kind::early};
    const executor::memory_turn turn{&writing};
    return event_text("task", program.describe(since).dump(-1, ' ', false, value::error_handler_t::replace));
}

}  // namespace

/// One client. It is given whole events: if one has not been read when the next would be due, that one is left out.
class event_watcher final : public request_handler,
                            public program_feed::follower,
                            public std::enable_shared_from_this<event_watcher> {
public:
    event_watcher(event_stream& source, std::shared_ptr<const server::identity> caller,
                  std::shared_ptr<program_feed> feed)
        : source_{source}, caller_{std::move(caller)}, feed_{std::move(feed)} {}

    void begin() override {
        to()->begin_answer({.status = 200, .type = "text/event-stream"}, std::nullopt);
        source_.enter(shared_from_this());
        if (feed_ != nullptr) {
            feed_->enter(weak_from_this());
        }
    }

    void offer_snapshot(const std::shared_ptr<const std::string>& snapshot) {
        next_ = snapshot;
        if (to() != nullptr) {
            to()->wake();
        }
    }

    [[nodiscard]] bool has_left() const noexcept { return to() == nullptr; }

    // program_feed::follower
    [[nodiscard]] bool is_ready() const noexcept override { return to() != nullptr && news_ == nullptr; }
    void offer(program_feed::text event) override {
        news_ = std::move(event);
        to()->wake();
    }

    ssize_t read(char* into, std::size_t most) override {
        if (caller_->is_revoked() || !caller_->may(server::right::admin)) {
            return read_end::of_body;
        }
        if (written_ == (now_ == nullptr ? 0 : now_->size())) {
            written_ = 0;
            now_ = news_ != nullptr ? std::exchange(news_, nullptr) : std::exchange(next_, nullptr);
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
    void ended() noexcept override {
        now_ = news_ = next_ = nullptr;
        feed_ = nullptr;
    }

    event_stream& source_;
    const std::shared_ptr<const server::identity> caller_;
    std::shared_ptr<program_feed> feed_;        // null: it watches no program
    std::shared_ptr<const std::string> now_{};  // being read
    std::size_t written_ = 0;
    std::shared_ptr<const std::string> news_{};  // of the program
    std::shared_ptr<const std::string> next_{};  // a snapshot that waits
};

event_stream::event_stream(asio::io_context& loop, server::bulk_lane& lane, std::function<std::string()> snapshot)
    : loop_{loop}, lane_{lane}, snapshot_{std::move(snapshot)}, timer_{loop} {}

std::shared_ptr<request_handler> event_stream::watch(std::shared_ptr<const server::identity> caller,
                                                     std::optional<server::watched_program> program) {
    return std::make_shared<event_watcher>(*this, std::move(caller), program ? feed_of(*std::move(program)) : nullptr);
}

/// The one of that program: who begins to watch it joins those who do.
std::shared_ptr<program_feed> event_stream::feed_of(server::watched_program program) {
    std::erase_if(feeds_, [](const auto& each) { return each.second.expired(); });
    auto& known = feeds_[program.key()];
    auto feed = known.lock();
    if (feed == nullptr) {
        const auto shared = std::make_shared<const server::watched_program>(std::move(program));
        feed = std::make_shared<program_feed>(
            loop_,
            program_feed::source{[shared] {
                                     const bool has_ended =
                                         shared->has_ended();  // before the rest, which is then the end, too
                                     return program_moment{shared->version(), std::string{shared->state()}, has_ended};
                                 },
                                 [shared](std::uint64_t since) { return event_of(*shared, since); }},
            [this](std::function<void()> job) { lane_.submit_report(nullptr, std::move(job)); }, held_texts_);
        known = feed;
    }
    return feed;
}

void event_stream::enter(const std::shared_ptr<event_watcher>& watcher) {
    watchers_.push_back(watcher);
    if (!std::exchange(is_ticking_, true)) {
        make_snapshot();
        tick();
    }
    watcher->offer_snapshot(latest_);  // at most a second old
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
                    watcher->offer_snapshot(latest_);
                }
            }
            tick();
        }
    });
}

}  // namespace gatherd::api::admin
