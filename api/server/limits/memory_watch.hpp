/// \file
/// Ends who holds most when memory runs short.
#pragma once

#include <semaphore.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "api/plan/evaluate/program.hpp"
#include "api/server/limits/client_share.hpp"
#include "gatherd/api/limits.hpp"

namespace gatherd::api::server {

/// Who holds memory for a client beside its programs, and can be made to give it back: a connection.
///
/// Threads: all members are called from any thread.
class memory_holder {
public:
    virtual ~memory_holder() = default;

    /// Whose memory it is.
    [[nodiscard]] virtual std::shared_ptr<client_share> share() = 0;

    /// Bytes that its half-read message, its unread answers and its waiting requests take.
    [[nodiscard]] virtual std::size_t held_bytes() const noexcept = 0;

    /// Memory is short, and it holds most: the half-read message is given up, or the answers and the requests that
    /// wait, with the connection.
    virtual void end_for_memory(const char* limit) = 0;

    /// There is memory again: it may read on.
    virtual void look_at_memory() = 0;
};

/// Where these are found, and the kept results. Threads: all members are called from any thread.
class memory_holders {
public:
    virtual ~memory_holders() = default;
    [[nodiscard]] virtual std::vector<std::shared_ptr<memory_holder>> holders() const = 0;

    /// Bytes of results that are kept; and drops the oldest of them, half of these bytes.
    [[nodiscard]] virtual std::size_t kept_bytes() = 0;
    virtual void drop_half() = 0;

    /// Drops the records of programs that are watched.
    virtual void drop_records() = 0;
};

/// About what a program takes beside its plan and what its tasks allocate.
constexpr std::size_t bytes_a_program = 2048;

/// A thread that sleeps as long as the process has allocated less than the high-water mark (memory_limit), and no
/// client (client_share) holds more than limits.client_memory_bytes. The counts wake it. Then it looks who holds how
/// much, and
///
/// - of a client with too much ends what it holds most in,
/// - above the high-water mark, and already somewhat below it, drops the records of programs that are watched; where
///   that is not enough, ends whatever holds most,
///
/// one after the other (of small ones several at a time), until enough has been given back: a program by -32006; a
/// connection by closing it, for its half-read message, the answers that it does not read and its requests that wait;
/// kept results, the oldest half of them. A program whose allocation was refused is ended in any case.
///
/// While more than 48 MiB are allocated it also gives back to the system what malloc keeps of freed memory: now and
/// then, and at once where the process has more memory than limits.memory_bytes. What stays, beyond 96 MiB, may not be
/// allocated (memory_limit::set_aside): so the process has 128 MiB more than the limit in memory at the most.
///
/// Where the process does not count what it allocates there is no such thread.
///
/// Threads: all members are safe from any thread.
class memory_watch {
public:
    /// A program's place among those that may be ended. Leaves with its end of life.
    class place {
    public:
        place() noexcept = default;
        place(const place&) = delete;
        place& operator=(const place&) = delete;
        ~place() { leave(); }

        /// The program's memory is part of its client's share until it leaves.
        void enter(memory_watch& watch, std::shared_ptr<client_share> client,
                   const std::shared_ptr<plan::program>& program);
        void leave() noexcept;

    private:
        friend class memory_watch;
        memory_watch* watch_ = nullptr;
        std::shared_ptr<client_share> client_;
        std::weak_ptr<plan::program> program_;
        place* next_ = nullptr;  // under the watch's lock, as the next one
        place* previous_ = nullptr;
    };

    explicit memory_watch(const limits& bounds);
    ~memory_watch();
    memory_watch(const memory_watch&) = delete;
    memory_watch& operator=(const memory_watch&) = delete;

    /// Begins to watch them, until stop(), which has to come before they go.
    void start(memory_holders& watched);

    /// From now on these limits hold.
    void change_limits(const limits& bounds) noexcept;

    /// Whether a client holds so much that nothing more is begun for it. What freed memory of its programs elsewhere is
    /// not taken from its share, so the process has to have that much too.
    [[nodiscard]] bool is_full(const client_share& client) const noexcept;

    /// Whether any client can be full, by what the process has in all. Cost: two loads: what most requests pay.
    [[nodiscard]] bool may_one_be_full() const noexcept;

    /// A connection has stopped reading since memory is short: it is told when there is some again.
    void note_waiting() noexcept;

    /// Ends the thread.
    void stop() noexcept;

private:
    struct holder;

    void run() noexcept;
    void look();
    [[nodiscard]] bool give_back_free_memory();
    [[nodiscard]] std::vector<holder> holders();
    static bool by_bytes(const holder& one, const holder& other) noexcept;
    bool end_largest(std::vector<holder>& all, const client_share* client, const char* limit);
    [[nodiscard]] bool some_are_ending();

    memory_holders* watched_ = nullptr;  // set before the thread is started
    std::atomic<std::size_t> client_bytes_;
    sem_t bell_;
    std::atomic<bool> is_stopping_{false};
    std::atomic<bool> some_wait_{false};  // connections may have stopped reading

    std::mutex lock_;
    place* first_ = nullptr;  // under lock_

    // The thread's own.
    bool is_one_full_ = false;                           // a client holds too much
    std::vector<std::weak_ptr<plan::program>> victims_;  // were told to end, and may not have yet
    std::weak_ptr<memory_holder> leaving_;               // likewise
    std::chrono::steady_clock::time_point victims_since_{};
    std::chrono::steady_clock::time_point last_giving_{};  // back of free memory
    std::size_t left_resident_ = 0;                        // by it
    bool has_left_much_ = false;                           // to be given back
    std::thread thread_;
};

}  // namespace gatherd::api::server
