/// \file
/// Memory for what must not fail: passing on a request to cancel.
#pragma once

#include <cstddef>
#include <string>

namespace gatherd::executor::detail {

/// A block from operator new, or, when that has none, from a reserve of 256 KiB that the process has had from the
/// beginning. When the reserve is used up too the process ends with a message. Any thread.
[[nodiscard]] void* allocate_or_reserve(std::size_t size) noexcept;
void give_back_or_reserve(void* given, std::size_t size) noexcept;

/// A copy, or, without memory, an empty string: a request to cancel matters more than its message.
[[nodiscard]] std::string copy_or_nothing(const std::string& message) noexcept;

/// An allocator of a container that is filled where nothing may fail.
template <typename T>
struct reserved {
    using value_type = T;

    reserved() noexcept = default;
    template <typename U>
    reserved(const reserved<U>&) noexcept {}

    [[nodiscard]] T* allocate(std::size_t count) noexcept {
        return static_cast<T*>(allocate_or_reserve(count * sizeof(T)));
    }
    void deallocate(T* given, std::size_t count) noexcept { give_back_or_reserve(given, count * sizeof(T)); }

    friend bool operator==(const reserved&, const reserved&) noexcept { return true; }
};

}  // namespace gatherd::executor::detail
