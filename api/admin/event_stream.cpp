#include "api/admin/event_stream.hpp"

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "gatherd/api/value.hpp"
#include "gatherd/executor/allocated_memory.hpp"

namespace gatherd::api::admin {
namespace {

constexpr std::chrono::seconds interval{1};
constexpr std::chrono::milliseconds between_program_events{100};

std::string event_text(std::string_view name, std::string_view data) {
    std::string text = "event: ";
    return text.append(name).append("\ndata: ").append(data).append("\n\n");
}

}  // namespace

/// One client. It is given whole events: if one has not been read when the next would be due, that one is left out.
class event_watcher final : public request_handler, public std::enable_shared_from_this<event_watcher> {
public:
    event_watcher(event_stream& source, std::shared_ptr<const server::identity> caller,
                  std::optional<server::watched_program> program)
        : source_{source}, caller_{std::move(caller)}, program_{std::move(program)}, timer_{source.loop_} {}

    void begin() override {
        to()->begin_answer({.status = 200, .type = "text/event-stream"}, std::nullopt);
        source_.enter(shared_from_this());
        if (program_) {
            write_program();
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
        if (caller_->is_revoked()) {
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
    /// An event, and what it tells.
    struct written_program {
        std::shared_ptr<const std::string> text{};  // null: there is no memory for it now
        std::uint64_t version = 0;
        std::string state{};
        bool is_last = false;
    };

    static written_program write(const server::watched_program& program, std::uint64_t since) {
        written_program made;
        made.is_last = program.has_ended();  // before the rest: what follows is then the end, too
        made.version = program.version();
        made.state = program.state();
        try {
            executor::memory_account writing{executor::memory_account::kind::early};
            const executor::memory_turn turn{&writing};
            const value told = program.describe(made.is_last ? 0 : since);
            made.text = std::make_shared<const std::string>(
                event_text("task", told.dump(-1, ' ', false, value::error_handler_t::replace)));
        } catch (const std::exception&) {
        }
        return made;
    }

    /// Has the next event written by the bulk lane: a program may have ten thousand nodes.
    void write_program() {
        source_.lane_.submit([self = shared_from_this(), since = told_.version]() mutable {
            if (self->has_ended_.load(std::memory_order_relaxed)) {
                return;
            }
            auto made = std::make_shared<written_program>(write(*self->program_, since));
            auto& loop = self->source_.loop_;
            asio::post(loop, [kept = std::move(self), made = std::move(made)] { kept->offer_program(std::move(*made)); });
        });
    }

    void offer_program(written_program made) {
        if (to() == nullptr) {
            return;
        }
        if (made.text != nullptr) {
            news_ = std::exchange(made.text, nullptr);
            told_ = std::move(made);
            to()->wake();
        }
        if (!told_.is_last) {
            look_later();
        }
    }

    void look_later() {
        timer_.expires_after(between_program_events);
        timer_.async_wait([kept = weak_from_this()](const asio::error_code& failed) {
            if (const auto self = kept.lock(); self != nullptr && !failed && self->to() != nullptr) {
                self->look();
            }
        });
    }

    void look() {
        const bool is_read = news_ == nullptr;
        if (is_read && (program_->version() != told_.version || program_->state() != told_.state || program_->has_ended())) {
            write_program();
        } else {
            look_later();
        }
    }

    void ended() noexcept override {
        has_ended_.store(true, std::memory_order_relaxed);
        timer_.cancel();
        now_ = news_ = next_ = nullptr;  // a job of the bulk lane may keep the rest a while
    }

    event_stream& source_;
    const std::shared_ptr<const server::identity> caller_;
    const std::optional<server::watched_program> program_;
    asio::steady_timer timer_;
    std::atomic<bool> has_ended_{false};         // nobody wants what is being written; a wish by itself
    written_program told_{};                     // last
    std::shared_ptr<const std::string> now_{};   // being read
    std::size_t written_ = 0;
    std::shared_ptr<const std::string> news_{};  // of the program
    std::shared_ptr<const std::string> next_{};  // a snapshot that waits
};

event_stream::event_stream(asio::io_context& loop, server::bulk_lane& lane, std::function<std::string()> snapshot)
    : loop_{loop}, lane_{lane}, snapshot_{std::move(snapshot)}, timer_{loop} {}

std::shared_ptr<request_handler> event_stream::watch(std::shared_ptr<const server::identity> caller,
                                                     std::optional<server::watched_program> program) {
    return std::make_shared<event_watcher>(*this, std::move(caller), std::move(program));
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
