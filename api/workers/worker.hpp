/// \file
/// A connection that serves functions, as the table of workers knows it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/workers/declaration.hpp"
#include "api/workers/pool_member.hpp"

namespace gatherd::api::workers {

class served_call;
struct served_name;
class worker;

/// The way to a worker: its connection.
class worker_link {
public:
    virtual ~worker_link() = default;

    /// Sends one message, without waiting. From any thread; nothing happens if the connection has ended.
    virtual void send(std::string_view message) = 0;

    /// Ends the connection, soon. From any thread.
    virtual void hang_up() = 0;

    /// The worker is no more: what it has sent is taken, then the connection ends, and `lose` is called. From any
    /// thread.
    virtual void finish() = 0;
};

/// Places that functions of one worker share, beside their own and the worker's. Under the table's lock.
struct shared_places {
    std::size_t concurrency = 0;
    std::size_t running = 0;
};

/// A function that one worker serves. Everything but what never changes is under the table's lock.
struct offer {
    worker* owner;
    std::shared_ptr<served_name> name;
    declaration_ptr declared{};
    std::shared_ptr<const plan::function> callee{};  ///< as plans may call it while this is the newest declaration
    std::uint64_t serve_number = 0;                  ///< of the serve that said so last
    std::size_t running = 0;
    std::shared_ptr<shared_places> group{};  ///< null: it is in none
    std::size_t position = 0;                ///< among the offers of the name
    bool is_withdrawn = true;

    /// Not counting the worker's own.
    [[nodiscard]] std::size_t free_places() const noexcept {
        const auto left = [](std::size_t all, std::size_t taken) { return all - std::min(all, taken); };
        const std::size_t own = left(declared->concurrency, running);
        return group == nullptr ? own : std::min(own, left(group->concurrency, group->running));
    }
};

/// What a worker says of itself.
struct worker_info {
    std::string name{};
    std::string version{};
    std::size_t concurrency = 1;
    place_groups groups{};
};

/// One worker, from its first serve to the end of its connection. What is private is the table's, under its lock.
///
/// A process of a pool is a worker like any other, over the socket that it has inherited. It is one from the start of
/// that connection on.
class worker {
public:
    /// `member`: what its pool has of it; null: it is of none.
    worker(std::shared_ptr<worker_link> link, std::string address, std::shared_ptr<pool_member> member = nullptr)
        : link_{std::move(link)}, address_{std::move(address)}, member_{std::move(member)} {}
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    [[nodiscard]] worker_link& link() const noexcept { return *link_; }
    [[nodiscard]] const std::shared_ptr<pool_member>& member() const noexcept { return member_; }

private:
    friend class worker_table;

    [[nodiscard]] std::size_t free_places() const noexcept {
        return is_gone_ || is_resting_ || pauses_ > 0 || running_.size() >= info_.concurrency
                   ? 0
                   : info_.concurrency - running_.size();
    }

    const std::shared_ptr<worker_link> link_;
    const std::string address_;
    const std::shared_ptr<pool_member> member_;
    const std::chrono::system_clock::time_point since_ = std::chrono::system_clock::now();
    std::uint64_t number_ = 0;
    worker_info info_{};
    std::vector<std::shared_ptr<offer>> serving_;
    std::unordered_map<std::string_view, std::shared_ptr<offer>> offers_;  // and those withdrawn that still run
    std::unordered_map<std::uint64_t, std::shared_ptr<served_call>> running_;
    std::unordered_map<std::string, std::shared_ptr<shared_places>> groups_;
    std::size_t counted_ = 0;  // functions, against limits.functions
    std::size_t next_ = 0;     // where the next look at serving_ begins
    std::size_t pauses_ = 0;   // answers to serve that have not been sent
    std::uint64_t calls_ = 0;
    std::uint64_t failed_ = 0;
    std::int64_t preference_ = 0;  // the number of its last call, negative if that gave no result
    std::size_t unanswering_ = 0;  // calls that it does not answer though they were cancelled
    bool is_resting_ = false;      // it gets no calls any more
    bool is_gone_ = false;
    bool knows_of_drain_ = false;
    std::string why_hung_up_{};  // by the daemon
    std::string refusal_{};      // of its last serve
};

}  // namespace gatherd::api::workers
