/// \file
/// The events that tell what becomes of one program, for all who watch it.
#pragma once

#include <asio/steady_timer.hpp>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatherd::api::admin {

/// A program at some moment.
struct program_moment {
    std::uint64_t version = 0;  ///< of its record of nodes
    std::string state{};
    bool has_ended = false;  ///< nothing of it changes any more

    friend bool operator==(const program_moment&, const program_moment&) = default;
};

/// Texts that watchers hold, of all feeds together, in bytes. Any thread may count.
using held_texts = std::atomic<std::size_t>;

/// Has the events of one program written, at most ten times a second if not said otherwise, and gives the same text to
/// all followers who have read what they were given before. A follower's first event and the last have all nodes, those
/// between the ones that have changed, or all nodes where the follower has missed some.
///
/// Threads: the loop's alone, but for what `run_beside` runs. Memory: a follower who does not read holds up to two
/// texts, and others may hold the same; while all feeds together have 32 MiB of them, none is written.
class program_feed : public std::enable_shared_from_this<program_feed> {
public:
    using text = std::shared_ptr<const std::string>;

    static constexpr std::size_t most_held_bytes = std::size_t{32} << 20;

    /// Who watches. Threads: the loop's.
    class follower {
    public:
        virtual ~follower() = default;

        /// Whether it has begun to read what it was offered last.
        [[nodiscard]] virtual bool is_ready() const noexcept = 0;
        virtual void offer(text event) = 0;

    private:
        friend class program_feed;
        std::optional<program_moment> told_{};
    };

    /// The program. Both are safe from any thread; `write` gives the event of the nodes that have changed since a
    /// version, 0: of all, and may throw.
    struct source {
        std::function<program_moment()> now;
        std::function<std::string(std::uint64_t since)> write;
    };

    /// `run_beside`: has a job run that takes longer than the loop may be held up; all it is given have run before the
    /// loop goes.
    program_feed(asio::io_context& loop, source program, std::function<void(std::function<void()>)> run_beside,
                 std::shared_ptr<held_texts> held,
                 std::chrono::milliseconds between_events = std::chrono::milliseconds{100});

    /// One more, who is given its first event soon.
    void enter(std::weak_ptr<follower> newcomer);

private:
    struct events;

    void look();
    void look_later();
    void write(bool needs_all, bool needs_changes);
    void offer(const events& made);

    asio::io_context& loop_;
    const source program_;
    const std::function<void(std::function<void()>)> run_beside_;
    const std::shared_ptr<held_texts> held_;
    const std::chrono::milliseconds between_events_;
    asio::steady_timer timer_;
    bool is_waiting_ = false;  // for the timer, or for what is being written
    std::vector<std::weak_ptr<follower>> followers_{};
    std::optional<program_moment> last_{};    // that an event has told
    std::weak_ptr<const std::string> all_{};  // the event of all nodes then, while somebody holds it
};

}  // namespace gatherd::api::admin
