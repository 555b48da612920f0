/// \file
/// A checked plan: the tree and all the memory that it stands on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/plan/model/node.hpp"
#include "gatherd/api/memory_limit.hpp"
#include "gatherd/api/value.hpp"

namespace gatherd::api::plan {

/// Memory that is taken piece by piece and given back all at once.
///
/// As std::pmr::monotonic_buffer_resource, whose allocation is a virtual call in another library: of a large plan each
/// task asks for some. The first pieces come from the arena itself.
///
/// Threads: one at a time.
class arena {
public:
    arena() noexcept : next_{first_}, left_{sizeof first_} {}
    arena(const arena&) = delete;
    arena& operator=(const arena&) = delete;

    /// What a piece is aligned for: nodes are made of pointers and numbers.
    static constexpr std::size_t unit = alignof(void*);

    /// So many bytes. Never none.
    [[nodiscard]] std::byte* allocate(std::size_t bytes) {
        bytes = (bytes + unit - 1) / unit * unit;
        if (bytes > left_) [[unlikely]] {
            grow(bytes);
        }
        std::byte* const piece = next_;
        next_ += bytes;
        left_ -= bytes;
        return piece;
    }

private:
    void grow(std::size_t bytes) {
        constexpr std::size_t largest = std::size_t{1} << 20;
        size_ = std::max(bytes, std::min(2 * size_, largest));
        memory_limit::check(size_);
        next_ = more_.emplace_back(new std::byte[size_]).get();
        left_ = size_;
    }

    alignas(unit) std::byte first_[912];  // memory: not a value
    std::byte* next_;
    std::size_t left_;
    std::size_t size_ = sizeof first_;  // of the last piece
    std::vector<std::unique_ptr<std::byte[]>> more_;
};

/// The tree of one request. Built by plan_decoder, then only read, by any number of threads.
class plan {
public:
    plan() {}  // not {}: the arena's memory stays as it is
    plan(const plan&) = delete;
    plan& operator=(const plan&) = delete;
    ~plan();

    [[nodiscard]] const node& root() const noexcept { return *root_; }
    void set_root(const node& root) noexcept { root_ = &root; }

    /// How many tasks it has: nodes, each item of a map of a function being one.
    [[nodiscard]] std::size_t tasks() const noexcept { return tasks_; }
    void count_tasks(std::size_t more) noexcept { tasks_ += more; }

    /// Those, and what maps of a task over a list that stands in the plan will run.
    [[nodiscard]] std::size_t expected_tasks() const noexcept { return tasks_ + mapped_tasks_; }

    /// So many items are expected to run so many tasks each.
    void expect_tasks(std::size_t items, std::size_t tasks_each) noexcept {
        constexpr std::size_t most = std::size_t{1} << 48;  // as good as more
        mapped_tasks_ =
            std::min(most, mapped_tasks_ + std::min(items, most) * std::min(tasks_each, most / (items + 1) + 1));
    }

    /// A new node in the arena.
    template <typename Node, typename... Args>
    Node& make(Args&&... args) {
        static_assert(std::is_trivially_destructible_v<Node> && alignof(Node) <= arena::unit);
        return *::new (arena_.allocate(sizeof(Node))) Node(std::forward<Args>(args)...);
    }

    /// Room for `count` objects in the arena, default-constructed. Only for types without a destructor to run.
    template <typename T>
    std::span<T> make_span(std::size_t count) {
        static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= arena::unit);
        T* const first = reinterpret_cast<T*>(arena_.allocate(count * sizeof(T)));
        std::uninitialized_default_construct_n(first, count);
        return {first, count};
    }

    /// Keeps a function that a worker serves for as long as this lives. Precondition: it has none of that name.
    void keep_served(std::shared_ptr<const function> served);

    /// The one of that name that it keeps, or null.
    [[nodiscard]] const function* find_served(std::string_view name) const;

    /// Whether any of its calls goes to a worker.
    [[nodiscard]] bool calls_workers() const noexcept { return served_ != nullptr; }

    /// A copy of a text in the arena.
    std::string_view keep(std::string_view text);

    /// Room for `count` values side by side, null at first.
    std::span<value> make_values(std::size_t count);

private:
    static constexpr std::size_t largest_chunk = 16 * 1024;                                          // values
    using served_functions = std::unordered_map<std::string_view, std::shared_ptr<const function>>;  // by their names

    struct values_chunk {
        std::unique_ptr<value[]> values;
        std::size_t used = 0;
        std::size_t size = 0;
    };

    arena arena_;  // its first pieces are here: a small plan is one allocation in all
    std::vector<values_chunk> values_;
    const node* root_ = nullptr;
    std::size_t tasks_ = 0;
    std::size_t mapped_tasks_ = 0;
    std::unique_ptr<served_functions> served_;  // none: few plans have any
};

}  // namespace gatherd::api::plan
