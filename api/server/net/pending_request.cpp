#include "api/server/net/pending_request.hpp"

#include <new>
#include <utility>

#include "api/plan/evaluate/node_recorder.hpp"
#include "api/plan/evaluate/program.hpp"

namespace gatherd::api::server {

watched_request::moment watched_request::now() const {
    std::unique_lock guard{lock_};
    moment made = now_;
    guard.unlock();
    if (made.record != nullptr && made.record->has_ended()) {  // which knows more, and earlier
        made.state = made.record->root_state();
        made.ended = made.record->ended_at();
    }
    return made;
}

void watched_request::run(plan::program& program) noexcept {
    std::shared_ptr<const plan::node_recorder> record;
    try {
        record = program.watch();
    } catch (const std::bad_alloc&) {  // its nodes are then not told, but how it ends is
    }
    const std::lock_guard guard{lock_};
    if (!now_.ended) {
        now_.state = "running";
        now_.began = program.began();
        now_.record = std::move(record);
    }
}

void watched_request::end(std::string_view state) noexcept {
    const std::lock_guard guard{lock_};
    if (!now_.ended) {
        now_.state = state;
        now_.ended = clock::now();
    }
}

pending_request::~pending_request() {
    if (watched_ != nullptr && !is_passed_on_) {
        watched_->end("failed");
    }
}

std::shared_ptr<const watched_request> pending_request::watch() {
    std::shared_ptr<pending_request> successor;
    {
        const std::lock_guard guard{watch_lock_};
        successor = successor_.lock();
        if (successor == nullptr) {
            if (watched_ == nullptr) {
                watched_ = std::make_shared<watched_request>(activity());
                if (const auto its_program = program()) {
                    watched_->run(*its_program);
                }
                if (is_passed_on_ || !ended_as_.empty()) {  // and so has its successor
                    watched_->end(ended_as_.empty() ? "done" : ended_as_);
                }
            }
            return watched_;
        }
    }
    return successor->watch();
}

void pending_request::pass_watch_to(const std::shared_ptr<pending_request>& successor) noexcept {
    std::shared_ptr<watched_request> watched;
    {
        const std::lock_guard guard{watch_lock_};
        watched = watched_;
        successor_ = successor;
        is_passed_on_ = true;
    }
    if (watched == nullptr) {
        return;
    }
    const auto its_program = successor->program();
    if (its_program != nullptr) {
        watched->run(*its_program);
    }
    const std::lock_guard guard{successor->watch_lock_};
    successor->watched_ = std::move(watched);
}

void pending_request::end_watch(std::string_view state) noexcept {
    const std::lock_guard guard{watch_lock_};
    if (ended_as_.empty()) {
        ended_as_ = state;
        if (watched_ != nullptr && !is_passed_on_) {
            watched_->end(state);
        }
    }
}

}  // namespace gatherd::api::server
