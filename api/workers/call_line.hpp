/// \file
/// The line in which calls of one function wait for a place in a worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>

namespace gatherd::api::workers {

/// When each program that waits got its last place, in whatever line. One for all lines.
///
/// Threads: as of the lines: one at a time.
class program_turns {
public:
    struct turn {
        std::uint64_t last = 0;   ///< the number of the grant, or of the arrival in the first line
        std::size_t waiting = 0;  ///< calls of the program, in all lines
    };

private:
    friend class call_line;

    std::uint64_t number_ = 0;
    std::unordered_map<const void*, turn> turns_;  // of programs that wait
};

/// Calls in order of arrival within their program, programs taking turns: a program whose call got a place goes behind
/// the others. So a program with a million calls delays the call of another by one.
///
/// Threads: one at a time (under the worker table's lock). Cost: constant, for all members.
class call_line {
public:
    explicit call_line(program_turns& turns) noexcept : turns_{turns} {}
    call_line(const call_line&) = delete;
    call_line& operator=(const call_line&) = delete;

    /// A call that may stand in a line: base of what does. It leaves the line before it dies.
    class entry {
    public:
        explicit entry(const void* program) noexcept : program_{program} {}
        entry(const entry&) = delete;
        entry& operator=(const entry&) = delete;

        [[nodiscard]] bool is_in_line() const noexcept { return is_in_line_; }

    protected:
        ~entry() = default;

    private:
        friend class call_line;

        const void* program_;
        program_turns::turn* turn_ = nullptr;
        std::uint64_t number_ = 0;  // of its arrival
        bool is_in_line_ = false;
        std::list<entry*>::iterator of_program_{};
        std::list<entry*>::iterator by_arrival_{};
    };

    void push(entry& last);

    /// It goes away without a place.
    void remove(entry& leaving) noexcept;

    /// The next call gets its place. Precondition: not empty.
    entry& pop() noexcept;

    /// Whether the next call of this line goes before that of another one: its program has waited for longer, or it is
    /// the same program, and the call came first. Precondition: neither is empty.
    [[nodiscard]] bool goes_before(const call_line& other) const noexcept;

    /// The call that has waited for longest, or null.
    [[nodiscard]] entry* oldest() const noexcept { return arrivals_.empty() ? nullptr : arrivals_.front(); }

    [[nodiscard]] bool empty() const noexcept { return arrivals_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return arrivals_.size(); }

private:
    struct program_calls {
        const void* program;
        std::list<entry*> calls{};
    };
    using ring = std::list<program_calls>;

    [[nodiscard]] const entry& front() const noexcept { return *ring_.front().calls.front(); }
    void leave(entry& leaving, ring::iterator own) noexcept;

    program_turns& turns_;
    ring ring_;  // of programs that wait here, the next one first
    std::unordered_map<const void*, ring::iterator> programs_;
    std::list<entry*> arrivals_;
};

}  // namespace gatherd::api::workers
