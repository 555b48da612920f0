/// \file
/// What a scope waits for before it has drained.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace gatherd::executor {

class task_ref;
class task_scope;

/// A task; or the children of a gather that has been left early. Linked in its scope from enroll to leave.
class scope_member {
public:
    scope_member() noexcept = default;
    scope_member(const scope_member&) = delete;
    scope_member& operator=(const scope_member&) = delete;

    /// The scope asks all that is in it to end, by one request. Adds the tasks that are to be cancelled for that, or
    /// does otherwise what it takes. Called under the scope's locks: takes at most a lock that nothing else is taken
    /// under.
    virtual void ask_to_end(std::vector<task_ref>& to_cancel, const std::string& message, std::uint64_t request) = 0;

protected:
    /// What the scope knows of it.
    enum class membership : std::uint8_t {
        unknown,   ///< nothing: somebody else answers for it
        newcomer,  ///< nothing yet: see newcomers.hpp
        in_hand,   ///< nothing: it was a newcomer, and runs in the step of the task that awaits it
        listed,    ///< it is in the scope's list
    };

    ~scope_member() = default;

    // K: release by who lists it  ->  acquire by the worker that is about to start it: what the scope had to tell it
    std::atomic<membership> membership_{membership::unknown};

private:
    friend class newcomers;
    friend class task_scope;

    std::uint8_t place_ = 0;  // of a newcomer, among them
    std::uint8_t shard_ = 0;
    std::uint32_t round_ = 0;  // of one that is listed; before that, how often its list had been asked when it came

    // The scope's, under the lock of the list.
    scope_member* next_in_scope_ = nullptr;
    scope_member* previous_in_scope_ = nullptr;
};

}  // namespace gatherd::executor
