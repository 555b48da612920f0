/// \file
/// What a scope waits for before it has drained.
#pragma once

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

    /// The scope asks all that is in it to end. Adds the tasks that are to be cancelled for that, or does otherwise
    /// what it takes. Called under the scope's locks: takes at most a lock that nothing else is taken under.
    virtual void ask_to_end(std::vector<task_ref>& to_cancel, const std::string& message) = 0;

protected:
    ~scope_member() = default;

private:
    friend class task_scope;

    // The scope's, under its lock.
    scope_member* next_in_scope_ = nullptr;
    scope_member* previous_in_scope_ = nullptr;
    std::uint32_t round_ = 0;
    std::uint8_t shard_ = 0;
};

}  // namespace gatherd::executor
