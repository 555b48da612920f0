/// \file
/// Whether one of a worker's connections should live on another worker.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace gatherd::api::server {

/// What one worker sees of its connections' turns, for some 10 ms at a time; pure, so that every turn can pay for it.
///
/// A window has a candidate, the connection of some turn: so one that has many is seldom missed; and another worker to
/// which it could move. By its end is known
///
///     busy    how much of its time this worker is: the part of the turns that did not have to wake it up
///     load    the candidate's part of that
///     room    how much more of its time the other one would have for it: as often as it was found idle, less what this
///             worker idles; or, where it is busy as well, what would be left to one connection more
///
/// The candidate should leave if this worker is busy and there is clearly more room than its load. So one that is alone
/// never leaves, and two workers come to rest.
///
/// Threads: one at a time.
class turn_window {
public:
    using clock = std::chrono::steady_clock;

    /// `who` has had a turn. True: it is time for begin() or look().
    [[nodiscard]] bool count(const void* who) noexcept {
        ++turns_;
        candidates_turns_ += who == candidate_ ? 1 : 0;
        return --until_look_ == 0;
    }

    /// Whether that one should move to leaves_to(). True once.
    [[nodiscard]] bool takes_leave(const void* who) noexcept {
        if (who != leaving_) [[likely]] {
            return false;
        }
        stop();
        return true;
    }

    /// Whether a window goes on that is not out of date.
    [[nodiscard]] bool is_open(clock::time_point now) const noexcept;

    /// A window begins. `parks`: how often this worker has gone to sleep by now.
    void begin(const void* candidate, std::size_t other, clock::time_point now, std::uint64_t parks) noexcept;

    /// How the other worker is at the moment. True: it has been long enough for end().
    [[nodiscard]] bool look(bool other_idles, clock::time_point now) noexcept;

    /// Ends the window. `others_share`: what share() says there, if it has said so lately. True: the candidate should
    /// move, and takes_leave() says so at its next turn.
    bool end(std::uint64_t parks, std::optional<float> others_share) noexcept;

    /// No window goes on: what was seen does not hold any more.
    void stop() noexcept { candidate_ = leaving_ = nullptr; }

    [[nodiscard]] std::size_t other() const noexcept { return other_; }
    [[nodiscard]] std::size_t leaves_to() const noexcept { return leaves_to_; }

    /// The part of the turns that one of those has whose turns they are: of n alike 1/n; 0 while unknown.
    [[nodiscard]] float share() const noexcept { return share_; }

private:
    /// Every five to twelve turns: connections that take turns in a steady order are not to be in step with it.
    void plan_look() noexcept { until_look_ = 5 + (rhythm_ += 5) % 8; }

    const void* candidate_ = nullptr;  // only compared: it may be gone
    const void* leaving_ = nullptr;
    std::size_t other_ = 0;
    std::size_t leaves_to_ = 0;
    std::uint32_t turns_ = 0;
    std::uint32_t candidates_turns_ = 0;
    std::uint32_t until_look_ = 8;  // turns
    std::uint32_t rhythm_ = 0;
    std::uint32_t looks_ = 0;
    std::uint32_t idle_looks_ = 0;
    float share_ = 0;
    std::uint64_t parks_ = 0;
    clock::time_point began_{};
};

}  // namespace gatherd::api::server
