/// \file
/// Memory for coroutine frames and control blocks.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>

namespace gatherd::executor {

/// Recycled blocks of a few sizes. A worker has a pool of its own, so that to take a block and to give it back costs
/// some nanoseconds without a lock; all other threads share one pool, under a lock.
///
/// A pool carves its blocks from slabs of 64 KiB, one size each, that it owns. A block that is given back elsewhere
/// goes home to the pool of its slab, in batches: otherwise a thread that always creates and another that always ends
/// would grow without bound. A slab with no block in use is for all pools; beyond half a megabyte of those their pages
/// go back to the system. A block that is larger than largest_block comes from operator new.
///
/// A worker holds the lock of its pool while it runs, and lets go of it before it sleeps. So each pool whose thread
/// does nothing can be tidied up by a worker that is about to sleep, and an idle process keeps no memory that it does
/// not use.
///
/// Under the sanitizers all of it comes from operator new, so that they see each block.
///
/// Threads: all functions are safe from any. Source of the idea: mimalloc (Leijen, Zorn, de Moura, 2019), with its
/// free list a slab and its separate list of blocks freed elsewhere.
class frame_pool {
public:
    static constexpr std::size_t largest_block = 2048;
    static constexpr std::size_t strongest_alignment = 4096;

    /// A block of at least `size` bytes, which is not 0. Throws std::bad_alloc.
    ///
    /// Its alignment is the largest power of two that divides `size`, but at least 16 and at most strongest_alignment.
    /// That suits every type of this size, since the size of a type is a multiple of its alignment. It also suits
    /// coroutine frames: neither g++ 12 nor clang 19 tells operator new how a frame is to be aligned, but both round
    /// its size up.
    [[nodiscard]] static void* allocate(std::size_t size);

    /// Gives it back; `size` as it was asked for.
    static void deallocate(void* given, std::size_t size) noexcept {
        if (size <= largest_block && mine_ != nullptr) [[likely]] {
            slab& s = slab::around(given);
            if (s.owner == mine_) [[likely]] {
                put_back(s, static_cast<block*>(given));
                return;
            }
        }
        deallocate_slowly(given, size);
    }

    /// While it lives, the calling thread has a pool of its own. One a thread.
    class membership {
    public:
        membership() noexcept;
        ~membership();
        membership(const membership&) = delete;
        membership& operator=(const membership&) = delete;
    };

    /// Before a thread with a pool of its own sleeps. Sends home what it holds of others' blocks, and lets others tidy
    /// its pool up until it uses it again. Once a second it also tidies up all pools whose threads rest, and gives back
    /// to the system what nobody has used for a second, in the end also of malloc's memory. True: some is left to do,
    /// so the caller should wake and come again in a second.
    static bool rest(std::chrono::steady_clock::time_point now) noexcept;

    /// Slabs of 64 KiB each. For reports and tests.
    struct slab_counts {
        std::size_t used;  ///< in the pools, with blocks in use or free
        std::size_t kept;  ///< in no pool, with pages in memory
    };
    [[nodiscard]] static slab_counts slabs() noexcept;

    struct owner_head;  ///< of frame_pool.cpp

private:
    friend class pool;

    static constexpr std::size_t slab_size = 64 * 1024;
    static constexpr std::size_t step = 16;  // sizes are multiples of it
    static constexpr std::size_t classes = largest_block / step;

    struct block {
        block* next;
    };

    /// The head of a slab; its blocks follow. The last one ends where the slab ends, so that each is aligned as its
    /// size is.
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

        [[nodiscard]] static slab& around(void* inside) noexcept {
            return *reinterpret_cast<slab*>(reinterpret_cast<std::uintptr_t>(inside) & ~(slab_size - 1));
        }
    };

    static constexpr std::size_t class_of(std::size_t size) noexcept { return (size - 1) / step; }
    static void* allocate_slowly(std::size_t size);
    static void deallocate_slowly(void* given, std::size_t size) noexcept;
    static void settle(slab& s) noexcept;
    static void take_up() noexcept;
    static bool lay_down() noexcept;

    /// Under the lock of the pool.
    static void put_back(slab& s, block* freed) noexcept {
        freed->next = s.free;
        s.free = freed;
        if (--s.used <= s.settles_at) [[unlikely]] {
            settle(s);
        }
    }

    static thread_local constinit owner_head* mine_;  // the calling thread's pool, while the thread holds its lock
    static thread_local constinit owner_head* own_;   // the same, also while the thread rests
};

/// What the fast paths need of a pool.
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

    static void* operator new(std::size_t size, std::align_val_t alignment) {
        return frame_pool::allocate(rounded(size, alignment));
    }
    static void operator delete(void* block, std::size_t size, std::align_val_t alignment) noexcept {
        frame_pool::deallocate(block, rounded(size, alignment));
    }

private:
    static constexpr std::size_t rounded(std::size_t size, std::align_val_t alignment) noexcept {
        const auto step = static_cast<std::size_t>(alignment);
        return (size + step - 1) / step * step;
    }
};

}  // namespace gatherd::executor
