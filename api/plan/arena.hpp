/// \file
/// Memory that is taken piece by piece and given back all at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

namespace gatherd::api::plan {

/// As std::pmr::monotonic_buffer_resource, whose allocation is a virtual call in another library: of a large plan each
/// task asks for some. The first pieces come from the arena itself.
///
/// Threads: one at a time.
class arena {
public:
    arena() noexcept : next_{first_}, left_{sizeof first_} {}
    arena(const arena&) = delete;
    arena& operator=(const arena&) = delete;

    /// So many bytes, aligned for any type. Never none.
    [[nodiscard]] std::byte* allocate(std::size_t bytes) {
        constexpr std::size_t unit = alignof(std::max_align_t);
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
        next_ = more_.emplace_back(new std::byte[size_]).get();
        left_ = size_;
    }

    alignas(std::max_align_t) std::byte first_[912];  // memory: not a value
    std::byte* next_;
    std::size_t left_;
    std::size_t size_ = sizeof first_;  // of the last piece
    std::vector<std::unique_ptr<std::byte[]>> more_;
};

}  // namespace gatherd::api::plan
