#include "api/admin/program_feed.hpp"

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <exception>
#include <utility>

namespace gatherd::api::admin {
namespace {

program_feed::text held_text(std::string written, const std::shared_ptr<held_texts>& held) {
    auto made = std::make_unique<const std::string>(std::move(written));
    held->fetch_add(made->capacity(), std::memory_order_relaxed);  // only counted, as below
    return {made.release(), [held](const std::string* text) {
                held->fetch_sub(text->capacity(), std::memory_order_relaxed);
                delete text;
            }};
}

}  // namespace

/// What was written at one moment. Null: not asked for, or there is no memory for it now.
struct program_feed::events {
    program_moment moment{};
    std::uint64_t since = 0;
    text changes{};
    text all{};
};

program_feed::program_feed(asio::io_context& loop, source program,
                           std::function<void(std::function<void()>)> run_beside, std::shared_ptr<held_texts> held,
                           std::chrono::milliseconds between_events)
    : loop_{loop},
      program_{std::move(program)},
      run_beside_{std::move(run_beside)},
      held_{std::move(held)},
      between_events_{between_events},
      timer_{loop} {}

void program_feed::enter(std::weak_ptr<follower> newcomer) {
    followers_.push_back(std::move(newcomer));
    if (!is_waiting_) {
        look();
    }
}

void program_feed::look() {
    is_waiting_ = false;
    std::erase_if(followers_, [](const auto& each) { return each.expired(); });
    const program_moment now = program_.now();
    bool needs_all = false;
    bool needs_changes = false;
    bool is_all_told = true;
    for (const auto& each : followers_) {
        const auto one = each.lock();
        if (one == nullptr || one->told_ == now) {
            continue;
        }
        is_all_told = false;
        const bool has_missed_none = one->told_ && last_ && one->told_->version == last_->version;
        if (one->is_ready()) {
            (has_missed_none && !now.has_ended ? needs_changes : needs_all) = true;
        }
    }
    if (needs_all || needs_changes) {
        write(needs_all, needs_changes);
    } else if (!followers_.empty() && !(is_all_told && now.has_ended)) {
        look_later();
    }
}

void program_feed::look_later() {
    is_waiting_ = true;
    timer_.expires_after(between_events_);
    timer_.async_wait([kept = weak_from_this()](const asio::error_code& failed) {
        if (const auto self = kept.lock(); self != nullptr && !failed) {
            self->look();
        }
    });
}

void program_feed::write(bool needs_all, bool needs_changes) {
    is_waiting_ = true;
    run_beside_([self = shared_from_this(), needs_all, needs_changes, last = last_, before = all_]() mutable {
        auto made = std::make_shared<events>();
        made->moment =
            self->program_.now();  // before the rest: what follows is then as new, and the end if that is told
        made->since = last ? last->version : 0;
        try {
            if (needs_all || made->moment.has_ended) {
                made->all = last == made->moment ? before.lock() : nullptr;
            }
            const bool may_hold_more = self->held_->load(std::memory_order_relaxed) < most_held_bytes;
            if (may_hold_more && made->all == nullptr && (needs_all || made->moment.has_ended)) {
                made->all = held_text(self->program_.write(0), self->held_);
            }
            if (may_hold_more && needs_changes && !made->moment.has_ended) {
                made->changes = held_text(self->program_.write(made->since), self->held_);
            }
        } catch (const std::exception&) {  // no memory: later perhaps
        }
        auto& loop = self->loop_;
        asio::post(loop, [kept = std::move(self), made = std::move(made)] { kept->offer(*made); });
    });
}

void program_feed::offer(const events& made) {
    for (const auto& each : followers_) {
        const auto one = each.lock();
        if (one == nullptr || !one->is_ready() || one->told_ == made.moment) {
            continue;
        }
        const bool has_missed_none = one->told_ && one->told_->version == made.since;
        if (const text& event = made.changes != nullptr && has_missed_none ? made.changes : made.all) {
            one->offer(event);
            one->told_ = made.moment;
        }
    }
    if (made.changes != nullptr || made.all != nullptr) {
        last_ = made.moment;
        all_ = made.all;
    }
    look_later();
}

}  // namespace gatherd::api::admin
