/// \file
/// Memory for coroutine frames and control blocks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace gatherd::executor {

/// Recycled blocks of a few sizes: each thread has its own, so that taking and giving back is some nanoseconds without
/// a lock.
///
/// A thread carves its blocks from slabs of 64 KiB, one size each, that it owns. A block that another thread gives back
/// goes home to the owner of its slab, in batches: without a way home a thread that always creates and another that
/// always ends would grow without bound. A slab with no block in use goes back to all threads; beyond some megabytes of
/// those their pages go back to the system. What is larger than largest_block comes from operator new.
///
/// Under the sanitizers all of it comes from operator new, so that they see each block.
///
/// Threads: all functions are safe from any. Source of the idea: mimalloc (Leijen, Zorn, de Moura, 2019), with its
/// free list a slab and its separate list of blocks freed elsewhere.
class frame_pool {
public:
    static constexpr std::size_t largest_block = 2048;

    /// A block of at least `size` bytes, which is not 0, aligned for every fundamental type. Throws std::bad_alloc.
    [[nodiscard]] static void* allocate(std::size_t size);

    /// Gives it back; `size` as it was asked for.
    static void deallocate(void* given, std::size_t size) noexcept {
        if (size <= largest_block && mine_ != nullptr) [[likely]] {
            slab& s = slab::of(given);
            if (s.owner == mine_) [[likely]] {
                put_back(s, static_cast<block*>(given));
                return;
            }
        }
        deallocate_slowly(given, size);
    }

    /// Sends home what this thread holds of others' blocks. A worker does it before it sleeps; others do it by
    /// themselves when they have gathered some, and when they end.
    static void send_home() noexcept;

    /// Gives pages back to the system that nobody has used for a second. A worker does it before it sleeps. True: there
    /// are more, so it should look again in a second.
    static bool trim() noexcept;

    struct owner_head;  ///< of frame_pool.cpp

private:
    friend class pool;

    static constexpr std::size_t slab_size = 64 * 1024;
    static constexpr std::size_t step = 16;  // sizes are multiples of it
    static constexpr std::size_t classes = largest_block / step;

    struct block {
        block* next;
    };

    /// The head of a slab; its blocks follow.
    struct alignas(64) slab {
        owner_head* owner = nullptr;
        block* free = nullptr;
        std::int32_t used = 0;
        std::int32_t settles_at = never;  // when so many blocks are in use after one came back, there is more to do
        std::uint32_t block_size = 0;
        std::uint32_t untouched = 0;  // blocks at the end that were never given out
        slab* next = nullptr;
        slab* previous = nullptr;

        static constexpr std::int32_t never = -1;         // it is the one that blocks are taken from
        static constexpr std::int32_t when_empty = 0;     // it stands in the list of those with free blocks
        static constexpr std::int32_t at_once = 1 << 30;  // all blocks are in use: it stands in no list

        [[nodiscard]] static slab& of(void* inside) noexcept {
            return *reinterpret_cast<slab*>(reinterpret_cast<std::uintptr_t>(inside) & ~(slab_size - 1));
        }
    };

    static constexpr std::size_t class_of(std::size_t size) noexcept { return (size - 1) / step; }
    static void* allocate_slowly(std::size_t size);
    static void deallocate_slowly(void* given, std::size_t size) noexcept;
    static void settle(slab& s) noexcept;

    /// Owner of the slab only.
    static void put_back(slab& s, block* freed) noexcept {
        freed->next = s.free;
        s.free = freed;
        if (--s.used <= s.settles_at) [[unlikely]] {
            settle(s);
        }
    }

    static thread_local constinit owner_head* mine_;
};

/// What the fast paths need of a thread's pool.
struct frame_pool::owner_head {
    std::array<slab*, classes> current;  // never null: an empty one that is nobody's, to begin with
};

inline void* frame_pool::allocate(std::size_t size) {
    if (size <= largest_block && mine_ != nullptr) [[likely]] {
        slab& s = *mine_->current[class_of(size)];
        if (s.free != nullptr) [[likely]] {
            block* const taken = s.free;
            s.free = taken->next;
            ++s.used;
            return taken;
        }
    }
    return allocate_slowly(size);
}

/// Base of what is made and ended often: takes its memory from frame_pool. A promise type that derives from it places
/// its coroutine's frame there.
struct pooled {
    static void* operator new(std::size_t size) { return frame_pool::allocate(size); }
    static void operator delete(void* block, std::size_t size) noexcept { frame_pool::deallocate(block, size); }
};

}  // namespace gatherd::executor
