/// \file
/// Replaces the global operator new and delete of the binary, so that it knows how much it has allocated: what
/// limits.memory_bytes is compared with. Linked into `gatherd` alone; a program that embeds the libraries keeps its
/// own.
///
/// Memory comes from malloc; what is counted is what malloc really gave. These never fail because of a limit: only
/// where client data is made can that be (gatherd/api/memory_limit.hpp).

#include <malloc.h>
#include <openssl/crypto.h>
#include <sys/resource.h>

#include <cstdlib>
#include <new>

#include "api/huge_pages.hpp"
#include "cli/serve/counting_allocator.hpp"
#include "gatherd/executor/allocated_memory.hpp"

namespace {

using gatherd::executor::allocated_memory;

void* counted(void* given) noexcept {
    if (given != nullptr) {
        const std::size_t size = malloc_usable_size(given);
        allocated_memory::add(static_cast<std::ptrdiff_t>(size));
        gatherd::api::use_huge_pages(given, size);
    }
    return given;
}

void give_back(void* given) noexcept {
    if (given != nullptr) {
        allocated_memory::add(-static_cast<std::ptrdiff_t>(malloc_usable_size(given)));
        std::free(given);
    }
}

/// As the standard says: asks the new-handler until there is memory, or no handler.
template <typename Allocate>
void* insist(const Allocate& allocate) {
    for (;;) {
        if (void* const given = allocate()) [[likely]] {
            return counted(given);
        }
        const std::new_handler handler = std::get_new_handler();
        if (handler == nullptr) {
            throw std::bad_alloc{};
        }
        handler();
    }
}

void* allocate(std::size_t size) {
    return insist([size] { return std::malloc(size == 0 ? 1 : size); });
}

void* allocate(std::size_t size, std::align_val_t alignment) {
    const auto step = static_cast<std::size_t>(alignment);
    return insist([=] { return std::aligned_alloc(step, (size + step - 1) / step * step); });
}

template <typename... Size>
void* allocate_or_null(Size... size) noexcept {
    try {
        return allocate(size...);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

// OpenSSL's: counted, and never refused.
void* allocate_for_openssl(std::size_t size, const char*, int) noexcept {
    return size == 0 ? nullptr : counted(std::malloc(size));
}
void* resize_for_openssl(void* given, std::size_t size, const char*, int) noexcept {
    const auto before = static_cast<std::ptrdiff_t>(given == nullptr ? 0 : malloc_usable_size(given));
    if (size == 0) {
        give_back(given);
        return nullptr;
    }
    void* const resized = std::realloc(given, size);
    if (resized != nullptr) {
        allocated_memory::add(static_cast<std::ptrdiff_t>(malloc_usable_size(resized)) - before);
    }
    return resized;
}
void free_for_openssl(void* given, const char*, int) noexcept {
    give_back(given);
}

}  // namespace

namespace gatherd::cli {

void begin_counting_memory() noexcept {
    executor::allocated_memory::begin_counting();
    // By itself malloc raises both with the sizes that it sees, up to 32 and 64 MiB; then each thread's arena would
    // keep so much at its end, which malloc_trim does not give back.
    mallopt(M_MMAP_THRESHOLD, api::smallest_mapping);
    mallopt(M_TRIM_THRESHOLD, 8 << 20);
    // Where address space is limited, all threads share one arena: each other would take 64 MiB of it, and use little.
    rlimit space{};
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) {
        mallopt(M_ARENA_MAX, 1);
    }
    static_cast<void>(CRYPTO_set_mem_functions(&allocate_for_openssl, &resize_for_openssl, &free_for_openssl));
}

}  // namespace gatherd::cli

void* operator new(std::size_t size) {
    return allocate(size);
}
void* operator new[](std::size_t size) {
    return allocate(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return allocate(size, alignment);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return allocate_or_null(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return allocate_or_null(size);
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return allocate_or_null(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return allocate_or_null(size, alignment);
}
void operator delete(void* given) noexcept {
    give_back(given);
}
void operator delete[](void* given) noexcept {
    give_back(given);
}
void operator delete(void* given, std::size_t) noexcept {
    give_back(given);
}
void operator delete[](void* given, std::size_t) noexcept {
    give_back(given);
}
void operator delete(void* given, std::align_val_t) noexcept {
    give_back(given);
}
void operator delete[](void* given, std::align_val_t) noexcept {
    give_back(given);
}
void operator delete(void* given, std::size_t, std::align_val_t) noexcept {
    give_back(given);
}
void operator delete[](void* given, std::size_t, std::align_val_t) noexcept {
    give_back(given);
}
void operator delete(void* given, const std::nothrow_t&) noexcept {
    give_back(given);
}
void operator delete[](void* given, const std::nothrow_t&) noexcept {
    give_back(given);
}
void operator delete(void* given, std::align_val_t, const std::nothrow_t&) noexcept {
    give_back(given);
}
void operator delete[](void* given, std::align_val_t, const std::nothrow_t&) noexcept {
    give_back(given);
}
