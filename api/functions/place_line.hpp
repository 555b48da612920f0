/// \file
/// A budget of places, such as for processes, and the line in which calls wait for one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <set>
#include <tuple>
#include <unordered_map>

#include "gatherd/executor/event.hpp"

namespace gatherd::api::functions {

/// So many places. A place that becomes free goes to the client that has the fewest of those that wait, and there to
/// the call that came first; of equals, to the one that has got none for longest. So a client that had all places gets
/// no further one while a client with fewer waits.
///
/// Threads: all members are safe from any thread. Cost: logarithmic in the number of clients that wait.
class place_line {
public:
    explicit place_line(std::size_t places) : free_{places} {}
    place_line(const place_line&) = delete;
    place_line& operator=(const place_line&) = delete;

    class place;

private:
    struct client_line {
        std::size_t held = 0;
        std::uint64_t last_turn = 0;
        std::list<place*> waiting{};
    };
    using rank = std::tuple<std::size_t, std::uint64_t, const void*>;  // held, last_turn, the client

    static rank rank_of(const void* client, const client_line& line) { return {line.held, line.last_turn, client}; }
    void enter(place& newcomer);
    void leave(place& leaving) noexcept;
    void grant_free() noexcept;

    std::mutex lock_;
    std::size_t free_;  // under lock_, as all below; 0 while anybody waits
    std::uint64_t turns_ = 0;
    std::unordered_map<const void*, client_line> clients_{};  // that have places or wait
    std::set<rank> in_line_{};                                // of those that wait
};

/// A call's place, or its wait for one: from construction to destruction. It must not outlive the line.
class place_line::place {
public:
    place(place_line& line, const void* client) : line_{line}, client_{client} { line_.enter(*this); }
    ~place() { line_.leave(*this); }
    place(const place&) = delete;
    place& operator=(const place&) = delete;

    /// Whether the call has its place.
    [[nodiscard]] bool is_granted() const noexcept { return granted_.is_set(); }

    /// To be awaited: until the call has its place. Raises cancelled_error when cancelled.
    [[nodiscard]] auto granted() noexcept { return granted_.wait(); }

private:
    friend place_line;

    place_line& line_;
    const void* const client_;
    executor::event granted_;               // set under the line's lock_
    std::list<place*>::iterator position_;  // while it waits
};

}  // namespace gatherd::api::functions
