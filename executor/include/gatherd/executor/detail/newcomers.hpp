/// \file
/// Tasks that have been created and are not yet in their scope's list.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "gatherd/executor/detail/scope_member.hpp"

namespace gatherd::executor {

class task_state;

/// What the steps in hand on one worker have created, newest first. Most such tasks are awaited, and end, before the
/// step that created them waits or ends, and then their scope never needs to know of them. When it does wait or end, it
/// has the scope list those that are left (task_scope::enroll_newcomers); a thief does that for the one that it took.
///
/// Invariants  I1  while a task is here, the step that created it goes on, so that its scope cannot drain
///             I2  a task that a thief has taken is listed, and this holds a reference to it; one that is run in place
///                 is taken out before it begins
///
/// Whoever asks all tasks of a scope to end misses those here. They learn of it when they start, when they are listed,
/// or at their end: by how often their list has been asked since they were created.
///
/// Threads: the worker's own.
class newcomers {
public:
    [[nodiscard]] bool is_full() const noexcept { return size_ == all_.size(); }

    /// Takes one in, if it is not full. `depth`: how many steps in steps there are.
    void add(task_state& created, scope_member& same, int depth) noexcept {
        same.place_ = static_cast<std::uint8_t>(size_);
        all_[size_++] = {&created, depth};
    }

    /// Takes one out that nobody else has begun.
    void remove(const scope_member& member) noexcept {
        all_[member.place_].task = nullptr;
        if (member.place_ + std::size_t{1} == size_) {
            remove_newest();
        }
    }

    /// Whether the step that is so deep has created any.
    [[nodiscard]] bool has_of(int depth) const noexcept { return size_ > 0 && all_[size_ - 1].depth >= depth; }

    /// Takes the newest out, where there is one. A thief may have it.
    [[nodiscard]] task_state& take_newest() noexcept {
        task_state& taken = *all_[size_ - 1].task;
        remove_newest();
        return taken;
    }

private:
    struct entry {
        task_state* task;
        int depth;
    };

    void remove_newest() noexcept {
        do {
            --size_;
        } while (size_ > 0 && all_[size_ - 1].task == nullptr);
    }

    std::size_t size_ = 0;  // the last is not null
    std::array<entry, 128> all_{};
};

}  // namespace gatherd::executor
