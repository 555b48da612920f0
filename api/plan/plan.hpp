/// \file
/// A checked plan: the tree and all the memory that it stands on.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "api/plan/node.hpp"
#include "api/value.hpp"

namespace gatherd::api::plan {

/// The tree of one request. Built by plan_decoder, then only read, by any number of threads.
class plan {
public:
    plan() {}  // first_ stays as it is: it is memory, not a value
    plan(const plan&) = delete;
    plan& operator=(const plan&) = delete;

    [[nodiscard]] const node& root() const noexcept { return *root_; }
    void set_root(const node& root) noexcept { root_ = &root; }

    /// How many tasks it has: nodes, each item of a map being one.
    [[nodiscard]] std::size_t tasks() const noexcept { return tasks_; }
    void count_tasks(std::size_t more) noexcept { tasks_ += more; }

    /// A new node in the arena.
    template <typename Node, typename... Args>
    Node& make(Args&&... args) {
        return *std::pmr::polymorphic_allocator<>{&arena_}.new_object<Node>(std::forward<Args>(args)...);
    }

    /// Room for `count` objects in the arena, default-constructed. Only for types without a destructor to run.
    template <typename T>
    std::span<T> make_span(std::size_t count) {
        static_assert(std::is_trivially_destructible_v<T>);
        T* const first = std::pmr::polymorphic_allocator<>{&arena_}.allocate_object<T>(count);
        std::uninitialized_default_construct_n(first, count);
        return {first, count};
    }

    /// A copy of a text in the arena.
    std::string_view keep(std::string_view text);

    /// Room for `count` values side by side, null at first.
    std::span<value> make_values(std::size_t count);

private:
    static constexpr std::size_t values_a_chunk = 256;

    struct values_chunk {
        std::unique_ptr<value[]> values;
        std::size_t used = 0;
        std::size_t size = 0;
    };

    alignas(std::max_align_t) std::array<std::byte, 1024> first_;  // a small plan needs no more: one allocation in all
    std::pmr::monotonic_buffer_resource arena_{first_.data(), first_.size()};
    std::vector<values_chunk> values_;
    const node* root_ = nullptr;
    std::size_t tasks_ = 0;
};

}  // namespace gatherd::api::plan
