/// \file
/// Huge pages for large blocks.
#pragma once

#include <malloc.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace gatherd::api {

/// From this size on malloc takes a mapping for a block alone, unless it has so much free, and gives it back with it.
/// The daemon sets it so.
constexpr std::size_t smallest_mapping = 4 << 20;

/// Asks for huge pages for a large block of malloc's that has a mapping of its own: the first touch of each page, and
/// to give them back, costs more than what is then done there. Not for one in malloc's own memory, where free pages
/// would come back with those around them. `size`: malloc_usable_size of it. A hint.
inline void use_huge_pages(void* block, std::size_t size) noexcept {
    constexpr std::uintptr_t page = 4096;
    constexpr std::uintptr_t head = 2 * sizeof(std::size_t);  // glibc's, where a mapping begins
    const auto begin = reinterpret_cast<std::uintptr_t>(block) - head;
    if (size >= smallest_mapping && begin % page == 0) {
        madvise(reinterpret_cast<void*>(begin), (head + size) / page * page, MADV_HUGEPAGE);
    }
}

}  // namespace gatherd::api
