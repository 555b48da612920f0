/// \file
/// The values of context variables that a task sees.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "gatherd/executor/detail/frame_pool.hpp"

namespace gatherd::executor::detail {

class context;

/// A counted reference to a context, or to the empty one: then it is null.
class context_ref {
public:
    context_ref() noexcept = default;
    explicit context_ref(const context* made) noexcept : context_{made} {}  ///< takes over a reference
    context_ref(const context_ref& other) noexcept;
    context_ref(context_ref&& other) noexcept : context_{std::exchange(other.context_, nullptr)} {}
    context_ref& operator=(context_ref other) noexcept {
        std::swap(context_, other.context_);
        return *this;
    }
    ~context_ref() {
        if (context_ != nullptr) [[unlikely]] {
            drop();
        }
    }

    /// The value of a variable, or null.
    [[nodiscard]] const void* find(std::uint64_t variable) const noexcept;

    /// The same context, but for one variable: with another value, or with none if it is null. Throws std::bad_alloc.
    [[nodiscard]] context_ref with(std::uint64_t variable, std::shared_ptr<const void> value) const;

    /// The counted value of a variable, or null.
    [[nodiscard]] std::shared_ptr<const void> value_of(std::uint64_t variable) const noexcept;

    [[nodiscard]] bool operator==(const context_ref& other) const noexcept { return context_ == other.context_; }
    explicit operator bool() const noexcept { return context_ != nullptr; }

private:
    [[gnu::cold]] void drop() noexcept;

    const context* context_ = nullptr;
};

/// Which variables have been set, and to what. It never changes: so tasks share it, and a new task's copy is one more
/// reference. The values are counted too; a change of one copies the list of them. Programs have few variables: a list
/// is searched faster than a map.
///
/// Threads: any; the count is atomic.
class context : public pooled {
public:
    struct entry {
        std::uint64_t variable;
        std::shared_ptr<const void> value;
    };

    explicit context(std::vector<entry> all) noexcept : entries{std::move(all)} {}

    const std::vector<entry> entries;

private:
    friend class context_ref;
    mutable std::atomic<std::uint32_t> references_{1};
};

inline context_ref::context_ref(const context_ref& other) noexcept : context_{other.context_} {
    if (context_ != nullptr) [[unlikely]] {
        context_->references_.fetch_add(1, std::memory_order_relaxed);  // the other one keeps it alive
    }
}

/// The context of the running task. Outside a task null.
[[nodiscard]] context_ref* current_context() noexcept;

/// A copy of it; outside a task an empty one.
[[nodiscard]] inline context_ref copy_context() noexcept {
    const context_ref* const here = current_context();
    return here == nullptr ? context_ref{} : *here;
}

/// A number for a variable, never used again.
[[nodiscard]] std::uint64_t new_context_variable() noexcept;

}  // namespace gatherd::executor::detail
