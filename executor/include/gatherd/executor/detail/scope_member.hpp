/// \file
/// What a scope waits for before it has drained.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gatherd/executor/detail/reserve.hpp"

namespace gatherd::executor {

class task_ref;
class task_scope;
class task_state;
class task_walk;

/// Tasks that are to be cancelled: it can be filled where nothing may fail.
using task_refs = std::vector<task_ref, detail::reserved<task_ref>>;

/// A task; or the children of a gather that has been left early. Linked in its scope from enroll to leave.
class scope_member {
public:
    scope_member() noexcept = default;
    scope_member(const scope_member&) = delete;
    scope_member& operator=(const scope_member&) = delete;

    /// The scope asks all that is in it to end, by one request. Adds the tasks that are to be cancelled for that, or
    /// does otherwise what it takes. Called under the scope's locks: takes at most a lock that nothing else is taken
    /// under.
    virtual void ask_to_end(task_refs& to_cancel, const std::string& message, std::uint64_t request) = 0;

    /// The task that it is, or null. For dump_tasks.
    [[nodiscard]] virtual task_state* as_task() noexcept { return nullptr; }

protected:
    ~scope_member() = default;

    bool is_listed_ = false;  // in the scope's list; of a task, read and written by who runs it

private:
    friend class task_scope;
    friend class task_walk;

    std::uint8_t shard_ = 0;
    std::uint32_t round_ = 0;

    // The scope's, under the lock of the list.
    scope_member* next_in_scope_ = nullptr;
    scope_member* previous_in_scope_ = nullptr;
};

}  // namespace gatherd::executor
