#include "api/server/net/outbox.hpp"

#include <utility>

#include "api/protocol/response.hpp"
#include "api/release_memory.hpp"
#include "api/server/net/transport.hpp"
#include "api/server/net/turn.hpp"
#include "api/server/state/server_state.hpp"

namespace gatherd::api::server {
namespace {

constexpr std::size_t kept_capacity = 64 * 1024;  // of a buffer that was written
constexpr std::size_t kept_at_rest = 1024;        // of each one, when nothing waits: a client may rest for ever
constexpr std::size_t noted_step = std::size_t{1}
                                   << 20;  // the worker looks at its connection anew for each so many bytes

void free_at_rest(std::string& empty) {
    if (empty.capacity() > kept_at_rest) {
        release_memory(empty);
    }
}

}  // namespace

outbox::outbox(server_state& state) noexcept : state_{state} {}

bool outbox::add(std::string_view body, bool is_in_turn) {
    const std::lock_guard guard{lock_};
    if (!takes_more_) {
        return false;
    }
    const std::size_t size_before = waiting_.size();
    protocol::append_framed(waiting_, framing_, body);
    return note_added(size_before, is_in_turn);
}

bool outbox::add_or_write(std::string_view body, std::uint64_t burst, transport& to) {
    const std::lock_guard guard{lock_};
    if (!takes_more_) {
        return false;
    }
    const std::size_t size_before = waiting_.size();
    protocol::append_framed(waiting_, framing_, body);
    if (size_before == 0 && !is_taken_ && waiting_.size() <= bytes_written_at_once &&
        std::exchange(last_burst_, burst) != burst) {
        const std::size_t gone = to.write_now(waiting_);
        note_written(gone);
        waiting_.erase(0, gone);
        if (waiting_.empty()) {
            free_at_rest(waiting_);
            return false;
        }
    }
    return note_added(size_before, false);  // a fault is met by the worker, which tries again
}

/// Under lock_.
bool outbox::note_added(std::size_t size_before, bool is_in_turn) {
    const std::size_t added = waiting_.size() - size_before;
    const std::size_t before = unread_.fetch_add(added, std::memory_order_relaxed);
    const bool is_noted = before / noted_step == (before + added) / noted_step;
    return !is_in_turn && (!std::exchange(write_is_claimed_, true) || !is_noted);
}

void outbox::note_written(std::size_t bytes) noexcept {
    if (bytes != 0) {
        progress_.fetch_add(bytes, std::memory_order_relaxed);
        state_.counts().add(event::bytes_written, bytes);
    }
}

bool outbox::claim_write() {
    const std::lock_guard guard{lock_};
    return takes_more_ && !std::exchange(write_is_claimed_, true);
}

void outbox::speak(protocol::framing spoken) {
    if (spoken != std::exchange(spoken_, spoken)) {
        const std::lock_guard guard{lock_};
        framing_ = spoken;
    }
}

void outbox::write_some(transport& to, asio::error_code& failed) {
    if (written_ == writing_.size()) {
        take_waiting();
    }
    std::size_t gone = 0;
    while (written_ < writing_.size() && !failed && gone < bytes_written_a_turn) {
        const std::size_t count = to.write_some(std::string_view{writing_}.substr(written_), failed);
        written_ += count;
        gone += count;
        if (written_ == writing_.size()) {
            take_waiting();
        }
    }
    note_written(gone);
    unread_.fetch_sub(gone, std::memory_order_relaxed);
}

/// All that was taken is written: takes what came meanwhile.
void outbox::take_waiting() {
    writing_.clear();
    if (writing_.capacity() > kept_capacity) {
        writing_.shrink_to_fit();
    }
    written_ = 0;
    const std::lock_guard guard{lock_};
    write_is_claimed_ = false;
    writing_.swap(waiting_);
    is_taken_ = !writing_.empty();
    if (!is_taken_) {
        free_at_rest(waiting_);
        free_at_rest(writing_);
    }
}

bool outbox::empty() const {
    if (!writing_.empty()) {
        return false;
    }
    const std::lock_guard guard{lock_};
    return waiting_.empty();
}

std::size_t outbox::held_bytes() const {
    const std::lock_guard guard{lock_};
    return writing_.capacity() + waiting_.capacity();
}

void outbox::close() noexcept {
    const std::lock_guard guard{lock_};
    takes_more_ = false;
    unread_.fetch_sub(waiting_.size(), std::memory_order_relaxed);
    release_memory(waiting_);
}

}  // namespace gatherd::api::server
